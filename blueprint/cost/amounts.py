"""Amounts of US dollars. What nobody priced is None: unknown, and never 0."""

from collections.abc import Iterable

from blueprint.accelerators import HOURS_PER_MONTH

_SECONDS_PER_HOUR = 3600

Total = tuple[float | None, bool]
"""The sum of the known ones, None when they come to nothing beside an unknown one, and whether it is the whole."""


def times(price: float | None, count: int) -> float | None:
    """The price of so many; None when it is not known. None of them cost nothing at any price."""
    if count == 0:
        return 0.0
    return None if price is None else round(price * count, 6)


def monthly(price: float | None, count: int) -> float | None:
    """The price of so many for a month of 730 hours. price: of one and hour."""
    return times(times(price, count), HOURS_PER_MONTH)


def spent(price: float | None, seconds: float) -> float | None:
    """What a time costs. price: of an hour."""
    return None if price is None else price * seconds / _SECONDS_PER_HOUR


def total(prices: Iterable[float | None]) -> Total:
    """The sum."""
    every = list(prices)
    whole, known = None not in every, round(sum(price for price in every if price is not None), 6)
    return known if known or whole else None, whole


def parts(amount: Total) -> list[float | None]:
    """A sum as parts of another one."""
    known, whole = amount
    return [known] if whole else [known, None]


def usd(price: float | None, *, complete: bool = True) -> str:
    """A price for people."""
    if price is None:
        return "unknown"
    text = f"{price:,.3f}".removesuffix("0")
    return f"${text}" if complete else f"at least ${text}"
