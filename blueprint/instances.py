"""Machine shapes of Inference Endpoints: which kind of accelerator an instance type carries, and how many."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

InstanceAccelerator = Literal["cpu", "gpu", "neuron"]

PREFIXES: Mapping[InstanceAccelerator, Sequence[str]] = MappingProxyType(
    {"cpu": ("intel-", "amd-"), "gpu": ("nvidia-", "rtx-"), "neuron": ("inf", "trn")}
)
"""How the names of instance types begin, by what the API calls their accelerator.

Source: https://huggingface.co/docs/inference-endpoints/pricing
"""


def instance_accelerator(instance_type: str) -> InstanceAccelerator | None:
    """The accelerator of an instance type; None when its name begins like none that is known."""
    for accelerator, prefixes in PREFIXES.items():
        if instance_type.startswith(tuple(prefixes)):
            return accelerator
    return None


def instance_count(size: str) -> int:
    """Accelerators of an instance size: 4 of x4."""
    return int(size.removeprefix("x"))
