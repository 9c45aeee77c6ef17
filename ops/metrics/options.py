"""Options of commands that ask the stack's Prometheus."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def prometheus_options(command: _Command) -> _Command:
    """--url and --timeout: where it is, and how long it may be silent."""
    command = click.option(
        "--timeout",
        type=click.FloatRange(0.1, 300),
        default=10.0,
        show_default=True,
        help="Longest silence of Prometheus, in seconds.",
    )(command)
    return click.option("--url", help="Address of Prometheus; default the stack's, by kubectl port-forward.")(command)
