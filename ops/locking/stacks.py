"""The stack files as far as the locks need them: readable even where a stack does not resolve yet."""

from collections.abc import Mapping
from typing import Any

import click

from blueprint.canary import with_canaries
from ops.project import Project


def values_of_stacks(project: Project) -> tuple[dict[str, Mapping[str, Any]], bool]:
    """The settings of every stack, by its file's name, and whether every file could be read.

    What cannot be read is told on stderr.
    """
    found: dict[str, Mapping[str, Any]] = {}
    complete = True
    for stack in project.stacks():
        where = f"Pulumi.{stack}.yaml"
        try:
            found[where], _ = with_canaries(project.values(stack))
        except (click.ClickException, OSError, UnicodeDecodeError) as error:
            message = error.message if isinstance(error, click.ClickException) else f"{where}: {error}"
            click.echo(f"{message} Skipped.", err=True)
            complete = False
    return found, complete


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping; an empty one where a person wrote something else."""
    return value if isinstance(value, Mapping) else {}
