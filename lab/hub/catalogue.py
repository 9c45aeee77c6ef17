"""Hardware with prices, regions and quotas.

Prices, sizes and statuses: Hugging Face's pricing page as last changed on 2026-05-19, per replica and hour; read for
the research of this project on 2026-11-22. It names no regions and was already out of date then (live on 2026-09-09:
aws nvidia-t4 x1 at 0.60), so these are numbers to test with and not to budget with.

Regions: those seen in the live catalogue on 2026-09-09 (aws eu-west-1, us-east-1, us-east-2, us-west-2; azure eastus;
gcp us-east4) with what was seen of single types: nvidia-l40s in us-east-1 alone, nvidia-h200 in us-west-2 alone,
nvidia-h100 of gcp in us-east4 with a quota of 0, nvidia-rtx-pro-6000 x1 in us-east-2 alone at 2.75 (2026-08-29). The
other types of aws are in us-east-1 and eu-west-1 here, which nobody has seen. Memory and vCPUs of GPU machines,
statuses other than deprecated, and quotas are this stand-in's, but for what was recorded: nvidia-l4 x1 7 vCPU 30 GB
quota 16, intel-spr quota 60, nvidia-a100 x8 of gcp 96 vCPU 680 GB reserved; nvidia-l40s was short in October 2026.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

_TABLE = """
aws,cpu,intel-spr,x1,0.033,,1,2,,
aws,cpu,intel-spr,x2,0.067,,2,4,,
aws,cpu,intel-spr,x4,0.134,,4,8,,
aws,cpu,intel-spr,x8,0.268,,8,16,,
aws,cpu,intel-spr,x16,0.536,,16,32,,
azure,cpu,intel-xeon,x1,0.060,,1,2,,
azure,cpu,intel-xeon,x2,0.120,,2,4,,
azure,cpu,intel-xeon,x4,0.240,,4,8,,
azure,cpu,intel-xeon,x8,0.480,,8,16,,
gcp,cpu,intel-spr,x1,0.050,,1,2,,
gcp,cpu,intel-spr,x2,0.100,,2,4,,
gcp,cpu,intel-spr,x4,0.200,,4,8,,
gcp,cpu,intel-spr,x8,0.400,,8,16,,
aws,cpu,intel-icl,x1,0.032,,1,2,,deprecated
aws,cpu,intel-icl,x2,0.064,,2,4,,deprecated
aws,cpu,intel-icl,x4,0.128,,4,8,,deprecated
aws,cpu,intel-icl,x8,0.256,,8,16,,deprecated
aws,gpu,nvidia-t4,x1,0.5,1,,,14,
aws,gpu,nvidia-t4,x4,3,4,,,56,
aws,gpu,nvidia-l4,x1,0.8,1,7,30,24,
aws,gpu,nvidia-l4,x4,3.8,4,,,96,
aws,gpu,nvidia-a10g,x1,1,1,,,24,
aws,gpu,nvidia-a10g,x4,5,4,,,96,
aws,gpu,nvidia-l40s,x1,1.8,1,,,48,low_availability
aws,gpu,nvidia-l40s,x4,8.3,4,,,192,low_availability
aws,gpu,nvidia-l40s,x8,23.5,8,,,384,low_availability
aws,gpu,nvidia-a100,x1,2.5,1,,,80,
aws,gpu,nvidia-a100,x2,5,2,,,160,
aws,gpu,nvidia-a100,x4,10,4,,,320,
aws,gpu,nvidia-a100,x8,20,8,,,640,
aws,gpu,nvidia-h100,x1,4.5,1,,,80,deprecated
aws,gpu,nvidia-h100,x2,9,2,,,160,deprecated
aws,gpu,nvidia-h100,x4,18,4,,,320,deprecated
aws,gpu,nvidia-h100,x8,36,8,,,640,deprecated
aws,gpu,nvidia-h200,x1,5,1,,,141,
aws,gpu,nvidia-h200,x2,10,2,,,282,
aws,gpu,nvidia-h200,x4,20,4,,,564,
aws,gpu,nvidia-h200,x8,40,8,,,1128,not_available
aws,gpu,nvidia-rtx-pro-6000,x1,2.75,1,,,96,
aws,gpu,nvidia-b200,x1,9.25,1,,,256,deprecated
aws,gpu,nvidia-b200,x2,18.5,2,,,512,deprecated
aws,gpu,nvidia-b200,x4,37,4,,,1024,deprecated
aws,gpu,nvidia-b200,x8,74,8,,,2048,deprecated
gcp,gpu,nvidia-t4,x1,0.5,1,,,16,
gcp,gpu,nvidia-l4,x1,0.7,1,,,24,
gcp,gpu,nvidia-l4,x4,3.8,4,,,96,
gcp,gpu,nvidia-a100,x1,3.6,1,,,80,
gcp,gpu,nvidia-a100,x2,7.2,2,,,160,
gcp,gpu,nvidia-a100,x4,14.4,4,,,320,
gcp,gpu,nvidia-a100,x8,28.8,8,96,680,640,reserved
gcp,gpu,nvidia-h100,x1,10,1,,,80,
gcp,gpu,nvidia-h100,x2,20,2,,,160,
gcp,gpu,nvidia-h100,x4,40,4,,,320,
gcp,gpu,nvidia-h100,x8,80,8,,,640,
aws,neuron,inf2,x1,0.75,1,,14.5,32,
aws,neuron,inf2,x12,12,12,,760,384,
"""
_REGIONS = {
    "azure": ("eastus",),
    "gcp": ("us-east4",),
    "nvidia-l40s": ("us-east-1",),
    "nvidia-h200": ("us-west-2",),
    "nvidia-rtx-pro-6000": ("us-east-2",),
    "aws": ("us-east-1", "eu-west-1"),
}
_QUOTAS = {("gcp", "nvidia-h100"): 0, ("aws", "intel-spr"): 60, ("aws", "nvidia-l4"): 16}
_QUOTA = 8


@dataclass(frozen=True, kw_only=True)
class Compute:
    """One row: a machine in a region. `accelerators` count against the quota; of a CPU machine they are its vCPUs."""

    vendor: str
    region: str
    accelerator: str
    type: str
    size: str
    price: float
    accelerators: int
    cpus: int | None
    memory: float
    accelerator_memory: int | None
    status: str

    @property
    def id(self) -> str:
        """As the service writes it."""
        return f"{self.vendor}-{self.region}-{self.type}-{self.size}"

    @property
    def architecture(self) -> str:
        """Its name for people."""
        return " ".join(part.capitalize() for part in self.type.split("-"))

    @property
    def deployable(self) -> bool:
        """Whether the service starts anything on it."""
        return self.status not in ("deprecated", "not_available")

    def as_json(self, most: int, used: int) -> dict[str, Any]:
        """The row of an answer. CPU machines have no numCpus there, and gpuMemoryGb null."""
        row: dict[str, Any] = {
            "id": self.id,
            "accelerator": self.accelerator,
            "architecture": self.architecture,
            "gpuMemoryGb": self.accelerator_memory,
            "instanceSize": self.size,
            "instanceType": self.type,
            "memoryGb": self.memory,
            "numAccelerators": self.accelerators,
            "pricePerHour": self.price,
            "quota": {"maxAccelerators": most, "usedAccelerators": used},
            "status": self.status,
        }
        return row if self.accelerator == "cpu" else row | {"numCpus": self.cpus}


class Catalogue:
    """What can be rented. Prices, statuses and quotas can be changed while it runs."""

    def __init__(self) -> None:
        self.computes: dict[str, Compute] = {compute.id: compute for compute in _read()}
        self.quotas: dict[tuple[str, str, str], int] = {}
        """(namespace, vendor, instance type) -> accelerators, where it differs from everybody's."""

    def change(self, compute_id: str, **changes: Any) -> None:
        """Another price or status for a row."""
        self.computes[compute_id] = replace(self.computes[compute_id], **changes)

    def find(self, *, vendor: Any, region: Any, accelerator: Any, type: Any, size: Any) -> Compute | None:  # noqa: A002
        """The row of these values."""
        found = self.computes.get(f"{vendor}-{region}-{type}-{size}")
        return found if found and found.accelerator == accelerator else None

    def vendors(self) -> Mapping[str, Mapping[str, Sequence[Compute]]]:
        """Rows by vendor and region."""
        table: dict[str, dict[str, list[Compute]]] = {}
        for compute in self.computes.values():
            table.setdefault(compute.vendor, {}).setdefault(compute.region, []).append(compute)
        return table

    def quota(self, namespace: str, vendor: str, instance_type: str) -> int:
        """How many accelerators of a type the namespace may use."""
        everybodys = _QUOTAS.get((vendor, instance_type), _QUOTA)
        return self.quotas.get((namespace, vendor, instance_type), everybodys)


def _read() -> Iterator[Compute]:
    for line in _TABLE.split():
        vendor, accelerator, kind, size, price, accelerators, cpus, memory, gpu_memory, status = line.split(",")
        count = int(accelerators or size.removeprefix("x"))
        for region in _REGIONS.get(kind) or _REGIONS[vendor] if vendor == "aws" else _REGIONS[vendor]:
            yield Compute(
                vendor=vendor,
                region=region,
                accelerator=accelerator,
                type=kind,
                size=size,
                price=float(price),
                accelerators=count,
                cpus=int(cpus) if cpus else 8 * count,
                memory=float(memory) if memory else 32.0 * count,
                accelerator_memory=int(gpu_memory) if gpu_memory else None,
                status=status or "available",
            )
