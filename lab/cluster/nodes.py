"""The simulated nodes as objects of the API server."""

from collections.abc import Sequence
from typing import Any

from lightkube import ApiError, Client
from lightkube.codecs import from_dict
from lightkube.resources.core_v1 import Node, NodeStatus
from lightkube.types import PatchType

from blueprint.accelerators import ACCELERATORS, CUDA_MAJOR_LABELS, GPU_TAINT_KEY, LABEL_KEYS
from lab.cluster.devices import Machine

FIELD_MANAGER = "llm-inference-lab"
"""Who wrote a field, in the objects' managed fields."""

MANAGED_LABEL = "lab.llm-inference/node"
"""Label of the nodes that the lab makes, and removes when no stack declares them any more."""

CPU_NODE = "cpu-0"
"""The node without GPUs, for everything that needs none."""

_ZONE = "lab-a"
# Room enough that GPUs, not cores or memory, decide what fits.
_CPUS_PER_GPU, _GIB_PER_GPU = 16, 64
_CPU_NODE_CPUS, _CPU_NODE_GIB = 32, 128


def node(machine: Machine | None, *, taint: bool, cuda_major: int) -> dict[str, Any]:
    """Give the Node object of a GPU machine, or of the CPU node for None."""
    name = machine.name if machine else CPU_NODE
    labels = {
        MANAGED_LABEL: "true",
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": _ZONE,
        "topology.kubernetes.io/region": "lab",
    }
    resources = {"cpu": str(_CPU_NODE_CPUS), "memory": f"{_CPU_NODE_GIB}Gi", "pods": "110"}
    taints: list[dict[str, str]] = []
    if machine:
        dialect, accelerator_name = machine.device
        accelerator = ACCELERATORS[accelerator_name]
        labels[LABEL_KEYS[dialect]] = accelerator.labels[dialect][0]
        if dialect == "gpuOperator":
            labels["nvidia.com/gpu.count"] = str(machine.gpus)
            labels[CUDA_MAJOR_LABELS[0]] = str(cuda_major)
        resources["cpu"] = str(_CPUS_PER_GPU * machine.gpus)
        resources["memory"] = f"{_GIB_PER_GPU * machine.gpus}Gi"
        resources[accelerator.resource] = str(machine.gpus)
        if taint:
            taints = [{"key": GPU_TAINT_KEY, "value": "present", "effect": "NoSchedule"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": taints},
        "status": {"capacity": resources, "allocatable": resources},
    }


def apply_nodes(client: Client, wanted: Sequence[dict[str, Any]]) -> None:
    """Make the lab's nodes be these: create, change, remove. Other nodes are left alone."""
    existing = {
        str(data["metadata"]["name"]): data
        for data in (found.to_dict() for found in client.list(Node, labels={MANAGED_LABEL: "true"}))
    }
    for object_ in wanted:
        name = object_["metadata"]["name"]
        known = existing.pop(name, None)
        if known is None:
            client.create(from_dict(object_), field_manager=FIELD_MANAGER)
        else:
            _update(client, known, object_)
    for name in existing:
        client.delete(Node, name)


def _update(client: Client, known: dict[str, Any], wanted: dict[str, Any]) -> None:
    name = wanted["metadata"]["name"]
    labels, wanted_labels = known["metadata"].get("labels", {}), wanted["metadata"]["labels"]
    ours = {*LABEL_KEYS.values(), *CUDA_MAJOR_LABELS, "nvidia.com/gpu.count"}
    change = {
        key: wanted_labels.get(key) for key in {*wanted_labels, *ours} if labels.get(key) != wanted_labels.get(key)
    }
    # Taints of controllers (not ready, unreachable) and of people (a drain being tried out) stay.
    taints = known.get("spec", {}).get("taints", [])
    others = [taint for taint in taints if taint["key"] != GPU_TAINT_KEY]
    gpu_taints = [taint for taint in taints if taint["key"] == GPU_TAINT_KEY]
    patch: dict[str, Any] = {"metadata": {"labels": change}} if change else {}
    if gpu_taints != wanted["spec"]["taints"]:
        # The version makes the API server refuse the patch if a controller changed the taints meanwhile.
        patch.setdefault("metadata", {})["resourceVersion"] = known["metadata"]["resourceVersion"]
        patch["spec"] = {"taints": [*others, *wanted["spec"]["taints"]]}
    if patch:
        try:
            client.patch(Node, name, patch, patch_type=PatchType.MERGE, field_manager=FIELD_MANAGER)
        except ApiError as error:
            if error.status.code != 409:  # noqa: PLR2004 (conflict)
                raise
            _update(client, client.get(Node, name).to_dict(), wanted)
            return
    if known.get("status", {}).get("capacity") != wanted["status"]["capacity"]:
        # A merge patch keeps keys that it does not name: a resource that is gone must be named as null.
        gone = dict.fromkeys(known.get("status", {}).get("capacity", {}))
        status = {part: {**gone, **wanted["status"][part]} for part in ("capacity", "allocatable")}
        client.patch(NodeStatus, name, {"status": status}, patch_type=PatchType.MERGE, field_manager=FIELD_MANAGER)
