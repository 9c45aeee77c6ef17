"""Rules about pods, whatever kind of object brings them."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy.proxy import UnknownValueError

_TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")


def pod_spec(resource_type: str, properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pod's spec inside an object of any kind that has one; empty where there is none."""
    kind = resource_type.rpartition(":")[2]
    if kind == "Pod":
        path = ["spec"]
    elif kind in _TEMPLATED:
        path = ["spec", "template", "spec"]
    elif kind == "CronJob":
        path = ["spec", "jobTemplate", "spec", "template", "spec"]
    else:
        return {}
    found: Any = properties
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every container of a pod, those that run first included."""
    for key in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(key) or ():
            if isinstance(container, Mapping):
                yield container


def unpinned_images(spec: Mapping[str, Any]) -> Iterator[str]:
    """Containers whose image is not named by digest."""
    for container in containers(spec):
        try:
            image = str(container.get("image") or "")
        except UnknownValueError:
            # Built in this very deployment: the digest is judged when it is known, before the pod is made.
            continue
        if "@sha256:" not in image:
            yield (
                f'container "{container.get("name")}" runs {image or "no image"}, which is not named by digest: a pod '
                "that restarts may get another engine. Resolve it in images.lock.yaml."
            )


def privileged_containers(spec: Mapping[str, Any]) -> Iterator[str]:
    """Containers that see every GPU of their node, whatever they requested."""
    for container in containers(spec):
        security = container.get("securityContext")
        if isinstance(security, Mapping) and security.get("privileged") is True:
            yield (
                f'container "{container.get("name")}" is privileged: it sees all GPUs of its node and takes '
                "memory that other replicas were given. Remove securityContext.privileged."
            )
