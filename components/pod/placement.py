"""Which nodes a replica may run on."""

from typing import Any

from blueprint.accelerators import GPU_TAINT_KEY
from blueprint.workload import Workload
from components.weights.nodes import on_weights_nodes


def placement(workload: Workload) -> Any:
    """The pod's fields that choose its node."""
    return {
        "affinity": on_weights_nodes(accelerator_affinity(workload), workload),
        "tolerations": [{"key": GPU_TAINT_KEY, "operator": "Exists", "effect": "NoSchedule"}],
        **({"runtimeClassName": workload.runtime_class} if workload.runtime_class else {}),
    }


def accelerator_affinity(workload: Workload) -> Any:
    """Nodes with the accelerator, by whatever label this cluster's labeller writes."""
    key, values = workload.gpu_label
    term = {"matchExpressions": [{"key": key, "operator": "In", "values": list(values)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
