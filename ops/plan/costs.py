"""A plan's section about money: what each model costs, and all of them."""

from typing import Any

from blueprint.accelerators import HOURS_PER_MONTH
from blueprint.cost.amounts import total, usd
from blueprint.cost.stack import AMOUNTS, ModelCost, StackCost, said
from ops.plan.section import Section, Subject

_HEAD = ("model", "of a replica", "replicas", "hour, fewest", "hour, most", "month, fewest", "month, most", "rollout")


def section(subject: Subject) -> Section:
    """What the stack costs, by its own prices."""
    cost = subject.stack.cost
    rows = [
        (
            model.name,
            model.hardware,
            f"{model.min} to {model.max}" if model.min < model.max else str(model.max),
            *(usd(amount(model)) for amount in AMOUNTS.values()),
            f"+{usd(model.hour_replaced)}" if model.hour_replaced is not None else usd(None),
        )
        for model in cost.models
    ]
    sums = ("total", "", "", *(said(cost.total(amount)) for amount in AMOUNTS.values()), "")
    return Section(
        key="cost",
        title="What it costs",
        data=as_json(cost),
        head=_HEAD,
        rows=[*rows, sums] if rows else [],
        right=range(3, 8),
        remarks=list(_remarks(cost)),
    )


def _remarks(cost: StackCost) -> list[str]:
    found = [
        f"US dollars by the prices of the stack file; a month is {HOURS_PER_MONTH} hours.",
        "A GPU costs the same in any node: no stack says how many a node has.",
        "Rollout: more per hour while it bills replicas twice, at the most.",
    ]
    if cost.monthly_usd is not None:
        found.append(f"Budget of a month: {usd(cost.monthly_usd)}.")
    if cost.unpriced:
        found.append(f"Unknown without {', '.join(cost.unpriced)}.")
    gib = sum(model.storage_gib for model in cost.models)
    if gib:
        found.append(f"Storage: {gib:,} GiB of claims, at an unknown price, in none of these sums.")
    return found


def as_json(cost: StackCost) -> dict[str, Any]:
    """Amounts in US dollars; null: unknown."""
    return {
        "hoursPerMonth": HOURS_PER_MONTH,
        "budgetMonthlyUsd": cost.monthly_usd,
        "unpriced": list(cost.unpriced),
        "models": [_model(model) for model in cost.models],
        "owners": [
            {"owner": owner, "monthMax": known, "complete": whole}
            for owner in sorted({model.owner for model in cost.models if model.owner is not None})
            for known, whole in [total(model.month_max for model in cost.models if model.owner == owner)]
        ],
        "total": {name: cost.total(amount)[0] for name, amount in AMOUNTS.items()},
        "complete": {name: cost.total(amount)[1] for name, amount in AMOUNTS.items()},
    }


def _model(model: ModelCost) -> dict[str, Any]:
    return {
        "model": model.name,
        "owner": model.owner,
        "canaryOf": model.stable,
        "target": model.target,
        "hardware": model.hardware,
        "min": model.min,
        "max": model.max,
        **{name: amount(model) for name, amount in AMOUNTS.items()},
        "hourReplaced": model.hour_replaced,
        "storageGiB": model.storage_gib,
    }
