"""`llm history`: who changed a stack, when, from which commit, and what came of it."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import click

from ops.delivery.updates import Update, updates
from ops.endpoints.scope import json_option, stack_option
from ops.project import Project
from ops.table import table

VERSION = 1
"""Of what --json prints: raised when a field goes or changes its meaning."""
_SHORT = 8


@click.command("history")
@stack_option
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many, newest first.")
@json_option
def command(*, stack: str, limit: int, as_json: bool) -> None:
    """List the updates of a stack: when, who, which commit, what came of it, what changed.

    Read from Pulumi's own history. Who is the author of the commit: Pulumi's file backends know nobody else. A * behind
    a commit says that files differed from it.
    """
    project = Project.find()
    project.stack_file(stack)  # refuses one that there is not
    found = updates(project, stack)[:limit]
    if as_json:
        said = [_as_json(update) for update in found]
        click.echo(json.dumps({"version": VERSION, "stack": stack, "updates": said}, indent=2))
        return
    if not found:
        click.echo(f"Stack {stack} has no history.")
        return
    rows = [("NO", "WHEN (UTC)", "WHO", "COMMIT", "WHAT", "RESULT", "RESOURCES"), *map(_row, found)]
    for line in table(rows, right={0}):
        click.echo(line)


def _row(update: Update) -> tuple[str, ...]:
    commit = f"{update.commit[:_SHORT]}{'*' if update.dirty else ''}" if update.commit else "-"
    when = f"{update.started:%Y-%m-%d %H:%M:%S}"
    return str(update.version), when, update.who, commit, update.kind, update.result, _changes(update.changes)


def _changes(changes: Mapping[str, int]) -> str:
    done = {what: number for what, number in changes.items() if what != "same" and number}
    return ", ".join(f"{number} {what}" for what, number in done.items()) or "nothing changed"


def _as_json(update: Update) -> dict[str, Any]:
    return {**dataclasses.asdict(update), "started": update.started.isoformat()}
