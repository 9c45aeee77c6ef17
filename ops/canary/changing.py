"""The ends of a canary, as edits of the stack file, each brought up before the next one is made."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from blueprint.canary import WHOLE, canary_name
from blueprint.workload import Workload
from ops.delivery.applying import brought_up, make, ready_to_ask
from ops.editing import model_keys, read_text, replace_texts, with_value, without
from ops.endpoints.outcome import NotSoError
from ops.project import Project

_DEADLINE = 300.0
"""Of the smoke test of a promoted model, in seconds."""


_GOES = "the canary goes"


@dataclass(frozen=True, kw_only=True)
class _Step:
    """What it does, the stack file's text with it, and whether the model has to pass the smoke test after it."""

    what: str
    text: str
    verified: bool = False


def promoted(project: Project, stack: str, stable: Workload, *, ask: bool, apply: bool) -> None:
    """Let a model be what its canary tries.

    The canary goes last, when the model has passed the smoke test, so that somebody answers while its replicas are
    replaced. Where a rollout leaves none of them, the canary gets all requests before.

    Raises NotSoError when a step fails; the canary then still serves, and the same command goes on.
    """
    settings = project.values(stack)["models"][stable.name]
    text = read_text(project.root / f"Pulumi.{stack}.yaml")
    steps: list[_Step] = []
    if stable.outage.value and apply:
        others = sum((settings.get("expose") or {}).get("split", {}).values())
        text = with_value(text, model_keys(stable.name, "canary", "share"), WHOLE - others)
        what = f"{canary_name(stable.name)} answers while the replicas of {stable.name} are replaced"
        steps.append(_Step(what=what, text=text))
    text = _with_tried(text, stable.name, settings)
    if apply:
        steps.append(_Step(what=f"{stable.name} becomes what its canary is", text=text, verified=True))
    steps.append(_Step(what=_GOES, text=without(text, model_keys(stable.name, "canary"))))
    _take(project, stack, stable.name, steps, ask=ask, apply=apply)


def withdrawn(project: Project, stack: str, stable: Workload, *, ask: bool, apply: bool) -> None:
    """Remove a model's canary. Raises NotSoError when `make up` fails."""
    text = without(read_text(project.root / f"Pulumi.{stack}.yaml"), model_keys(stable.name, "canary"))
    _take(project, stack, stable.name, [_Step(what=_GOES, text=text)], ask=ask, apply=apply)


def _with_tried(text: str, name: str, settings: Mapping[str, Any]) -> str:
    canary = settings["canary"]
    if canary.get("revision") is not None:
        text = with_value(text, model_keys(name, "revision"), canary["revision"], after="model")
    for key, value in (canary.get("engine") or {}).items():
        text = with_value(text, model_keys(name, "engine", key), value)
    return text


def _take(project: Project, stack: str, model: str, steps: Sequence[_Step], *, ask: bool, apply: bool) -> None:
    ready_to_ask(yes=not ask, no_apply=not apply)
    file = project.root / f"Pulumi.{stack}.yaml"
    before = read_text(file)
    for line in difflib.unified_diff(
        before.splitlines(), steps[-1].text.splitlines(), file.name, file.name, n=2, lineterm=""
    ):
        click.echo(line)
    if ask and apply:
        click.confirm("Change it?", abort=True)
    for number, step in enumerate(steps, 1):
        replace_texts({file: (before, step.text)})
        before = step.text
        if not apply:
            click.echo(f"{file.name} is changed. `make up STACK={stack}` brings it up.")
            return
        click.echo(f"Step {number} of {len(steps)}: {step.what}.")
        if step.verified:
            failed = brought_up(project, stack, [model], _DEADLINE)
        else:
            failed = None if make(project, "up", stack) else "`make up` failed"
        if failed:
            raise NotSoError(
                f"{failed} in step {number} of {len(steps)}: {step.what}. {file.name} holds what was tried. Correct "
                "what it says and run this again."
            )
