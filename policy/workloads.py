"""Workloads of a stack: which of them serve models, how many replicas they come to, how many GPUs these hold."""

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blueprint.accelerators import ACCELERATORS, LABEL_KEYS
from policy.pods import Pod, gpus, pods
from policy.reading import UNKNOWN, each, get, number
from policy.stack import Resource, Stack, together

KINDS = ("Deployment", "StatefulSet", "LeaderWorkerSet")
"""Kinds that keep replicas."""

_ONCE = ("Pod", "Job", "CronJob")
_MODEL = "llm-inference/model"
_LEADER = "leaderworkerset.sigs.k8s.io/worker-index"
_SCALERS = {"HorizontalPodAutoscaler": ("maxReplicas",), "ScaledObject": ("maxReplicaCount",)}
_AFFINITY = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
_ACCELERATOR_OF = {
    value: gpu.name for gpu in ACCELERATORS.values() for values in gpu.labels.values() for value in values
}
_KEYS = frozenset(LABEL_KEYS.values())


@dataclass(frozen=True)
class Workload:
    """An object with pods."""

    resource: Resource
    pods: Sequence[Pod]

    @property
    def serves(self) -> bool:
        """Whether its pods answer requests to a model."""
        labelled = any(
            _MODEL in pod.labels and any(list(each(one, "ports")) for one in pod.containers) for pod in self.pods
        )
        return labelled or any(list(pod.engines) for pod in self.pods)

    @property
    def labels(self) -> Mapping[str, Any]:
        """Of the pods that answer: of a group those of the leader, whose index its controller writes."""
        labels = self.pods[0].labels
        return {**labels, _LEADER: "0"} if self.resource.kind == "LeaderWorkerSet" else labels


@functools.lru_cache(maxsize=1)
def workloads(stack: Stack) -> Sequence[Workload]:
    """Everything of a stack that brings pods, but what runs on every node. Once for all rules that ask."""
    found = ((resource, list(pods(resource.kind, resource.properties))) for resource in stack.of(*KINDS, *_ONCE))
    return [Workload(resource, brought) for resource, brought in found if brought]


@functools.lru_cache(maxsize=1)
def models(stack: Stack) -> Sequence[Workload]:
    """The workloads that serve models."""
    return [one for one in workloads(stack) if one.resource.kind in KINDS and one.serves]


def scalers(stack: Stack, workload: Workload) -> Iterator[Resource]:
    """What scales a workload."""
    for scaler in stack.of(*_SCALERS):
        target = get(scaler.properties, "spec", "scaleTargetRef")
        kind = get(target, "kind")
        if (
            get(target, "name") == workload.resource.live_name
            and together("Deployment" if kind is None else kind, workload.resource.kind)
            and together(scaler.namespace, workload.resource.namespace)
        ):
            yield scaler


def most_replicas(stack: Stack, workload: Workload) -> int | None:
    """Replicas at most, without those that a rollout adds; None where nobody can tell."""
    limits = [number(get(one.properties, "spec", *_SCALERS[one.kind])) for one in scalers(stack, workload)]
    if limits:
        return None if None in limits else max(one for one in limits if one is not None)
    spec, kind = get(workload.resource.properties, "spec"), workload.resource.kind
    if kind == "Pod":
        return 1
    path = {"Job": ("parallelism",), "CronJob": ("jobTemplate", "spec", "parallelism")}.get(kind, ("replicas",))
    given = get(spec, *path)
    return 1 if given is None else number(given)


def surge(workload: Workload, replicas: int) -> int:
    """Replicas that a rollout adds to as many; by the API server's defaults where nobody says."""
    spec = get(workload.resource.properties, "spec")
    if workload.resource.kind == "Deployment" and get(spec, "strategy", "type") != "Recreate":
        given = get(spec, "strategy", "rollingUpdate", "maxSurge")
        return _share("25%" if given is None else given, replicas)
    if workload.resource.kind == "LeaderWorkerSet":
        return _share(get(spec, "rolloutStrategy", "rollingUpdateConfiguration", "maxSurge"), replicas)
    return 0


def _share(value: Any, replicas: int) -> int:
    """A number, or a percentage of the replicas, rounded up as Kubernetes does; 0 where nobody can tell."""
    text = value.removesuffix("%") if isinstance(value, str) and value.endswith("%") else ""
    if text.isdecimal():
        return math.ceil(int(text) * replicas / 100)
    return max(number(value) or 0, 0)


def gpus_of_replica(workload: Workload) -> Mapping[str, int]:
    """By resource, the GPUs of one replica: of a group those of all its pods."""
    found: dict[str, int] = {}
    for pod, times in zip(workload.pods, _pods_each(workload), strict=True):
        for resource, count in _gpus_of_pod(pod).items():
            found[resource] = found.get(resource, 0) + count * times
    return found


def pods_held(workload: Workload) -> Iterator[tuple[Pod, int, int]]:
    """The pods that hold GPUs: each with how many it holds, and how many of it a replica has."""
    for pod, times in zip(workload.pods, _pods_each(workload), strict=True):
        held = sum(_gpus_of_pod(pod).values())
        if held:
            yield pod, held, times


def _pods_each(workload: Workload) -> Sequence[int]:
    """How many of each of a workload's pods a replica has."""
    if workload.resource.kind != "LeaderWorkerSet":
        return [1] * len(workload.pods)
    size = number(get(workload.resource.properties, "spec", "leaderWorkerTemplate", "size"))
    size = 1 if size is None else max(size, 1)
    return [size] if len(workload.pods) == 1 else [1, size - 1]


def _gpus_of_pod(pod: Pod) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for container in each(pod.spec, "containers"):
        for resource, limit in gpus(container).items():
            found[resource] = found.get(resource, 0) + _whole(limit)
    # Those that run first give their GPUs back.
    for container in each(pod.spec, "initContainers"):
        for resource, limit in gpus(container).items():
            found[resource] = max(found.get(resource, 0), _whole(limit))
    return found


def _whole(limit: Any) -> int:
    return int(limit) if isinstance(limit, str) and limit.isdecimal() else max(number(limit) or 0, 0)


def kinds_of_gpu(pod: Pod) -> Iterator[str]:
    """The node labels' values by which a pod asks for kinds of GPUs; none where it asks for any."""
    for key in _KEYS:
        value = get(pod.spec, "nodeSelector", key)
        if isinstance(value, str):
            yield value
    for term in each(pod.spec, *_AFFINITY):
        for expression in each(term, "matchExpressions"):
            if str(get(expression, "key")) in _KEYS and get(expression, "operator") == "In":
                yield from (str(value) for value in each(expression, "values"))


def accelerator(value: str) -> str | None:
    """The accelerator that a node label's value stands for; None for one that nobody here knows."""
    return _ACCELERATOR_OF.get(value)


def selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Whether a label selector selects what has these labels, as far as anybody can tell."""
    if selector is UNKNOWN:
        return True
    if not isinstance(selector, Mapping):
        return False
    exact = get(selector, "matchLabels")
    keys = list(exact) if isinstance(exact, Mapping) else []
    return all(together(get(exact, key), get(labels, key)) for key in keys) and all(
        _expression(one, labels) for one in each(selector, "matchExpressions")
    )


def _expression(expression: Any, labels: Mapping[str, Any]) -> bool:
    key, operator = get(expression, "key"), get(expression, "operator")
    value = get(labels, key) if isinstance(key, str) else None
    if value is UNKNOWN:
        return True
    listed = value in list(each(expression, "values"))
    return {
        "In": listed,
        "NotIn": not listed,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }.get(operator if isinstance(operator, str) else "", True)
