"""`llm endpoints pause` and `resume`: by hand, until the next `up`."""

import json
from collections.abc import Mapping
from typing import Any

import click

from blueprint.endpoint import Endpoint
from ops.endpoints.facts import Facts
from ops.endpoints.outcome import NotSoError, told
from ops.endpoints.scope import Scope, called, json_option, opened, stack_option
from ops.table import printable

_STOPPED = ("paused", "pausing")


@click.command()
@click.argument("model")
@stack_option
@json_option
def pause(model: str, stack: str, as_json: bool) -> None:
    """Pause MODEL's endpoint: it stops, and costs nothing. Only endpoints of this stack."""
    scope, endpoint, before = _found(stack, model)
    after = before
    if before.state not in _STOPPED:
        with told(scope.api):
            scope.client.pause(endpoint.endpoint_name)
        after = Facts.of(scope.live(endpoint))
    _tell(scope, endpoint, before, after, "paused", as_json=as_json)
    if after.state not in _STOPPED:
        raise NotSoError(f"{called(endpoint)} is {after.state}, though the API accepted the pause. Look again.")


@click.command()
@click.argument("model")
@stack_option
@json_option
def resume(model: str, stack: str, as_json: bool) -> None:
    """Let MODEL's paused endpoint run again; it is billed from then on. Only endpoints of this stack."""
    scope, endpoint, before = _found(stack, model)
    after = before
    if before.state in (*_STOPPED, "failed"):
        with told(scope.api):
            scope.client.resume(endpoint.endpoint_name)
        after = Facts.of(scope.live(endpoint))
    _tell(scope, endpoint, before, after, "running", as_json=as_json)
    if after.state in _STOPPED:
        raise NotSoError(f"{called(endpoint)} is {after.state}, though the API accepted to resume it. Look again.")


def _found(stack: str, model: str) -> tuple[Scope, Endpoint, Facts]:
    scope = opened(stack)
    endpoint = scope.declared(model)
    raw: Mapping[str, Any] = scope.live(endpoint)
    scope.own(endpoint, raw)
    return scope, endpoint, Facts.of(raw)


def _tell(scope: Scope, endpoint: Endpoint, before: Facts, after: Facts, wanted: str, *, as_json: bool) -> None:
    changed = before.state != after.state
    key = f"models.{endpoint.name}.state"
    if endpoint.state == wanted:
        note = f"So says the stack file too ({key}: {endpoint.state})."
    else:
        note = (
            f"The next `up` of stack {scope.stack.name} puts it back to what the stack file says ({key}: "
            f"{endpoint.state}). To keep it so, write state: {wanted} there."
        )
    if as_json:
        shown = {
            "model": endpoint.name,
            "endpoint": endpoint.endpoint_name,
            "state": after.state,
            "before": before.state,
            "changed": changed,
            "declared_state": endpoint.state,
            "note": note,
        }
        click.echo(json.dumps(shown, indent=2))
        return
    head = f"{called(endpoint)}: {before.state} -> {after.state}" if changed else f"{called(endpoint)}: {after.state}"
    click.echo(f"{printable(head)}. {_meaning(after, changed=changed)}{note}")


def _meaning(facts: Facts, *, changed: bool) -> str:
    if facts.state in _STOPPED and facts.ready:
        return "It costs nothing from now on; what ran is still ending. "
    if facts.state in _STOPPED:
        return "It costs nothing. "
    if facts.state == "scaledToZero":
        return "It sleeps and costs nothing; the next call wakes it. "
    return "It is billed from now on. " if changed else "It was not paused. "
