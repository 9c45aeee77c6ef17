"""Where a model answers, with which token, and whether it must be woken first."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import click

from blueprint.endpoint import Endpoint
from blueprint.stack import Stack
from ops.endpoints.facts import Facts
from ops.endpoints.outcome import NotSoError, UnusableError
from ops.endpoints.scope import Scope, called, declared, opened, resolved
from ops.table import printable

INFER = "inference.endpoints.infer.write"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A model that can be asked. name: for sentences. engine: the API's key of it, None where it is not known.

    url: without a slash at its end. openai_url: where it speaks the OpenAI API, None where it does not.
    model: what it calls itself; None to ask it. refused: what to do where it does not take the token.
    may_sleep: it is an endpoint, which the platform may have to start first. awake: it runs already.
    """

    name: str
    url: str
    openai_url: str | None
    engine: str | None
    model: str | None
    token: str | None = field(repr=False)
    refused: str
    may_sleep: bool
    awake: bool


def endpoint_target(model: str, stack: str, *, command: str) -> Target:
    """An endpoint of the stack, said on stderr when the call wakes it.

    Raises NotSoError when it cannot answer, UnusableError when it never will.
    """
    _not_in_a_cluster(resolved(stack), model, command)
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


def loopback_target(url: str, model: str, token_variable: str | None) -> Target:
    """A server of this machine, such as the end of a port-forward.

    Raises UnusableError for an address elsewhere, and for a variable that is not set.
    """
    if not is_loopback(url):
        raise UnusableError("--url takes an http address of this machine, such as http://127.0.0.1:8000.")
    token = os.environ.get(token_variable, "").strip() if token_variable else None
    if token_variable and not token:
        raise UnusableError(f"{token_variable}, which --token-env names, is not set.")
    plain = url.rstrip("/")
    return Target(
        name=model,
        url=plain,
        openai_url=plain if plain.endswith("/v1") else f"{plain}/v1",
        engine=None,
        model=None,
        token=token,
        refused="--token-env names the variable with its token.",
        may_sleep=False,
        awake=True,
    )


def is_loopback(url: str) -> bool:
    """Whether a URL is one of this machine's own."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or parts.username or parts.query or parts.fragment:
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _not_in_a_cluster(stack: Stack, model: str, command: str) -> None:
    workload = next((workload for workload in stack.workloads if workload.name == model), None)
    if workload is None or declared(stack, model) is not None or stack.cluster is None:
        return
    cluster = stack.cluster
    raise UnusableError(
        f"{model} has target kubernetes and is reached through its cluster, which a later version does for you. "
        f"Until then: kubectl --context {cluster.context} -n {cluster.namespace.name} port-forward "
        f"service/{workload.object_name} 8000:80, and in another terminal: "
        f"llm {command} {model} --url http://127.0.0.1:8000"
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
