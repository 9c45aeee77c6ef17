"""What things cost, from the stack file and policy/stacks.yaml. What nobody priced is unknown, and never free."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policy.reading import get


@dataclass(frozen=True, kw_only=True)
class Prices:
    """In US dollars.

    monthly_budget: what the stack may cost, if anybody said. gpu_hours: by accelerator, what one GPU costs per hour.
    endpoint_hours: by instance, type/size, what one replica costs per hour.
    """

    monthly_budget: float | None = None
    gpu_hours: Mapping[str, float] = field(default_factory=dict)
    endpoint_hours: Mapping[str, float] = field(default_factory=dict)


NOTHING_PRICED = Prices()


def read_prices(budget: Any, cluster: Any, endpoint_hours: Mapping[str, float]) -> Prices:
    """Prices by the sections budget and cluster of a stack file, whose mistakes the program tells."""
    accelerators = get(cluster, "accelerators")
    pools = accelerators if isinstance(accelerators, Mapping) else {}
    prices = {str(name): _usd(get(pool, "hourlyUsd")) for name, pool in pools.items()}
    return Prices(
        monthly_budget=_usd(get(budget, "monthlyUsd")),
        gpu_hours={name: price for name, price in prices.items() if price is not None},
        endpoint_hours=endpoint_hours,
    )


def _usd(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
