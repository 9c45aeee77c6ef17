"""From edited files to a stack that was seen to answer, and back where it does not. Every step is a `make` target."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

import click

from ops.delivery.changes import Changes
from ops.endpoints.outcome import NotSoError, UnusableError
from ops.project import Project

_OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARGS", "MODEL")
"""What a surrounding `make` would hand on: its own arguments, which are not those of the steps."""
_INTERRUPTED = 130


def make(project: Project, target: str, stack: str, **variables: str) -> bool:
    """Run a target of the Makefile for a stack; whether it succeeded.

    Raises UnusableError where there is no make, click's Exit when somebody interrupts it.
    """
    program = shutil.which("make")
    if program is None:
        raise UnusableError("make is not on PATH, and the steps of a delivery are its targets.")
    words = [f"{name}={value}" for name, value in {"STACK": stack, **variables}.items()]
    environment = {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
    click.echo(f"\n$ make {' '.join([target, *words])}")
    sys.stdout.flush()
    # Nobody is asked twice: its input is no terminal. On Ctrl-C it ends in order by itself, and this waits for it.
    process = subprocess.Popen(
        [program, "--no-print-directory", "-C", str(project.root), target, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    interrupted = False
    while True:
        try:
            failed = process.wait()
            break
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        click.echo(f"Interrupted in `make {target}`; nothing was taken back. `llm status --stack {stack}` shows more.")
        raise click.exceptions.Exit(_INTERRUPTED)
    return not failed


def brought_up(project: Project, stack: str, models: Sequence[str], deadline: float) -> str | None:
    """Bring a stack up and test it: what failed, None when nothing did. models: those that are tested, or all."""
    if not make(project, "up", stack):
        return "`make up` failed"
    arguments = f"--deadline={deadline:g}"
    if not make(project, "smoke", stack, ARGS=arguments, MODEL=" ".join(models)):
        return "`make smoke` failed"
    return None


def ready_to_ask(*, yes: bool, no_apply: bool) -> None:
    """Raises UnusableError where somebody would have to be asked, and nobody is there."""
    if not yes and not no_apply and not sys.stdin.isatty():
        raise UnusableError("Nobody can be asked here: give --yes, or --no-apply to edit the files alone.")


def deliver(changes: Changes, models: Sequence[str], *, yes: bool, no_apply: bool, deadline: float, what: str) -> None:
    """Write the changes, show the preview, ask, apply and verify; put everything back where that fails.

    what: done, for people. Raises NotSoError when it was put back.
    """
    project, stack = changes.project, changes.stack
    for line in changes.diff():
        click.echo(line)
    changes.write()
    names = ", ".join(name for name, (before, after) in changes.texts.items() if before != after)
    if no_apply:
        click.echo(f"{names}: edited, nothing applied. Commit it; `make up STACK={stack}` applies it.")
        return
    if not make(project, "preview", stack):
        changes.reverted().write()
        raise NotSoError("The preview failed. The files are as they were, and nothing was deployed.")
    if not yes and not click.confirm(f"\n{what} in stack {stack}?"):
        changes.reverted().write()
        raise NotSoError("Not done: the files are as they were, and nothing was deployed.")
    failed = brought_up(project, stack, models, deadline)
    if failed is None:
        click.echo(f"\n{what}: done, and seen to answer. Commit {names}.")
        return
    click.echo(f"\n{what}: {failed}. Going back.")
    changes.reverted().write()
    again = brought_up(project, stack, models, deadline)
    raise NotSoError(
        f"{what}: {failed}. "
        + (
            "The files and the stack are as they were before, and it answers."
            if again is None
            else f"The files are as they were before, but on the way back {again}: look at the stack now."
        )
    )
