"""Options that commands of a delivery share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ops.endpoints.scope import stack_option
from ops.smoke.command import DEADLINE

_Command = TypeVar("_Command", bound=Callable[..., Any])


def deadline_option(command: _Command) -> _Command:
    """--deadline."""
    return click.option(
        "--deadline",
        type=click.FloatRange(1, 7200),
        default=DEADLINE,
        show_default=True,
        help="Time in which models have to answer after `make up`, in seconds.",
    )(command)


def apply_options(command: _Command) -> _Command:
    """--stack, --yes, --no-apply, --deadline."""
    command = click.option("--yes", is_flag=True, help="Do not ask before it is applied.")(command)
    command = click.option("--no-apply", is_flag=True, help="Edit the files and do nothing else.")(command)
    return stack_option(deadline_option(command))
