"""Asking a model: what both `llm chat` and `llm generate` do with an answer, a sleeping endpoint and a failure."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import click
import httpx2

from blueprint.canary import with_canaries
from endpoints.errors import redacted
from ops.asking.endpoint import endpoint_target
from ops.asking.targets import Target, loopback_target
from ops.asking.workload import workload_target
from ops.endpoints.outcome import NotSoError, UnusableError
from ops.endpoints.scope import declared, json_option, resolved, stack_option
from ops.project import Project
from ops.table import printable

CONNECT_SECONDS = 10.0
AGAIN_SECONDS = 2.0
"""Between two tries at an endpoint that is not there yet."""
_NOT_YET = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


class NotYetError(Exception):
    """There was no answer, and there may be one soon."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of an answer as it comes; the last ones tell what it took and why it ended."""

    text: str = ""
    usage: Mapping[str, int | None] | None = None
    finish: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer."""

    text: str
    usage: Mapping[str, int | None] | None
    finish: str
    first_seconds: float | None
    total_seconds: float

    def as_json(self, name: str) -> str:
        """The object that --json prints."""
        return json.dumps(
            {
                "model": name,
                "text": self.text,
                "usage": self.usage,
                "finish_reason": self.finish,
                "seconds_to_first_token": self.first_seconds and round(self.first_seconds, 3),
                "seconds_total": round(self.total_seconds, 3),
            }
        )


def ask(
    target: Target, seconds: float, answers: Callable[[float], Iterator[Piece]], show: Callable[[str], None]
) -> Answer:
    """Take the answer that comes, showing each piece. answers: begins a try that may take so many seconds.

    Raises NotSoError when there is none, or not a whole one.
    """
    begun = time.monotonic()
    first: float | None = None
    while True:
        text, usage, finish = "", None, None
        try:
            for piece in answers(max(1.0, begun + seconds - time.monotonic())):
                if piece.text:
                    first = first if first is not None else time.monotonic() - begun
                    show(piece.text)
                text, usage, finish = text + piece.text, piece.usage or usage, piece.finish or finish
        except NotYetError as error:
            patient = target.may_sleep and not target.awake and not text
            if not patient or time.monotonic() + AGAIN_SECONDS > begun + seconds:
                more = " --timeout gives it longer." if patient else ""
                raise NotSoError(f"{target.name}: {error}{more}") from None
            time.sleep(AGAIN_SECONDS)
            continue
        except click.ClickException:
            if text:
                show("\n")
            raise
        if finish is None:
            show("\n")
            raise NotSoError(f"{target.name}: the answer broke off: its end did not come.")
        return Answer(
            text=text, usage=usage, finish=finish, first_seconds=first, total_seconds=time.monotonic() - begun
        )


def headers(target: Target, seconds: float) -> dict[str, str]:
    """What a call to an endpoint says beside its question: to be held until the endpoint is awake."""
    return {"X-Scale-Up-Timeout": str(int(seconds))} if target.may_sleep else {}


def patience(target: Target, seconds: float) -> httpx2.Timeout:
    """How long a connection may be silent. The platform, which holds a call, has the first word on its end."""
    return httpx2.Timeout(
        seconds + (min(seconds, 5.0) if target.may_sleep else 0.0), connect=min(CONNECT_SECONDS, seconds)
    )


def refusal(target: Target, response: httpx2.Response) -> Exception:
    """An answer that is none, as an error to raise."""
    status, said = response.status_code, _said(target, response)
    head = f"HTTP {status}{f': {said}' if said else ''}."
    if status in _NOT_YET:
        return NotYetError(f"{head} It is not ready, or has too much to do.")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return UnusableError(f"{target.name} does not take the token ({head.rstrip('.')}). {target.refused}")
    return NotSoError(f"{target.name}: {head}")


def broken(target: Target, error: Exception, seconds: float) -> Exception:
    """A connection that failed, as an error to raise."""
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return NotYetError(f"it cannot be reached ({type(error).__name__}).")
    if isinstance(error, httpx2.TimeoutException):
        return NotSoError(f"{target.name}: no answer within {seconds:.0f} s. --timeout gives it longer.")
    return NotSoError(f"{target.name}: the connection broke ({type(error).__name__}).")


def shown(target: Target, text: str) -> str:
    """A server's words for a message."""
    return printable(redacted(text, (target.token or "",)))


def _said(target: Target, response: httpx2.Response) -> str:
    try:
        response.read()
        body = response.json()
    except (ValueError, httpx2.HTTPError, httpx2.StreamError):
        return ""
    said = body
    for key in ("error", "message", "detail"):
        if isinstance(said, dict) and key in said:
            said = said[key]
    return shown(target, said if isinstance(said, str) else json.dumps(said)).rstrip(".")


def prompt_of(given: str | None) -> str | None:
    """The question: the argument, or what stands in a pipe; None on a terminal. Raises UnusableError for none."""
    if given is None and sys.stdin.isatty():
        return None
    try:
        text = sys.stdin.read().rstrip("\n") if given is None else given
    except UnicodeDecodeError:
        raise UnusableError("What stands in the pipe is no UTF-8 text.") from None
    if not text.strip():
        raise UnusableError("There is no question. Give PROMPT, or write it into the pipe.")
    return text


def print_piece(text: str) -> None:
    """Show a piece of an answer at once."""
    click.echo(printable(text), nl=False)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What both commands let one choose."""

    max_tokens: int | None
    temperature: float | None
    timeout: float
    url: str | None
    token_env: str | None
    stack: str
    as_json: bool

    @contextlib.contextmanager
    def target(self, model: str) -> Iterator[Target]:
        """Whom to ask, for as long as the way there is needed. Raises NotSoError and UnusableError."""
        if self.token_env and not self.url:
            raise click.UsageError("--token-env belongs to --url.")
        if self.url:
            yield loopback_target(self.url, model, self.token_env)
            return
        stack = resolved(self.stack)
        workload = next((workload for workload in stack.workloads if workload.name == model), None)
        if workload is None or declared(stack, model) is not None or stack.cluster is None:
            yield endpoint_target(model, self.stack)
            return
        with workload_target(workload, stack.cluster, _settings(self.stack, model)) as target:
            yield target

    def settings(self, **names: str) -> dict[str, Any]:
        """Those of max_tokens and temperature that are given, under the names that a client has for them."""
        return {name: value for own, name in names.items() if (value := getattr(self, own)) is not None}


def _settings(stack: str, model: str) -> Mapping[str, Any]:
    """What the stack file says about a model."""
    values, _ = with_canaries(Project.find().values(stack))
    found: Mapping[str, Any] = values["models"][model]
    return found


def answer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that make Options."""
    options: Sequence[Callable[[Any], Any]] = (
        json_option,
        stack_option,
        click.option(
            "--token-env", metavar="NAME", help="With --url: the variable with its token. [default: none is sent]"
        ),
        click.option("--url", metavar="URL", help="Ask a server of this machine instead of the stack's model."),
        click.option(
            "--timeout",
            type=click.FloatRange(1, 3600),
            # 600: big models take minutes to load, and the call that wakes one is held for so long.
            default=600.0,
            show_default=True,
            help="Longest wait for an answer to begin or to go on, in seconds, with the waking of an endpoint.",
        ),
        click.option(
            "--temperature", type=click.FloatRange(0), help="0 for the likeliest answer. [default: the server's]"
        ),
        click.option("--max-tokens", type=click.IntRange(1), help="Longest answer, in tokens. [default: the server's]"),
    )
    for option in options:
        command = option(command)
    return command


def end(answer: Answer) -> None:
    """End the line of an answer that was shown, and say when it is not all that there was to say."""
    click.echo()
    if answer.finish == "length":
        click.echo("(Cut off at the limit of tokens; --max-tokens allows more.)", err=True)
