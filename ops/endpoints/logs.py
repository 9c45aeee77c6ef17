"""`llm endpoints logs`: what an endpoint's container wrote."""

import json
import time
from collections.abc import Iterator, Sequence

import click

from ops.endpoints.outcome import told
from ops.endpoints.scope import Scope, json_option, opened, stack_option
from ops.table import printable

POLL_SECONDS = 2.0
_WINDOW = 1000
"""Lines that are asked for while following, so that none is lost between two questions."""
_MOST = 5000


@click.command("logs")
@click.argument("model")
@click.option("--tail", type=click.IntRange(1, _MOST), default=100, show_default=True, help="How many lines, at most.")
@click.option("--follow", is_flag=True, help="Go on with new lines until interrupted.")
@stack_option
@json_option
def command(model: str, tail: int, follow: bool, stack: str, as_json: bool) -> None:
    """Print the last lines of MODEL's endpoint. --json: one JSON object per line."""
    scope = opened(stack)
    endpoint = scope.declared(model)
    scope.live(endpoint)
    with told(scope.api):
        lines = scope.client.logs(endpoint.endpoint_name, tail=max(tail, _WINDOW) if follow else tail)
        _print(lines[-tail:], as_json=as_json)
        if follow:
            for new in _further(scope, endpoint.endpoint_name, lines, max(tail, _WINDOW)):
                _print(new, as_json=as_json)


def _print(lines: Sequence[str], *, as_json: bool) -> None:
    for line in lines:
        click.echo(json.dumps({"line": line}) if as_json else printable(line))


def _further(scope: Scope, name: str, seen: Sequence[str], window: int) -> Iterator[Sequence[str]]:
    while True:
        time.sleep(POLL_SECONDS)
        now = scope.client.logs(name, tail=window)
        yield unseen(seen, now)
        seen = now


def unseen(before: Sequence[str], now: Sequence[str]) -> Sequence[str]:
    """What of the present window came after the former one: the end of that is the beginning of this."""
    for common in range(min(len(before), len(now)), 0, -1):
        if before[-common:] == now[:common]:
            return now[common:]
    return now
