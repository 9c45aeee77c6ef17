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
    memory_gib: memory of one device as CUDA reports it: less than its name says, and what engines divide up.
    labels: per labeller, the values its node label can have for this type.
    """

    name: str
    resource: str
    max_per_node: int
    memory_gib: float
    labels: Mapping[NodeLabels, tuple[str, ...]]


def _gpu(
    name: str,
    *,
    max_per_node: int,
    memory_gib: float,
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
        memory_gib=memory_gib,
        labels=MappingProxyType({dialect: values for dialect, values in labels.items() if values}),
    )


# Memory, each read on 2026-11-30; where sources differ by hundredths, the smallest:
# T4      14.56  vLLM 0.7's start-up log in a public notebook (total_gpu_memory)
# L4      21.96  https://github.com/vllm-project/vllm/issues/12539 (torch's total capacity)
# A10G    22.06  a public benchmark on AWS g5 with torch 2.12; others print 22.1 to 22.3
# L40S    44.31  vLLM 0.7.2's start-up log; https://github.com/vllm-project/vllm/issues/15815 has 44.42
# A100    79.25  vLLM 0.31's start-up log
# H100    79.18  https://github.com/llm-d-incubation/llm-d-planner docs/empirical-vllm-memory-results.md at e50305af
# H200   139.81  vLLM 0.11's start-up log
# B200   178.35  https://github.com/unslothai/unsloth/issues/3411
_REGISTRY = (
    _gpu(
        "nvidia-t4",
        max_per_node=8,
        memory_gib=14.56,
        gpu_operator=("Tesla-T4",),
        gke=("nvidia-tesla-t4",),
        aws=("t4",),
    ),
    _gpu(
        "nvidia-l4",
        max_per_node=8,
        memory_gib=21.96,
        gpu_operator=("NVIDIA-L4",),
        gke=("nvidia-l4",),
        aws=("l4",),
    ),
    _gpu("nvidia-a10g", max_per_node=8, memory_gib=22.06, gpu_operator=("NVIDIA-A10G",), aws=("a10g",)),
    _gpu("nvidia-l40s", max_per_node=8, memory_gib=44.31, gpu_operator=("NVIDIA-L40S",), aws=("l40s",)),
    _gpu(
        "nvidia-a100-80gb",
        max_per_node=8,
        memory_gib=79.25,
        gpu_operator=("NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-80GB-PCIe"),
        gke=("nvidia-a100-80gb",),
    ),
    _gpu(
        "nvidia-h100",
        max_per_node=8,
        memory_gib=79.18,
        gpu_operator=("NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe"),
        gke=("nvidia-h100-80gb", "nvidia-h100-mega-80gb"),
        aws=("h100",),
    ),
    _gpu(
        "nvidia-h200",
        max_per_node=8,
        memory_gib=139.81,
        gpu_operator=("NVIDIA-H200",),
        gke=("nvidia-h200-141gb",),
        aws=("h200",),
    ),
    _gpu(
        "nvidia-b200",
        max_per_node=8,
        memory_gib=178.35,
        gpu_operator=("NVIDIA-B200",),
        gke=("nvidia-b200",),
        aws=("b200",),
    ),
)

ACCELERATORS: Mapping[str, Accelerator] = MappingProxyType({gpu.name: gpu for gpu in _REGISTRY})
"""Every accelerator this project knows, by the name that stack files use."""

NODE_LABELS: tuple[NodeLabels, ...] = get_args(NodeLabels)
"""The labellers, in the order in which they are documented."""
