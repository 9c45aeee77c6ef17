"""A stack as of a Git commit."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from blueprint.stack import Stack
from ops.delivery.repository import Repository, files_of
from ops.project import Project


@dataclass(frozen=True, kw_only=True)
class Before:
    """A stack as of a commit. stack: None where it was not there, and with a failure: why nobody can tell."""

    commit: str
    stack: Stack | None
    failure: str = ""


def read(project: Project, stack: str, commit: str) -> Before:
    """The stack by its file and the locks of a commit, branch or tag. Raises UnusableError where there is none."""
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
