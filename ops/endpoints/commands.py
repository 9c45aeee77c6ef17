"""`llm endpoints`: what a stack has at Inference Endpoints, and what its namespace has beside it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from blueprint.cost.amounts import times, usd
from blueprint.endpoint import Endpoint
from ops.endpoints import costs, export, logs, switching
from ops.endpoints.facts import MISSING, Facts
from ops.endpoints.outcome import NotSoError, told
from ops.endpoints.prices import Prices, ask
from ops.endpoints.scope import Scope, called, json_option, opened, stack_option
from ops.table import printable, table


@click.group("endpoints")
def command() -> None:
    """Look at a stack's Inference Endpoints; pause, resume, price them."""


command.add_command(switching.pause)
command.add_command(switching.resume)
command.add_command(logs.command)
command.add_command(costs.command)
command.add_command(export.command)


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A line of the list. model: of the stack, also of one whose name is taken. ours: None for a missing one."""

    facts: Facts
    model: str | None
    ours: bool | None

    @property
    def whose(self) -> str:
        if self.ours is None:
            return "-"
        if self.ours:
            return "this stack" if self.model else "this stack, not in its file"
        return f"{self.facts.whose}, not this stack" if self.model else self.facts.whose

    def as_json(self) -> dict[str, Any]:
        facts = self.facts
        return {
            "endpoint": facts.name,
            "model": self.model,
            "ours": self.ours,
            "whose": None if self.ours is None else facts.whose,
            "state": facts.state,
            "ready": facts.ready,
            "target": facts.target,
            "hardware": facts.hardware,
            "url": facts.url,
        }


@command.command("list")
@stack_option
@json_option
def list_(stack: str, as_json: bool) -> None:
    """List all endpoints of the stack's namespace: which model each is, or whose, and which are missing."""
    scope = opened(stack)
    with told(scope.api):
        rows = list(_rows(scope, list(scope.client.all_endpoints())))
    if as_json:
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
        return
    head = ("ENDPOINT", "MODEL", "STATE", "REPLICAS", "HARDWARE", "WHOSE")
    lines = table([head, *(_cells(row) for row in rows)])
    click.echo(printable("\n".join(lines)))
    missing = [row.model for row in rows if row.ours is None]
    if missing:
        click.echo(f"Missing: {', '.join(map(str, missing))}. `make up STACK={stack}` makes what is declared.")


def _cells(row: _Row) -> Sequence[str]:
    facts = row.facts
    replicas = "-" if row.ours is None else f"{facts.ready}/{facts.target}"
    return facts.name, row.model or "-", facts.state, replicas, facts.hardware, row.whose


def _rows(scope: Scope, raws: Sequence[Mapping[str, Any]]) -> Iterator[_Row]:
    """Those of the stack file in its order, then what else this stack has, then everybody's by name."""
    live = {str(raw.get("name")): raw for raw in raws}
    for endpoint in scope.stack.endpoints:
        raw = live.pop(endpoint.endpoint_name, None)
        ours = None if raw is None else scope.owns(raw)
        yield _Row(facts=Facts.of(endpoint.body if raw is None else raw), model=endpoint.name, ours=ours)
    others = [_Row(facts=Facts.of(raw), model=None, ours=scope.owns(raw)) for raw in live.values()]
    yield from sorted(others, key=lambda row: (not row.ours, row.facts.name))


@command.command()
@click.argument("model")
@stack_option
@json_option
def show(model: str, stack: str, as_json: bool) -> None:
    """Show MODEL's endpoint. The exit code is 1 when it is missing or has failed."""
    scope = opened(stack)
    endpoint = scope.declared(model)
    raw = scope.live(endpoint)
    facts = Facts.of(raw)
    shown = _shown(scope, endpoint, raw, facts, ask(scope))
    if as_json:
        click.echo(json.dumps(shown, indent=2))
    else:
        click.echo(f"{called(endpoint)} in {scope.namespace}")
        click.echo(printable("\n".join(table(_lines(shown)))))
    _remark(scope, endpoint, raw)
    if facts.state in (MISSING, "failed", "updateFailed"):
        raise NotSoError(
            f"{called(endpoint)} is {facts.state}. `llm endpoints logs {model} --stack {stack}` may say why."
        )


def _shown(scope: Scope, endpoint: Endpoint, raw: Mapping[str, Any], facts: Facts, prices: Prices) -> dict[str, Any]:
    price = prices.of(raw)
    return {
        "model": endpoint.name,
        "endpoint": facts.name,
        "namespace": scope.namespace,
        "ours": scope.owns(raw),
        "state": facts.state,
        "declared_state": endpoint.state,
        "message": facts.message,
        "url": facts.url,
        "openai_url": _openai(endpoint, facts),
        "repository": facts.repository,
        "revision": facts.revision,
        "access": facts.access,
        "ready": facts.ready,
        "target": facts.target,
        "min": facts.min,
        "max": facts.max,
        "hardware": facts.hardware,
        "usd_per_replica_hour": price,
        "usd_per_hour_min": times(price, facts.min),
        "usd_per_hour_max": times(price, facts.max),
        "tags": list(facts.tags),
        # Not every answer names them; the values are never read.
        "secrets": list(facts.secrets) or sorted(endpoint.secrets),
        "created_at": facts.created_at,
        "updated_at": facts.updated_at,
    }


def _lines(shown: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    one, least, most = (usd(shown[f"usd_per_{key}"]) for key in ("replica_hour", "hour_min", "hour_max"))
    price = "unknown" if shown["usd_per_replica_hour"] is None else f"{least} to {most} per hour, {one} per replica"
    values = {
        "state": shown["state"] + (f": {shown['message']}" if shown["message"] else ""),
        "url": shown["url"] or "none yet",
        "openai": shown["openai_url"] or "none",
        "model": shown["repository"],
        "revision": shown["revision"] or "unknown",
        "access": shown["access"],
        "replicas": f"{shown['ready']} ready of {shown['target']}; {shown['min']} to {shown['max']}",
        "hardware": shown["hardware"],
        "price": price,
        "tags": ", ".join(shown["tags"]) or "none",
        "secrets": ", ".join(shown["secrets"]) or "none",
        "created": shown["created_at"] or "unknown",
        "updated": shown["updated_at"] or "unknown",
    }
    return (("", key, " ".join(str(value).split())) for key, value in values.items())


@command.command()
@click.argument("model")
@stack_option
@json_option
def url(model: str, stack: str, as_json: bool) -> None:
    """Print the URL of MODEL's endpoint and nothing else. The exit code is 1 when it has none."""
    scope = opened(stack)
    endpoint = scope.declared(model)
    raw = scope.live(endpoint)
    facts = Facts.of(raw)
    if facts.url is None:
        raise NotSoError(f"{called(endpoint)} has no URL now: it is {facts.state}. {facts.message}".rstrip())
    _remark(scope, endpoint, raw)
    shown = {"model": endpoint.name, "url": facts.url, "openai_url": _openai(endpoint, facts)}
    click.echo(json.dumps(shown) if as_json else printable(facts.url))


def _openai(endpoint: Endpoint, facts: Facts) -> str | None:
    return f"{facts.url}{endpoint.openai_path}" if facts.url and endpoint.openai_path else None


def _remark(scope: Scope, endpoint: Endpoint, raw: Mapping[str, Any]) -> None:
    if not scope.owns(raw):
        whose = printable(Facts.of(raw).whose)
        click.echo(f"{called(endpoint)} is not this stack's; its tags or its maker say: {whose}.", err=True)
