"""The way to an Inference Endpoint, which may have to be woken first."""

from collections.abc import Mapping
from typing import Any

import click

from blueprint.endpoint import Endpoint
from ops.asking.targets import Target
from ops.endpoints.facts import Facts
from ops.endpoints.outcome import NotSoError
from ops.endpoints.scope import Scope, called, opened
from ops.table import printable

INFER = "inference.endpoints.infer.write"


def endpoint_target(model: str, stack: str) -> Target:
    """An endpoint of the stack, said on stderr when the call wakes it.

    Raises NotSoError when it cannot answer, UnusableError when it never will.
    """
    scope = opened(stack)
    endpoint = scope.declared(model)
    raw = scope.live(endpoint)
    scope.own(endpoint, raw)
    facts = Facts.of(raw)
    url = _url(scope, endpoint, facts)
    awake = facts.state in ("running", "updating", "updateFailed")
    _announce(endpoint, facts)
    way = scope.client.access
    borrowed = f" {way.invoke_variable} is not set, so that of {way.token_variable} was used."
    return Target(
        name=called(endpoint),
        url=url,
        openai_url=f"{url}{endpoint.openai_path}" if endpoint.openai_path else None,
        engine=next(iter(endpoint.body["model"]["image"])),
        model=endpoint.served_model,
        # Who may call a public endpoint needs none.
        token=None if facts.access == "public" else way.invoke_token,
        refused=f"{way.invoke_variable} needs a token with the permission {INFER} in {scope.namespace}."
        + (borrowed if way.invoke_token == way.token else ""),
        may_sleep=True,
        awake=awake,
    )


def _url(scope: Scope, endpoint: Endpoint, facts: Facts) -> str:
    name, stack = called(endpoint), scope.stack.name
    if facts.state in ("paused", "pausing"):
        raise NotSoError(
            f"{name} is paused and answers nobody. `llm endpoints resume {endpoint.name} --stack {stack}` starts it, "
            "and it is billed from then on."
        )
    if facts.state == "failed":
        raise NotSoError(
            f"{name} has failed: {printable(facts.message)}. `llm endpoints logs {endpoint.name} --stack {stack}` "
            "may say why."
        )
    if facts.url is None:
        raise NotSoError(
            f"{name} has no URL yet: it is {facts.state}. Try again when `llm endpoints show {endpoint.name} "
            f"--stack {stack}` has one."
        )
    _trusted(scope, endpoint, facts.url)
    return facts.url


def _trusted(scope: Scope, endpoint: Endpoint, url: str) -> None:
    """Raises NotSoError for a URL to which no token may go."""
    route: Mapping[str, Any] = endpoint.body.get("route") or {}
    if not scope.client.access.trusts(url, route=route.get("domain")):
        raise NotSoError(
            f"{called(endpoint)}: the API names {printable(url)} as its address, which is not one to send a token "
            "to. Nothing was sent."
        )


def _announce(endpoint: Endpoint, facts: Facts) -> None:
    if facts.state == "scaledToZero":
        sleeps = f" until it has been idle for {facts.sleeps_after} minutes" if facts.sleeps_after else ""
        click.echo(f"{called(endpoint)} sleeps. This call wakes it, and it costs money from now on{sleeps}.", err=True)
    elif facts.state in ("pending", "initializing"):
        click.echo(f"{called(endpoint)} is {facts.state}; waiting until it answers.", err=True)
    elif facts.state == "updateFailed":
        click.echo(
            f"{called(endpoint)}: its last change failed ({printable(facts.message)}); what ran before may answer.",
            err=True,
        )
