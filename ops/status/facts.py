"""What a cluster says about a stack's models: replicas, pods, GPUs, as plain values."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from blueprint.accelerators import ACCELERATORS, LABEL_KEYS
from blueprint.description import PART_OF
from blueprint.settings import Cluster
from ops.cluster import quantity
from ops.cluster.reading import Reader, Unread

INSTANCE = "app.kubernetes.io/instance"
_OURS = {"labelSelector": f"{PART_OF[0]}={PART_OF[1]}"}
_KINDS = {
    "Deployment": ("apps/v1", "deployments"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "LeaderWorkerSet": ("leaderworkerset.x-k8s.io/v1", "leaderworkersets"),
}
"""Who makes the pods of a model, with where the API server keeps them."""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """One pod. gpus: devices that it holds or wants. Times are None for what has not happened.

    unscheduled: the scheduler's words while no node was found.
    waiting: reason and message of the first container that does not run.
    ended: reason and message of the first container's last end.
    """

    name: str
    instance: str
    node: str | None
    phase: str
    ready: bool
    deleting: bool
    gpus: int
    restarts: int
    created: datetime.datetime
    scheduled: datetime.datetime | None
    ready_since: datetime.datetime | None
    unscheduled: str | None
    waiting: tuple[str, str] | None
    ended: tuple[str, str] | None
    claims: Sequence[str]

    @property
    def load_seconds(self) -> float | None:
        """From its node to Ready, in seconds: pull, download, load. Not known once it was not ready in between."""
        if self.scheduled is None or self.ready_since is None or self.restarts:
            return None
        return (self.ready_since - self.scheduled).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Replicas:
    """What keeps a model's pods: how many it should have, and how its last rollout went.

    refused: the API server's words when it takes no more pods.
    """

    kind: str
    name: str
    wanted: int
    ready: int
    updated: int
    rollout: tuple[str, datetime.datetime | None]
    refused: str | None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The stack's namespace and its nodes at one moment.

    claims: phase by name. quotas: used and hard by resource, of each quota.
    gpu_nodes: by node, its accelerator (None for a type that is not in the registry) and its devices.
    others: GPUs that pods outside this namespace hold, by node.
    """

    replicas: Sequence[Replicas] | Unread
    pods: Sequence[Pod] | Unread
    claims: Mapping[str, str] | Unread
    quotas: Mapping[str, Mapping[str, tuple[str, str]]] | Unread
    gpu_nodes: Mapping[str, tuple[str | None, int]] | Unread
    others: Mapping[str, int] | Unread


def look(http: httpx2.Client, cluster: Cluster) -> Seen:
    """Read everything once. What may not be read says why."""
    read = Reader(http)
    namespace = cluster.namespace.name
    inside = f"/api/v1/namespaces/{namespace}"
    failures = _failures(read, namespace)
    found: list[Replicas] | Unread = []
    # All of the namespace: the Deployment of llm-d's chart carries its own labels.
    for kind, (version, plural) in _KINDS.items():
        sets = read.all(
            f"/apis/{version}/namespaces/{namespace}/{plural}",
            f"list {plural} in {namespace}",
            lambda item, kind=kind: _replicas(item, kind, failures),
        )
        if isinstance(sets, Unread):
            # A cluster without its definition has none.
            found = found if kind == "LeaderWorkerSet" else sets
        elif not isinstance(found, Unread):
            found += sets
    resources = {accelerator.resource for accelerator in ACCELERATORS.values()}
    return Seen(
        replicas=found,
        pods=read.all(f"{inside}/pods", f"list pods in {namespace}", _pod, _OURS),
        claims=_mapping(
            read.all(f"{inside}/persistentvolumeclaims", f"list persistentvolumeclaims in {namespace}", _claim, _OURS)
        ),
        quotas=_mapping(
            read.all(
                f"{inside}/resourcequotas",
                f"list resourcequotas in {namespace}",
                lambda item: _quota(item, resources),
            )
        ),
        gpu_nodes=_mapping(
            read.all("/api/v1/nodes", "list nodes", lambda item: _node(item, LABEL_KEYS[cluster.node_labels]))
        ),
        others=_others(read.all("/api/v1/pods", "list pods in all namespaces", _holding), namespace),
    )


def _mapping(pairs: Any) -> Any:
    return pairs if isinstance(pairs, Unread) else dict(pairs)


def _failures(read: Reader, namespace: str) -> Mapping[str, str]:
    """Why pods of a set could not be made, by the set's kind and name; Deployments say it themselves."""
    events = read.all(
        f"/api/v1/namespaces/{namespace}/events",
        f"list events in {namespace}",
        lambda item: (f"{item['involvedObject']['kind']}/{item['involvedObject']['name']}", item.get("message", "")),
        {"fieldSelector": "reason=FailedCreate"},
    )
    return {} if isinstance(events, Unread) else dict(events)


def _replicas(item: Any, kind: str, failures: Mapping[str, str]) -> Replicas:
    status, name = item.get("status") or {}, item["metadata"]["name"]
    conditions = {one["type"]: one for one in status.get("conditions") or []}
    wanted = int(item["spec"].get("replicas", 1))
    updated, ready = int(status.get("updatedReplicas", 0)), int(status.get("readyReplicas", 0))
    failure = conditions.get("ReplicaFailure", {})
    refused = failure.get("message") if failure.get("status") == "True" else None
    if refused is None and kind != "Deployment" and int(status.get("replicas", 0)) < wanted:
        refused = failures.get(f"{kind}/{name}")
    return Replicas(
        kind=kind,
        name=name,
        wanted=wanted,
        ready=ready,
        updated=updated,
        rollout=_rollout(conditions.get("Progressing"), updated, ready, wanted),
        refused=refused,
    )


def _rollout(progressing: Any, updated: int, ready: int, wanted: int) -> tuple[str, datetime.datetime | None]:
    """How the last rollout went, in words, and since when."""
    when = time((progressing or {}).get("lastUpdateTime"))
    reason = (progressing or {}).get("reason")
    if reason == "ProgressDeadlineExceeded":
        return f"failed: {progressing['message']}", when
    # Only Deployments say when a rollout was complete.
    done = reason == "NewReplicaSetAvailable" if reason else (updated == ready == wanted)
    return ("complete" if done else f"{updated} of {wanted} replaced, {ready} ready"), when


def _pod(item: Any) -> Pod:
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or []}
    scheduled, ready = conditions.get("PodScheduled", {}), conditions.get("Ready", {})
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return Pod(
        name=metadata["name"],
        instance=(metadata.get("labels") or {}).get(INSTANCE, ""),
        node=spec.get("nodeName"),
        phase=status.get("phase", "Pending"),
        ready=ready.get("status") == "True",
        deleting="deletionTimestamp" in metadata,
        gpus=_gpus(spec),
        restarts=sum(int(one.get("restartCount", 0)) for one in containers),
        created=time(metadata["creationTimestamp"]) or datetime.datetime.now(datetime.UTC),
        scheduled=time(scheduled.get("lastTransitionTime")) if scheduled.get("status") == "True" else None,
        ready_since=time(ready.get("lastTransitionTime")) if ready.get("status") == "True" else None,
        unscheduled=scheduled.get("message", "") if scheduled.get("status") == "False" else None,
        waiting=_first(containers, "state", "waiting"),
        ended=_first(containers, "lastState", "terminated"),
        claims=[
            volume["persistentVolumeClaim"]["claimName"]
            for volume in spec.get("volumes") or []
            if "persistentVolumeClaim" in volume
        ],
    )


def _first(containers: Sequence[Any], state: str, phase: str) -> tuple[str, str] | None:
    """Reason and message of the first container that is, or was, in a phase."""
    for container in containers:
        found = (container.get(state) or {}).get(phase)
        if found:
            return found.get("reason", ""), found.get("message", "")
    return None


def _gpus(spec: Any) -> int:
    """Devices that a pod's containers want together."""
    resources = {accelerator.resource for accelerator in ACCELERATORS.values()}
    return sum(
        int(count)
        for container in spec.get("containers") or []
        for resource, count in ((container.get("resources") or {}).get("limits") or {}).items()
        if resource in resources
    )


def _claim(item: Any) -> tuple[str, str]:
    return item["metadata"]["name"], (item.get("status") or {}).get("phase", "Pending")


def _quota(item: Any, resources: set[str]) -> tuple[str, Mapping[str, tuple[str, str]]]:
    status = item.get("status") or {}
    hard, used = status.get("hard") or item["spec"].get("hard") or {}, status.get("used") or {}
    wanted = [key for key in hard if key.removeprefix("requests.") in resources]
    return item["metadata"]["name"], {key: (used.get(key, "0"), hard[key]) for key in sorted(wanted)}


def _node(item: Any, label_key: str) -> tuple[str, tuple[str | None, int]]:
    allocatable = (item.get("status") or {}).get("allocatable") or {}
    value = (item["metadata"].get("labels") or {}).get(label_key, "")
    types = {value: name for name, gpu in ACCELERATORS.items() for values in gpu.labels.values() for value in values}
    resources = {accelerator.resource for accelerator in ACCELERATORS.values()}
    devices = sum(int(quantity.parse(count)) for key, count in allocatable.items() if key in resources)
    return item["metadata"]["name"], (types.get(value), devices)


def _holding(item: Any) -> tuple[str, str, int]:
    """Namespace, node and GPUs of a pod that still holds them."""
    done = (item.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return item["metadata"]["namespace"], item["spec"].get("nodeName", ""), 0 if done else _gpus(item["spec"])


def _others(pods: Any, namespace: str) -> Any:
    if isinstance(pods, Unread):
        return pods
    held: dict[str, int] = {}
    for where, node, gpus in pods:
        if where != namespace and node and gpus:
            held[node] = held.get(node, 0) + gpus
    return held


def time(text: str | None) -> datetime.datetime | None:
    """A time as the API server writes it."""
    return datetime.datetime.fromisoformat(text) if text else None
