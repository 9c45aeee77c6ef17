"""Where replicas may run: accelerators in order, and nodes that the cloud may take back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from blueprint.accelerators import ACCELERATORS, LABEL_KEYS, NodeLabels
from blueprint.resources import Resolved
from blueprint.settings import Cluster, KubernetesModel

_GKE_SPOT = ("cloud.google.com/gke-spot", "true")
_KARPENTER_SPOT = ("karpenter.sh/capacity-type", "spot")
_EKS_SPOT = ("eks.amazonaws.com/capacityType", "SPOT")

SPOT_LABELS: Mapping[NodeLabels, Sequence[tuple[str, str]]] = MappingProxyType(
    {
        # https://docs.cloud.google.com/kubernetes-engine/docs/concepts/spot-vms
        "gke": (_GKE_SPOT,),
        # https://docs.aws.amazon.com/eks/latest/userguide/create-node-pool.html
        "eksAutoMode": (_KARPENTER_SPOT,),
        # https://karpenter.sh/docs/concepts/scheduling/
        "karpenter": (_KARPENTER_SPOT,),
        # GPU feature discovery runs on any cloud and says nothing of prices: the cloud's own label tells.
        # https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
        "gpuOperator": (_GKE_SPOT, _KARPENTER_SPOT, _EKS_SPOT),
    }
)
"""By labeller, the labels of spot nodes; a node has at most one of them."""

SPOT_NOTICE_SECONDS: Mapping[NodeLabels, int] = MappingProxyType(
    {
        # 30 s, the last 15 of them for the system's own pods. From 1.35.0-gke.1171000 a node pool may say up to 120.
        # https://docs.cloud.google.com/kubernetes-engine/docs/concepts/spot-vms
        "gke": 15,
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
        "eksAutoMode": 120,
        "karpenter": 120,
    }
)
"""By labeller, what a spot node that is taken back leaves its pods, in seconds; absent where no cloud follows."""


@dataclass(frozen=True)
class Placement:
    """Which nodes a replica may run on.

    label: key of the node label that tells the GPU type.
    values: by accelerator, the most wanted first, the values of that label.
    spot: labels of preferred spot nodes; empty for a model that does not want to be moved.
    """

    label: str
    values: Sequence[Sequence[str]]
    spot: Sequence[tuple[str, str]]
    priority_class: str | None


def resolve_placement(cluster: Cluster, model: KubernetesModel) -> Placement:
    """The nodes of a model."""
    return Placement(
        label=LABEL_KEYS[cluster.node_labels],
        values=[ACCELERATORS[name].labels[cluster.node_labels] for name in model.gpu_types],
        spot=SPOT_LABELS[cluster.node_labels] if model.placement.spot else (),
        priority_class=model.placement.priority_class,
    )


def spot_notice(cluster: Cluster, model: KubernetesModel) -> Resolved[int] | None:
    """What a spot node leaves this model's pods, in seconds; None where nobody says."""
    spot = model.placement.spot
    if spot is not None and spot.notice_seconds is not None:
        return Resolved(spot.notice_seconds, "given: placement.spot.noticeSeconds")
    seconds = SPOT_NOTICE_SECONDS.get(cluster.node_labels)
    return None if seconds is None else Resolved(seconds, f"what spot nodes of {cluster.node_labels} give by default")
