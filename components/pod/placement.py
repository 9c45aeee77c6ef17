"""Which nodes a replica may run on, which it prefers, and who may move it."""

from collections.abc import Sequence
from typing import Any

from blueprint.accelerators import GPU_TAINT_KEY
from blueprint.placement import Placement
from blueprint.workload import Workload
from components.labels import selector
from components.weights.nodes import on_weights_nodes

GPU_TOLERATION = {"key": GPU_TAINT_KEY, "operator": "Exists", "effect": "NoSchedule"}

_TYPE_WEIGHT = 10
"""Between one accelerator and the next; there are eight, and the most that Kubernetes takes is 100."""

_SPOT_WEIGHT = 5
"""Less than from one accelerator to the next: the stack file orders these."""


def placement(workload: Workload) -> Any:
    """The pod's fields that choose its node."""
    wanted = workload.placement
    # The pods of a replica on several nodes belong together, not apart.
    apart = spread_keys(wanted) if workload.nodes == 1 else ()
    return {
        **node_choice(workload),
        **({"topologySpreadConstraints": [spread(workload, key) for key in apart]} if apart else {}),
        **({"runtimeClassName": workload.runtime_class} if workload.runtime_class else {}),
        **({"priorityClassName": wanted.priority_class} if wanted.priority_class else {}),
    }


def spot_tolerations(labels: Sequence[tuple[str, str]]) -> list[Any]:
    """The taint that GKE's documentation puts on spot nodes has their label's key and value."""
    return [{"key": key, "operator": "Equal", "value": value, "effect": "NoSchedule"} for key, value in labels]


def node_choice(workload: Workload) -> Any:
    """Which nodes, and which of their taints do not matter. Processors are on any node."""
    wanted = workload.placement
    affinity = on_weights_nodes({"nodeAffinity": node_affinity(wanted)} if wanted.values else {}, workload)
    return {
        **({"affinity": affinity} if affinity else {}),
        **({"tolerations": [GPU_TOLERATION, *spot_tolerations(wanted.spot)]} if wanted.values else {}),
    }


def node_affinity(wanted: Placement) -> Any:
    """Nodes with one of the accelerators, by whatever label this cluster's labeller writes; the first ones rather."""
    values = [value for of_one in wanted.values for value in of_one]
    last = len(wanted.values) - 1
    preferred = [
        {"weight": _TYPE_WEIGHT * (last - at), "preference": {"matchExpressions": [one_of(wanted.label, of_one)]}}
        for at, of_one in enumerate(wanted.values[:last])
    ] + [
        {"weight": _SPOT_WEIGHT, "preference": {"matchExpressions": [one_of(key, [value])]}}
        for key, value in wanted.spot
    ]
    required = {"nodeSelectorTerms": [{"matchExpressions": [one_of(wanted.label, values)]}]}
    return {
        "requiredDuringSchedulingIgnoredDuringExecution": required,
        **({"preferredDuringSchedulingIgnoredDuringExecution": preferred} if preferred else {}),
    }


def one_of(key: str, values: Sequence[str]) -> Any:
    """Nodes whose label has one of these values."""
    return {"key": key, "operator": "In", "values": list(values)}


def spread_keys(wanted: Placement) -> Sequence[str]:
    """Apart from one another by node and zone; with several accelerators by zone only.

    A free node of the next type would otherwise weigh as much as the order of the types.
    """
    zone = "topology.kubernetes.io/zone"
    return (zone,) if len(wanted.values) > 1 else ("kubernetes.io/hostname", zone)


def spread(workload: Workload, topology_key: str) -> Any:
    """Replicas apart from one another, as far as free GPUs allow."""
    return {
        "topologyKey": topology_key,
        "maxSkew": 1,
        # Refusing to schedule would leave a free GPU idle beside a replica that waits.
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(workload)},
        # The replicas that a rollout is about to take away do not count.
        "matchLabelKeys": ["pod-template-hash"],
    }


def stay_annotations(wanted: Placement) -> Any:
    """Nodes of GPU pods are not emptied to save money: the replica would load its model again, for minutes.

    Drains by kubectl and by a cloud's node upgrades do not look at these; the disruption budget answers them. Not on
    spot nodes: Karpenter would not evict the pod before the cloud takes the node (https://karpenter.sh/docs/concepts/disruption/),
    and GKE Autopilot refuses it (https://docs.cloud.google.com/kubernetes-engine/docs/how-to/extended-duration-pods).
    """
    if wanted.spot:
        return {}
    return {
        "annotations": {
            "karpenter.sh/do-not-disrupt": "true",
            # https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md
            "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        }
    }
