"""What the claims cost that a stack makes: those of weights, and those of the monitoring that it brings."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blueprint.cost.amounts import Total, total
from blueprint.cost.prices import Prices

if TYPE_CHECKING:  # the policies start faster without the settings' models
    from blueprint.settings import Monitoring
    from blueprint.settings.monitoring import PrometheusSize
    from blueprint.workload import Workload

ALERTMANAGER_GIB = 1
"""Its silences and what it has told take a few MB."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The claims of one purpose. of: a model, or a part of the monitoring. gib: of all of them together."""

    of: str
    gib: int
    storage_class: str | None


def month_of(claims: Iterable[Claim], prices: Prices) -> Total:
    """What claims cost in a month."""
    return total(_priced(claim, prices) for claim in claims)


def unpriced(claims: Iterable[Claim], prices: Prices) -> int:
    """The GiB that have no price."""
    return sum(claim.gib for claim in claims if _priced(claim, prices) is None)


def _priced(claim: Claim, prices: Prices) -> float | None:
    price = prices.of_gib(claim.storage_class)
    return None if price is None else round(price * claim.gib, 6)


def claims_of(workloads: Iterable["Workload"], monitoring: "Monitoring | None") -> Sequence[Claim]:
    """The claims that a stack makes, at the most replicas: those of replicas that went stay, and are billed.

    Not those that exist already, directories of nodes, and what Grafana of a chart keeps.
    """
    found = [*(_of_workload(one) for one in workloads), *_of_monitoring(monitoring)]
    return [claim for claim in found if claim.gib]


def _of_workload(workload: "Workload") -> Claim:
    storage = workload.storage.value
    count = {"claim": 1, "claimPerReplica": workload.replicas}.get(storage.kind, 0)
    return Claim(of=workload.name, gib=(storage.size_gib or 0) * count, storage_class=storage.storage_class)


def _of_monitoring(monitoring: "Monitoring | None") -> Iterator[Claim]:
    if monitoring is None:
        return
    if monitoring.install is not None:
        yield from _of_prometheus(monitoring.install, alertmanager=True)
    if monitoring.mode == "standalone":
        own = monitoring.standalone
        yield from _of_prometheus(own, alertmanager=own.alertmanager)
        for name, store in (("loki", own.loki), ("jaeger", own.jaeger)):
            if store is not None:
                yield Claim(of=f"monitoring.{name}", gib=store.size_gib, storage_class=own.storage_class)


def _of_prometheus(size: "PrometheusSize", *, alertmanager: bool) -> Iterator[Claim]:
    yield Claim(of="monitoring.prometheus", gib=size.size_gib * size.replicas, storage_class=size.storage_class)
    if alertmanager:
        yield Claim(of="monitoring.alertmanager", gib=ALERTMANAGER_GIB, storage_class=size.storage_class)
