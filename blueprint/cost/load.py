"""What a model costs at the load that its stack file declares, and how many replicas that takes."""

import math
from dataclasses import dataclass

from blueprint.cost.amounts import monthly, spent, times, usd
from blueprint.settings.load import Load

_MILLION = 1e6


@dataclass(frozen=True, kw_only=True)
class LoadCost:
    """A model at its load, in US dollars; None: unknown.

    replicas: what the load takes, and scaling lets it have. price: of one replica and hour.
    """

    load: Load
    replicas: int
    price: float | None

    @property
    def carried(self) -> float:
        """Output tokens per second that these replicas make: all that is asked for, or as many as they can."""
        return min(self.load.tokens_per_second, self.replicas * self.load.replica_tokens_per_second)

    @property
    def hour(self) -> float | None:
        """For an hour."""
        return times(self.price, self.replicas)

    @property
    def month(self) -> float | None:
        """For a month."""
        return monthly(self.price, self.replicas)

    @property
    def per_million_tokens(self) -> float | None:
        """Of a million output tokens: the price of the replicas over what they make."""
        second = spent(self.hour, 1)
        return None if second is None else round(second / self.carried * _MILLION, 6)

    def __str__(self) -> str:
        count = f"{self.replicas} replica{'s' if self.replicas != 1 else ''}"
        short = f", carrying {rate(self.carried)}" if self.carried < self.load.tokens_per_second else ""
        replicas = f"{count} at {rate(self.load.tokens_per_second)}{short}"
        if self.price is None:
            return f"{replicas}, at an unknown price"
        return (
            f"{replicas}, {usd(self.hour)} an hour, {usd(self.month)} a month, {usd(self.per_million_tokens)} per "
            "million output tokens"
        )


def replicas_needed(load: Load) -> int:
    """Replicas that carry the load, whatever scaling lets it have."""
    # Rounded first: 0.9 / 0.3 is a little more than 3.
    return math.ceil(round(load.tokens_per_second / load.replica_tokens_per_second, 9)) or 1


def cost_at(load: Load | None, price: float | None, *, low: int, high: int) -> LoadCost | None:
    """The cost at a load; None without one. price: of one replica and hour. low, high: bounds of replicas."""
    if load is None:
        return None
    return LoadCost(load=load, replicas=min(max(replicas_needed(load), low), high), price=price)


def rate(tokens_per_second: float) -> str:
    """Output tokens per second, for people."""
    return f"{tokens_per_second:,.2f}".removesuffix(".00") + " tokens/s"
