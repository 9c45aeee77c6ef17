"""What things cost and what may be spent, from the stack file. What nobody priced is unknown, and never free."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blueprint.cost.prices import Prices
from policy.reading import get, number


@dataclass(frozen=True, kw_only=True)
class Money:
    """Prices, and by whom what may be spent in a month, in US dollars: all, a model, an owner of models."""

    prices: Prices = field(default_factory=Prices)
    all: float | None = None
    models: Mapping[str, float] = field(default_factory=dict)
    owners: Mapping[str, float] = field(default_factory=dict)

    @property
    def budgeted(self) -> bool:
        """Whether there is any budget."""
        return self.all is not None or bool(self.models or self.owners)


NO_MONEY = Money()
"""Nothing priced, and no budget."""

SECTIONS = ("budget", "cluster", "huggingface")
"""The sections of a stack file that say it."""


def read_money(config: Mapping[str, Any]) -> Money:
    """Prices and budgets by the SECTIONS of a stack file, whose mistakes the program tells."""
    budget, cluster, hub = (config.get(section) for section in SECTIONS)
    pools = get(cluster, "accelerators")
    return Money(
        prices=Prices(
            gpus=_amounts({name: get(pool, "hourlyUsd") for name, pool in _items(pools)}),
            per_node={
                name: count for name, pool in _items(pools) if (count := number(get(pool, "gpusPerNode")) or 0) > 0
            },
            instances=_amounts(dict(_items(get(hub, "hourlyUsd")))),
        ),
        all=_usd(get(budget, "monthlyUsd")),
        models=_amounts(dict(_items(get(budget, "models")))),
        owners=_amounts(dict(_items(get(budget, "owners")))),
    )


def _items(value: Any) -> list[tuple[str, Any]]:
    return [(str(key), item) for key, item in value.items()] if isinstance(value, Mapping) else []


def _amounts(values: Mapping[str, Any]) -> dict[str, float]:
    found = {name: _usd(value) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not None}


def _usd(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
