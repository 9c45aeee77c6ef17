"""What hardware costs per hour, as far as the stack says."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the policies start faster without the settings' models
    from blueprint.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Prices:
    """US dollars per hour. gpus: by accelerator, of one GPU. instances: by type/size, of one replica of an endpoint.

    per_node: by accelerator, the GPUs of a node, where whole nodes are billed.
    gib, gib_of: of a GiB of claims for a month, of any class and by class.
    """

    gpus: Mapping[str, float] = field(default_factory=dict)
    per_node: Mapping[str, int] = field(default_factory=dict)
    instances: Mapping[str, float] = field(default_factory=dict)
    gib: float | None = None
    gib_of: Mapping[str, float] = field(default_factory=dict)

    def of_gib(self, storage_class: str | None) -> float | None:
        """One GiB for a month. storage_class: None for the cluster's default, which has no price of its own here."""
        return self.gib if storage_class is None else self.gib_of.get(storage_class, self.gib)

    def of_gpus(self, types: Collection[str], count: int) -> tuple[float | None, float | None]:
        """So many GPUs on the cheapest and on the dearest type that will do; None where one of them has no price."""
        known = [self.gpus[name] for name in types if name in self.gpus]
        if not types or len(known) < len(types):
            return None, None
        return min(known) * count, max(known) * count

    def chosen(self, types: Collection[str], *, dearest: bool) -> str | None:
        """The cheapest or the dearest of the types that will do; None where one of several has no price."""
        if len(types) > 1 and any(name not in self.gpus for name in types):
            return None
        by_price = sorted(types, key=lambda name: (self.gpus.get(name, 0.0), name))
        return by_price[-1 if dearest else 0] if by_price else None


def prices_of(settings: "Settings") -> Prices:
    """The prices that stand in a stack file."""
    pools = settings.cluster.accelerators if settings.cluster else {}
    storage = settings.cluster.storage if settings.cluster else None
    return Prices(
        gpus={name: pool.hourly_usd for name, pool in pools.items() if pool.hourly_usd is not None},
        per_node={name: pool.gpus_per_node for name, pool in pools.items() if pool.gpus_per_node is not None},
        instances=settings.huggingface.hourly_usd,
        gib=storage.monthly_usd_per_gib if storage else None,
        gib_of=storage.classes if storage else {},
    )
