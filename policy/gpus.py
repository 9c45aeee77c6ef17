"""Rules about pods that hold GPUs: what they ask for, and where they may run."""

from collections.abc import Mapping

from policy.pods import Pod, called, gpus
from policy.reading import UNKNOWN, each, get, whole
from policy.rule import Found, Rule, of_pods

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def _uneven(pod: Pod) -> Found:
    for container in pod.containers:
        for resource, limit in gpus(container).items():
            if limit is UNKNOWN:
                continue
            if not _whole_number(limit):
                yield f"{called(container)} has {limit} as limit of {resource}"
            request = get(container, "resources", "requests", resource)
            if request not in (None, UNKNOWN) and str(request) != str(limit):
                yield f"{called(container)} requests {request} of {resource}, and its limit is {limit}"
        asked = gpus({"resources": {"limits": get(container, "resources", "requests")}})
        for resource in asked.keys() - gpus(container).keys():
            yield f"{called(container)} requests {resource} and has no limit of it"


def _whole_number(limit: object) -> bool:
    # A number comes as a float from the policy host, and as a text from people.
    text = str(limit)
    return text.removesuffix(".0").isdigit() and text not in ("0", "0.0")


def _anywhere(pod: Pod) -> Found:
    if not pod.holds_gpus:
        return
    if not list(each(pod.spec, "tolerations")) and whole(pod.spec, "tolerations"):
        yield "the pod holds GPUs and tolerates no taint"
    chosen = get(pod.spec, "nodeSelector"), get(pod.spec, "affinity", "nodeAffinity", _REQUIRED)
    if not any(one is UNKNOWN or (isinstance(one, Mapping) and len(one)) for one in chosen):
        yield "the pod holds GPUs and asks for no kind of node"


def _boundless(pod: Pod) -> Found:
    for container in pod.containers:
        if gpus(container) and get(container, "resources", "limits", "memory") is None:
            yield f"{called(container)} holds GPUs and has no memory limit"


def _shared_memory(pod: Pod) -> Found:
    for volume in each(pod.spec, "volumes"):
        held = get(volume, "emptyDir")
        if get(held, "medium") == "Memory" and get(held, "sizeLimit") is None:
            yield f'volume "{get(volume, "name")}" is in memory and has no sizeLimit'


RULES = (
    Rule(
        name="gpus-whole",
        description="GPUs are whole, and requested as they are limited.",
        why="The API server refuses such a pod, and only when it is made: the rollout hangs.",
        remedy="Give the limit alone, a whole number of at least 1.",
        mandatory=True,
        of=of_pods(_uneven),
    ),
    Rule(
        name="gpus-placed",
        description="A pod with GPUs tolerates the taint of GPU nodes and asks for a kind of node.",
        why="Without both it waits for ever, or lands on a GPU that its model does not fit.",
        remedy="Add a toleration of nvidia.com/gpu, and a node selector or a required affinity for the accelerator.",
        mandatory=True,
        of=of_pods(_anywhere),
    ),
    Rule(
        name="memory-bounded",
        description="Containers with GPUs have a memory limit.",
        why="Loading reads all weights through memory; without a limit the node's other pods are killed for it.",
        remedy="Set resources.limits.memory.",
        mandatory=True,
        of=of_pods(_boundless),
    ),
    Rule(
        name="shared-memory-bounded",
        description="Volumes in memory have a sizeLimit.",
        why="What NCCL and tokenizers leave in /dev/shm counts as memory, and without a limit takes the node's.",
        remedy="Set emptyDir.sizeLimit, below the container's memory limit.",
        mandatory=True,
        of=of_pods(_shared_memory),
    ),
)
