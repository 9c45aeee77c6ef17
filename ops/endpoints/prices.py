"""What endpoints cost: the API's price list, and what follows from it. A price that is not known is None, never 0."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from endpoints.catalogue import Hardware, find
from endpoints.errors import EndpointsError
from ops.endpoints.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Prices:
    """A price list. source: where it was asked. asked_at: when, in UTC. error: why there is none."""

    rows: Sequence[Hardware]
    source: str
    asked_at: str
    error: str | None = None

    def of(self, body: Mapping[str, Any]) -> float | None:
        """US dollars of one replica and hour; None when it is not known."""
        try:
            row = find(self.rows, body)
        except (KeyError, TypeError):
            return None
        return row.usd_per_hour if row else None


def ask(scope: Scope) -> Prices:
    """The list as it is now. Says on stderr when there is none."""
    source = f"{scope.client.access.url}/v2/provider/{scope.namespace}"
    rows: Sequence[Hardware] = ()
    error: str | None = None
    try:
        rows = scope.client.hardware()
    except EndpointsError as failure:
        error = str(failure)
        click.echo(f"Prices are unknown: {error}", err=True)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Prices(rows=rows, source=source, asked_at=now, error=error)


def times(price: float | None, count: int) -> float | None:
    """The price of so many; None when it is not known."""
    return None if price is None else round(price * count, 6)


def total(prices: Iterable[float | None]) -> tuple[float | None, bool]:
    """The sum of the known ones, None when none is, and whether it is the whole."""
    every = list(prices)
    known = [price for price in every if price is not None]
    return (round(sum(known), 6) if known or not every else None), len(known) == len(every)


def usd(price: float | None, *, complete: bool = True) -> str:
    """A price for people."""
    if price is None:
        return "unknown"
    text = f"{price:,.3f}".removesuffix("0")
    return f"${text}" if complete else f"at least ${text}"
