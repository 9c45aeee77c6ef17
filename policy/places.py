"""Rules about where things may be: namespaces, and kinds of GPUs."""

from policy.pods import pods
from policy.reading import UNKNOWN, get
from policy.rule import Found, Properties, Rule
from policy.settings import StackRules
from policy.workloads import accelerator, kinds_of_gpu


def _elsewhere(kind: str, properties: Properties, allowed: StackRules) -> Found:
    if not allowed.namespaces or ":" in kind:
        return
    namespace = get(properties, "metadata", "name" if kind == "Namespace" else "namespace")
    if namespace is None and any(True for _ in pods(kind, properties)):
        namespace = "default"
    if namespace not in (None, UNKNOWN, *allowed.namespaces):
        yield f"it is in namespace {namespace}, which is none of {', '.join(allowed.namespaces)}"


def _unwanted(kind: str, properties: Properties, allowed: StackRules) -> Found:
    if not allowed.accelerators:
        return
    for pod in pods(kind, properties):
        for value in kinds_of_gpu(pod) if pod.holds_gpus else ():
            if accelerator(value) not in allowed.accelerators:
                yield f"the pod asks for {value}, which is none of {', '.join(allowed.accelerators)}"


RULES = (
    Rule(
        name="namespace-allowed",
        description="Everything is in a namespace that the stack allows.",
        why="Another namespace has another owner, quota and Pod Security.",
        remedy="Change cluster.namespace, or add it to policy/stacks.yaml.",
        mandatory=True,
        of=_elsewhere,
    ),
    Rule(
        name="accelerator-allowed",
        description="Pods ask for the accelerators that the stack allows.",
        why="The largest GPUs are the dearest, and other models wait for them.",
        remedy="Choose another accelerator, or add it to policy/stacks.yaml.",
        mandatory=True,
        of=_unwanted,
    ),
)
