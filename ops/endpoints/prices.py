"""The API's price list of endpoints. A price that is not known is None, never 0."""

import datetime
from collections.abc import Mapping, Sequence
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
