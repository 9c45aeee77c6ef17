"""The workflows and the actions of .github as data."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.support import PROJECT

FOLDER = PROJECT.root / ".github"
NAMES = ("ci", "deploy", "drift", "model-version", "preview", "sync-space")


@dataclass(frozen=True)
class Step:
    """A step and where it stands: workflow and job, or action."""

    where: str
    fields: dict[str, Any]

    @property
    def run(self) -> str:
        """Its command; "" for one that uses an action."""
        return str(self.fields.get("run", ""))


def workflow(name: str) -> dict[str, Any]:
    """A workflow as GitHub reads it. `on` is the key True: YAML 1.1's word for it."""
    return dict(yaml.safe_load((FOLDER / f"workflows/{name}.yml").read_text()))


def jobs() -> dict[str, dict[str, Any]]:
    """All jobs, by workflow/job."""
    return {f"{name}/{job}": fields for name in NAMES for job, fields in workflow(name)["jobs"].items()}


def steps() -> Iterator[Step]:
    """Every step of every job, and of the actions that are this repository's own."""
    for where, job in jobs().items():
        yield from (Step(where, step) for step in job["steps"])
    for path in sorted(FOLDER.glob("actions/*/action.yml")):
        yield from (Step(path.parent.name, step) for step in yaml.safe_load(path.read_text())["runs"]["steps"])


def commands() -> set[str]:
    """Every command of a `run:`."""
    return {step.run for step in steps() if step.run}


def words(command: str) -> list[str]:
    """A command's words."""
    return shlex.split(command)
