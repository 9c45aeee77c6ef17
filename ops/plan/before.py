"""A stack as of a Git commit, or as it runs."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

import click

from blueprint.stack import Stack
from ops.delivery.repository import Repository, files_of
from ops.delivery.updates import Update, updates
from ops.project import Project

RUNNING = "running"
"""In place of a commit: that of the last update."""


@dataclass(frozen=True, kw_only=True)
class Before:
    """A stack as of a commit. stack: None where it was not there, and with a failure: why nobody can tell.

    commit: None where the stack never was. notes: what else is to be said of it.
    """

    commit: str | None
    stack: Stack | None
    failure: str = ""
    notes: Sequence[str] = ()


def read(project: Project, stack: str, given: str) -> Before:
    """The stack by its file and the locks of a commit, branch or tag, or of what runs.

    Raises UnusableError where there is no such commit, and with NotSoError where the stack's history cannot be read.
    """
    return _running(project, stack) if given == RUNNING else _as_of(project, stack, given)


def _running(project: Project, stack: str) -> Before:
    made = [update for update in updates(project, stack) if update.kind in ("update", "destroy")]
    done = next((update for update in made if update.result == "succeeded"), None)
    later = takewhile(lambda update: update is not done, made)
    notes = [f"{_said(update)} after it {update.result}: what runs may be of it." for update in later]
    if done is None or done.kind == "destroy":
        last = "It was never brought up" if done is None else f"It was destroyed ({done.started:%Y-%m-%d %H:%M} UTC)"
        return Before(commit=None, stack=None, notes=[f"{last}: nothing runs.", *notes])
    if done.commit is None:
        return Before(
            commit=None, stack=None, failure=f"{_said(done)} was made without Git: nobody knows what it was of"
        )
    if done.dirty:
        notes = [f"{_said(done)} was made with files that differed from its commit: compared with the commit.", *notes]
    return replace(_as_of(project, stack, done.commit), notes=notes)


def _said(update: Update) -> str:
    return f"The {update.kind} {update.version} of {update.started:%Y-%m-%d %H:%M} UTC"


def _as_of(project: Project, stack: str, commit: str) -> Before:
    repository = Repository(project)
    sha = repository.commit(commit)
    name, *locks = files_of(stack)
    text = repository.text(sha, name)
    if text is None:
        return Before(commit=sha, stack=None)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(text)
        for lock in locks:
            (Path(folder) / lock).write_text(repository.text(sha, lock) or "")
        try:
            return Before(commit=sha, stack=Project(Path(folder)).resolve(stack))
        except click.ClickException as error:
            failure = f"as of that commit the stack cannot be read: {error.message}"
            return Before(commit=sha, stack=None, failure=failure)
