"""`llm endpoints cost`: what a stack's endpoints cost, now and at the most."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from blueprint.accelerators import HOURS_PER_MONTH
from blueprint.cost.amounts import monthly, times, total, usd
from ops.endpoints.facts import Facts
from ops.endpoints.outcome import told
from ops.endpoints.prices import Prices, ask
from ops.endpoints.scope import Scope, json_option, opened, stack_option
from ops.table import printable, table


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one endpoint costs. facts: as it is, or as declared where it is missing. price: of a replica and hour."""

    model: str | None
    facts: Facts
    price: float | None

    @property
    def hour_min(self) -> float | None:
        """At its fewest replicas, for an hour."""
        return times(self.price, self.facts.min)

    @property
    def hour_max(self) -> float | None:
        """At its most replicas, for an hour."""
        return times(self.price, self.facts.max)

    @property
    def month_min(self) -> float | None:
        """At its fewest replicas, for a month."""
        return monthly(self.price, self.facts.min)

    @property
    def month_max(self) -> float | None:
        """At its most replicas, for a month."""
        return monthly(self.price, self.facts.max)

    @property
    def now(self) -> float | None:
        """For an hour as it is now."""
        return times(self.price, self.facts.billed)


_AMOUNTS = ("hour_min", "hour_max", "month_min", "month_max", "now")


@click.command("cost")
@stack_option
@json_option
def command(stack: str, as_json: bool) -> None:
    """What the stack's endpoints cost: at the fewest and most replicas, per hour and month, and now."""
    scope = opened(stack)
    with told(scope.api):
        raws = list(scope.client.all_endpoints())
    prices = ask(scope)
    costs = list(_costs(scope, raws, prices))
    click.echo(json.dumps(_as_json(scope, costs, prices), indent=2) if as_json else _as_text(scope, costs, prices))


def _costs(scope: Scope, raws: Sequence[Mapping[str, Any]], prices: Prices) -> Iterator[Cost]:
    """Of what the stack file declares, then of what carries the stack's tag beside that."""
    ours = {str(raw.get("name")): raw for raw in raws if scope.owns(raw)}
    foreign = {str(raw.get("name")) for raw in raws} - ours.keys()
    for endpoint in scope.stack.endpoints:
        body = ours.pop(endpoint.endpoint_name, endpoint.body)
        facts = Facts.of(body)
        if endpoint.endpoint_name in foreign:
            facts = replace(facts, state="not ours")
        yield Cost(model=endpoint.name, facts=facts, price=prices.of(body))
    for raw in ours.values():
        yield Cost(model=None, facts=Facts.of(raw), price=prices.of(raw))


def _as_json(scope: Scope, costs: Sequence[Cost], prices: Prices) -> dict[str, Any]:
    def amounts(of: Mapping[str, float | None]) -> dict[str, float | None]:
        return {f"usd_{name if name != 'now' else 'hour_now'}": value for name, value in of.items()}

    return {
        "stack": scope.stack.name,
        "namespace": scope.namespace,
        "prices": {"source": prices.source, "asked_at": prices.asked_at, "error": prices.error},
        "hours_per_month": HOURS_PER_MONTH,
        "endpoints": [
            {
                "model": cost.model,
                "endpoint": cost.facts.name,
                "state": cost.facts.state,
                "hardware": cost.facts.hardware,
                "min": cost.facts.min,
                "max": cost.facts.max,
                "billed_replicas": cost.facts.billed,
                "usd_per_replica_hour": cost.price,
                **amounts({name: getattr(cost, name) for name in _AMOUNTS}),
            }
            for cost in costs
        ],
        "total": amounts({name: total(getattr(cost, name) for cost in costs)[0] for name in _AMOUNTS}),
        "total_is_complete": all(cost.price is not None for cost in costs),
    }


def _as_text(scope: Scope, costs: Sequence[Cost], prices: Prices) -> str:
    head = ("MODEL", "STATE", "HARDWARE", "REPLICAS", "HOUR MIN", "HOUR MAX", "MONTH MIN", "MONTH MAX", "HOUR NOW")
    rows = [
        (
            cost.model or f"{cost.facts.name} (not in the file)",
            cost.facts.state,
            cost.facts.hardware,
            f"{cost.facts.min} to {cost.facts.max}, {cost.facts.billed} now",
            *(usd(getattr(cost, name)) for name in _AMOUNTS),
        )
        for cost in costs
    ]
    sums = [total(getattr(cost, name) for cost in costs) for name in _AMOUNTS]
    last = ("total", "", "", "", *(usd(amount, complete=complete) for amount, complete in sums))
    lines = table([head, *rows, last], right=range(4, 9))
    stand_in = " They are the lab's, to try with." if scope.api == "lab" else ""
    month = f"{HOURS_PER_MONTH} hours"
    return "\n".join(
        [
            *map(printable, lines),
            f"Prices per replica: {prices.source}, asked at {prices.asked_at}.{stand_in} A month is {month}.",
            "Paused and sleeping endpoints cost nothing; starting ones are billed.",
        ]
    )
