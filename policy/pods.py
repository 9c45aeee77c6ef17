"""Pods, whatever kind of object brings them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blueprint.accelerators import ACCELERATORS
from policy.reading import UNKNOWN, each, get

_TEMPLATE = ("spec", "template", "spec")
_WHERE: Mapping[str, Sequence[tuple[str, ...]]] = {
    "Pod": [("spec",)],
    "Deployment": [_TEMPLATE],
    "StatefulSet": [_TEMPLATE],
    "DaemonSet": [_TEMPLATE],
    "ReplicaSet": [_TEMPLATE],
    "Job": [_TEMPLATE],
    "CronJob": [("spec", "jobTemplate", *_TEMPLATE)],
    "LeaderWorkerSet": [("spec", "leaderWorkerTemplate", one, "spec") for one in ("leaderTemplate", "workerTemplate")],
}
"""By kind, where the specs of its pods are."""

_GPU_RESOURCES = frozenset({"nvidia.com/gpu", "amd.com/gpu", *(one.resource for one in ACCELERATORS.values())})
_MIG = "nvidia.com/mig-"


@dataclass(frozen=True)
class Pod:
    """A pod's spec, annotations and labels."""

    spec: Mapping[str, Any]
    annotations: Mapping[str, Any]
    labels: Mapping[str, Any]

    @property
    def containers(self) -> Iterator[Mapping[str, Any]]:
        """Every container, those that run first included."""
        for key in ("containers", "initContainers", "ephemeralContainers"):
            yield from (one for one in each(self.spec, key) if isinstance(one, Mapping))

    @property
    def engines(self) -> Iterator[Mapping[str, Any]]:
        """Containers that hold GPUs and answer requests."""
        for one in each(self.spec, "containers"):
            if gpus(one) and list(each(one, "ports")):
                yield one

    @property
    def holds_gpus(self) -> bool:
        """Whether a container holds GPUs."""
        return any(gpus(one) for one in self.containers)


def pods(kind: str, properties: Mapping[str, Any]) -> Iterator[Pod]:
    """The pods that an object of a kind brings; none for most kinds, and where their spec is not known yet."""
    for path in _WHERE.get(kind, ()):
        spec = get(properties, *path)
        if isinstance(spec, Mapping):
            annotations, labels = (get(properties, *path[:-1], "metadata", key) for key in ("annotations", "labels"))
            yield Pod(
                spec,
                annotations if isinstance(annotations, Mapping) else {},
                {str(key): get(labels, key) for key in labels} if isinstance(labels, Mapping) else {},
            )


def called(container: Any) -> str:
    """How messages name a container."""
    name = get(container, "name")
    return "a container" if name in (None, UNKNOWN) else f'container "{name}"'


def gpus(container: Any) -> Mapping[str, Any]:
    """By resource, the devices that a container may use."""
    limits = get(container, "resources", "limits")
    keys = list(limits) if isinstance(limits, Mapping) else []
    return {key: get(limits, key) for key in keys if _is_gpu(key)}


def _is_gpu(resource: object) -> bool:
    return isinstance(resource, str) and (resource in _GPU_RESOURCES or resource.startswith(_MIG))
