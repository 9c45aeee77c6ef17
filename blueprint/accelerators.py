"""The one registry of accelerators: what a GPU type is called by each labeller, and what it offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

NodeLabels = Literal["gpuOperator", "gke", "eksAutoMode", "karpenter"]
"""Who labels the GPU nodes of a cluster; each writes another key and another spelling.

* gpuOperator: NVIDIA's GPU feature discovery, installed by the GPU operator or the device plugin's chart.
* gke: Google Kubernetes Engine's node pools.
* eksAutoMode: Amazon EKS Auto Mode.
* karpenter: Karpenter's AWS provider.
"""

LABEL_KEYS: Mapping[NodeLabels, str] = MappingProxyType(
    {
        # https://github.com/NVIDIA/k8s-device-plugin/blob/main/docs/gpu-feature-discovery/README.md
        "gpuOperator": "nvidia.com/gpu.product",
        # https://cloud.google.com/kubernetes-engine/docs/how-to/gpus
        "gke": "cloud.google.com/gke-accelerator",
        # https://docs.aws.amazon.com/eks/latest/userguide/create-node-pool.html
        "eksAutoMode": "eks.amazonaws.com/instance-gpu-name",
        # https://karpenter.sh/docs/concepts/scheduling/
        "karpenter": "karpenter.k8s.aws/instance-gpu-name",
    }
)

CUDA_MAJOR_LABELS = ("nvidia.com/cuda.runtime-version.major", "nvidia.com/cuda.runtime.major")
"""Node labels that tell the newest CUDA major the driver supports: the name of today, then the one before it.

Source: GPU feature discovery's README (address above). Only the gpuOperator dialect has them.
"""

HOURS_PER_MONTH = 730
"""Of a budget: 365 days, divided by 12."""

GPU_TAINT_KEY = "nvidia.com/gpu"
"""Key of the NoSchedule taint that GKE puts on GPU nodes and that GPU pods tolerate."""


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One GPU type.

    name: what stack files call it.
    resource: the extended resource that pods request.
    max_per_node: most devices of this type that one machine carries, in the clouds' machine lists.
    labels: per labeller, the values its node label can have for this type.
    """

    name: str
    resource: str
    max_per_node: int
    labels: Mapping[NodeLabels, tuple[str, ...]]


def _gpu(
    name: str,
    *,
    max_per_node: int,
    gpu_operator: tuple[str, ...],
    gke: tuple[str, ...] = (),
    aws: tuple[str, ...] = (),
) -> Accelerator:
    labels: dict[NodeLabels, tuple[str, ...]] = {
        "gpuOperator": gpu_operator,
        "gke": gke,
        "eksAutoMode": aws,
        "karpenter": aws,
    }
    return Accelerator(
        name=name,
        resource="nvidia.com/gpu",
        max_per_node=max_per_node,
        labels=MappingProxyType({dialect: values for dialect, values in labels.items() if values}),
    )


_REGISTRY = (
    _gpu(
        "nvidia-t4",
        max_per_node=8,
        gpu_operator=("Tesla-T4",),
        gke=("nvidia-tesla-t4",),
        aws=("t4",),
    ),
    _gpu(
        "nvidia-l4",
        max_per_node=8,
        gpu_operator=("NVIDIA-L4",),
        gke=("nvidia-l4",),
        aws=("l4",),
    ),
    _gpu("nvidia-a10g", max_per_node=8, gpu_operator=("NVIDIA-A10G",), aws=("a10g",)),
    _gpu("nvidia-l40s", max_per_node=8, gpu_operator=("NVIDIA-L40S",), aws=("l40s",)),
    _gpu(
        "nvidia-a100-80gb",
        max_per_node=8,
        gpu_operator=("NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-80GB-PCIe"),
        gke=("nvidia-a100-80gb",),
    ),
    _gpu(
        "nvidia-h100",
        max_per_node=8,
        gpu_operator=("NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe"),
        gke=("nvidia-h100-80gb", "nvidia-h100-mega-80gb"),
        aws=("h100",),
    ),
    _gpu(
        "nvidia-h200",
        max_per_node=8,
        gpu_operator=("NVIDIA-H200",),
        gke=("nvidia-h200-141gb",),
        aws=("h200",),
    ),
    _gpu(
        "nvidia-b200",
        max_per_node=8,
        gpu_operator=("NVIDIA-B200",),
        gke=("nvidia-b200",),
        aws=("b200",),
    ),
)

ACCELERATORS: Mapping[str, Accelerator] = MappingProxyType({gpu.name: gpu for gpu in _REGISTRY})
"""Every accelerator this project knows, by the name that stack files use."""

NODE_LABELS: tuple[NodeLabels, ...] = get_args(NodeLabels)
"""The labellers, in the order in which they are documented."""
