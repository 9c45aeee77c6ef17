"""Whom a question goes to: where a model answers, with which token, and whether it must be woken first."""

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ops.endpoints.outcome import UnusableError


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
