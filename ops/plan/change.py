"""A plan's section about change: what costs more or less than as of a Git commit, or than what runs."""

from collections.abc import Sequence

from blueprint.cost.amounts import usd
from blueprint.cost.load import rate
from blueprint.cost.stack import AMOUNTS, Amount, ModelCost, StackCost, said
from ops.plan.before import Before
from ops.plan.costs import IDLE, storage
from ops.plan.section import Section, Subject

_MIN, _MAX = AMOUNTS["monthMin"], AMOUNTS["monthMax"]
_HEAD = ("model", "was", "is", "month, fewest", "month, most")


def section(subject: Subject, before: Before) -> Section:
    """What is different in cost."""
    cost, after = before.stack.cost if before.stack else StackCost(models=[]), subject.stack.cost
    data: dict[str, object] = {"commit": before.commit, "failure": before.failure or None, "notes": [*before.notes]}
    title = f"What changes against {before.commit[:12] if before.commit else 'nothing'}"
    if before.failure:
        return Section(key="change", title=title, data=data, head=("unknown",), rows=[(before.failure,)])
    pairs = _pairs(cost.models, after.models)
    changed = [(name, was, now) for name, was, now in pairs if was != now]
    rows = [(name, _shape(was), _shape(now), *(_difference(was, now, of) for of in (_MIN, _MAX)))
            for name, was, now in changed]  # fmt: skip
    idle = [[said(one.idle_usd(amount)) for amount in (_MIN, _MAX)] for one in (cost, after)]
    if idle[0] != idle[1]:
        rows.append((IDLE, "", "", *(f"{was} to {now}" for was, now in zip(*idle, strict=True))))
    remarks = [
        f"A month at the {which} replicas: {said(cost.total(amount))} then, {said(after.total(amount))} now."
        for which, amount in (("fewest", _MIN), ("most", _MAX))
    ]
    if cost.claims != after.claims or cost.storage_month != after.storage_month:
        remarks.append(f"Storage: {storage(cost)} then; {storage(after)} now.")
    data |= {
        "storageMonth": [one.storage_month[0] for one in (cost, after)],
        "models": [
            {
                "model": name,
                "was": _shape(was) or None,
                "is": _shape(now) or None,
                **{key: [amount(one) if one else 0.0 for one in (was, now)] for key, amount in AMOUNTS.items()},
            }
            for name, was, now in changed
        ],
        "idleGpus": {key: [one.idle_usd(amount)[0] for one in (cost, after)] for key, amount in AMOUNTS.items()},
        "total": {key: [one.total(amount)[0] for one in (cost, after)] for key, amount in AMOUNTS.items()},
        "complete": {key: [one.total(amount)[1] for one in (cost, after)] for key, amount in AMOUNTS.items()},
    }
    same = [] if changed else ["No model costs, or is made of, anything else."]
    return Section(
        key="change",
        title=title,
        data=data,
        head=_HEAD,
        rows=rows,
        right=(3, 4),
        remarks=[*before.notes, *same, *remarks],
    )


def _pairs(
    before: Sequence[ModelCost], after: Sequence[ModelCost]
) -> list[tuple[str, ModelCost | None, ModelCost | None]]:
    was, now = ({model.name: model for model in models} for models in (before, after))
    return [(name, was.get(name), now.get(name)) for name in sorted({*was, *now})]


def _shape(model: ModelCost | None) -> str:
    if model is None:
        return ""
    replicas = f"{model.min} to {model.max}" if model.min < model.max else f"{model.max}"
    load = f", for {rate(model.load.load.tokens_per_second)}" if model.load else ""
    return f"{replicas} of {model.hardware}{load}"


def _difference(was: ModelCost | None, now: ModelCost | None, amount: Amount) -> str:
    before, after = (amount(one) if one else 0.0 for one in (was, now))
    if before is None or after is None:
        return usd(None)
    return f"{'-' if after < before else '+'}{usd(abs(after - before))}"
