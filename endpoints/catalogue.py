"""What Hugging Face rents out, for how much, and what is left of it: the API's own list, read when it is needed."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

AVAILABLE = ("available", "low_availability")
"""States of hardware that new endpoints get; others are not_available, reserved and deprecated."""


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """One shape of a machine in one region. usd_per_hour: of one replica. quota_left: accelerators, of its type."""

    vendor: str
    region: str
    accelerator: str
    type: str
    size: str
    accelerators: int
    usd_per_hour: float
    status: str
    quota: int
    quota_left: int

    def __str__(self) -> str:
        return f"{self.vendor} {self.region} {self.type} {self.size}"


def hardware_of(answer: Mapping[str, Any]) -> list[Hardware]:
    """The rows of the API's answer. Raises KeyError and TypeError when it is none."""
    return [
        Hardware(
            vendor=vendor["name"],
            region=region["name"],
            accelerator=compute["accelerator"],
            type=compute["instanceType"],
            size=compute["instanceSize"],
            accelerators=int(compute["numAccelerators"]),
            usd_per_hour=float(compute["pricePerHour"]),
            status=compute["status"],
            quota=int(compute["quota"]["maxAccelerators"]),
            quota_left=int(compute["quota"]["maxAccelerators"]) - int(compute["quota"]["usedAccelerators"]),
        )
        for vendor in answer["vendors"]
        for region in vendor["regions"]
        for compute in region["computes"]
    ]


def find(rows: Sequence[Hardware], body: Mapping[str, Any]) -> Hardware | None:
    """The row that an endpoint's body asks for."""
    compute, provider = body["compute"], body["provider"]
    wanted = (provider["vendor"], provider["region"], compute["instanceType"], compute["instanceSize"])
    return next((row for row in rows if (row.vendor, row.region, row.type, row.size) == wanted), None)


def complaint(rows: Sequence[Hardware], body: Mapping[str, Any], *, held: int = 0) -> tuple[str, str] | None:
    """Why an endpoint's hardware cannot be had: the key of the body that is wrong, and a sentence. None: it can.

    held: accelerators that this endpoint holds already, and gives back when it changes.
    """
    compute, provider = body["compute"], body["provider"]
    asked = f"{provider['vendor']} {provider['region']} {compute['instanceType']} {compute['instanceSize']}"
    row = find(rows, body)
    if row is None:
        return "compute", f"{asked} is not in the catalogue. Nearest: {_nearest(rows, body)}."
    if row.status not in AVAILABLE:
        return "compute", f"{asked} is {row.status.replace('_', ' ')}. Nearest: {_nearest(rows, body)}."
    replicas, left = int(compute["scaling"]["maxReplica"]), row.quota_left + held
    if row.accelerators * replicas > left:
        needed = f"{replicas} replicas need {row.accelerators * replicas} accelerators"
        remedy = "Lower scaling.max, pause another endpoint, or ask Hugging Face for quota."
        return "compute.scaling.maxReplica", f"{asked}: {needed}; {left} of the quota of {row.quota} are left. {remedy}"
    return None


def _nearest(rows: Sequence[Hardware], body: Mapping[str, Any]) -> str:
    """Up to three shapes that can be had, those that differ least first."""
    compute, provider = body["compute"], body["provider"]
    names = {row.type for row in rows}
    alike = set(difflib.get_close_matches(compute["instanceType"], sorted(names), n=2, cutoff=0.6))

    def distance(row: Hardware) -> tuple[int, int, int, float]:
        type_ = 0 if row.type == compute["instanceType"] else 1 if row.type in alike else 2
        place = (row.vendor != provider["vendor"]) * 2 + (row.region != provider["region"])
        return type_, place, int(row.size != compute["instanceSize"]), row.usd_per_hour

    usable = [row for row in rows if row.status in AVAILABLE and row.accelerator == compute["accelerator"]]
    return ", ".join(str(row) for row in sorted(usable, key=distance)[:3]) or "nothing of this kind can be had"
