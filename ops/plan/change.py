"""A plan's section about change: what costs more or less than as of a Git commit."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from blueprint.cost.amounts import usd
from blueprint.cost.stack import AMOUNTS, Amount, ModelCost, StackCost, said
from ops.delivery.repository import Repository, files_of
from ops.plan.section import Section, Subject
from ops.project import Project

_MIN, _MAX = AMOUNTS["monthMin"], AMOUNTS["monthMax"]
_HEAD = ("model", "was", "is", "month, fewest", "month, most")


@dataclass(frozen=True)
class _Before:
    """What a stack cost as of a commit. failure: why nobody can tell."""

    cost: StackCost
    failure: str = ""


def section(subject: Subject, against: str) -> Section:
    """What is different from a commit. Raises UnusableError where there is no such commit."""
    repository = Repository(subject.project)
    commit = repository.commit(against)
    before, after = _before(repository, commit, subject.stack.name), subject.stack.cost
    data: dict[str, object] = {"commit": commit, "failure": before.failure or None}
    title = f"What changes against {commit[:12]}"
    if before.failure:
        return Section(key="change", title=title, data=data, head=("unknown",), rows=[(before.failure,)])
    pairs = _pairs(before.cost.models, after.models)
    changed = [(name, was, now) for name, was, now in pairs if was != now]
    rows = [(name, _shape(was), _shape(now), *(_difference(was, now, of) for of in (_MIN, _MAX)))
            for name, was, now in changed]  # fmt: skip
    remarks = [
        f"A month at the {which} replicas: {said(before.cost.total(amount))} then, {said(after.total(amount))} now."
        for which, amount in (("fewest", _MIN), ("most", _MAX))
    ]
    data |= {
        "models": [
            {
                "model": name,
                "was": _shape(was) or None,
                "is": _shape(now) or None,
                **{key: [amount(one) if one else 0.0 for one in (was, now)] for key, amount in AMOUNTS.items()},
            }
            for name, was, now in changed
        ],
        "total": {key: [cost.total(amount)[0] for cost in (before.cost, after)] for key, amount in AMOUNTS.items()},
    }
    same = [] if changed else ["No model costs, or is made of, anything else."]
    return Section(key="change", title=title, data=data, head=_HEAD, rows=rows, right=(3, 4), remarks=[*same, *remarks])


def _before(repository: Repository, commit: str, stack: str) -> _Before:
    nothing = StackCost(models=[])
    name, *locks = files_of(stack)
    with tempfile.TemporaryDirectory() as folder:
        for file in (name, *locks):
            text = repository.text(commit, file)
            if text is None and file == name:
                return _Before(nothing)  # a stack that is new
            (Path(folder) / file).write_text(text or "")
        try:
            return _Before(Project(Path(folder)).resolve(stack).cost)
        except click.ClickException as error:
            return _Before(nothing, f"as of that commit the stack cannot be read: {error.message}")


def _pairs(
    before: Sequence[ModelCost], after: Sequence[ModelCost]
) -> list[tuple[str, ModelCost | None, ModelCost | None]]:
    was, now = ({model.name: model for model in models} for models in (before, after))
    return [(name, was.get(name), now.get(name)) for name in sorted({*was, *now})]


def _shape(model: ModelCost | None) -> str:
    if model is None:
        return ""
    replicas = f"{model.min} to {model.max}" if model.min < model.max else f"{model.max}"
    return f"{replicas} of {model.hardware}"


def _difference(was: ModelCost | None, now: ModelCost | None, amount: Amount) -> str:
    before, after = (amount(one) if one else 0.0 for one in (was, now))
    if before is None or after is None:
        return usd(None)
    return f"{'-' if after < before else '+'}{usd(abs(after - before))}"
