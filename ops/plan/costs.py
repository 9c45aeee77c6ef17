"""A plan's section about money: what each model costs, and all of them."""

from collections.abc import Iterator, Sequence
from typing import Any

from blueprint.accelerators import HOURS_PER_MONTH
from blueprint.cost.amounts import total, usd
from blueprint.cost.stack import AMOUNTS, ModelCost, StackCost, said
from blueprint.cost.storage import Claim, month_of, unpriced
from ops.plan.section import Section, Subject

IDLE = "idle GPUs of whole nodes"
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
    if cost.rounded:
        rows.append((IDLE, "", "", *(said(cost.idle_usd(amount)) for amount in AMOUNTS.values()), ""))
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
        *_nodes(cost),
        "Rollout: more per hour while it bills replicas twice, at the most.",
    ]
    if cost.monthly_usd is not None:
        found.append(f"Budget of a month: {usd(cost.monthly_usd)}.")
    if cost.unpriced:
        found.append(f"Unknown without {', '.join(cost.unpriced)}.")
    if cost.gib:
        found.append(f"Storage: {storage(cost)}, in none of these sums.")
    return found


def storage(cost: StackCost) -> str:
    """The claims of a stack and what they cost."""
    without = unpriced(cost.claims, cost.prices)
    if without == cost.gib:
        return f"{cost.gib:,} GiB of claims, at an unknown price (cluster.storage.monthlyUsdPerGiB)"
    missing = f" ({without:,} GiB have no price: cluster.storage)" if without else ""
    return f"{cost.gib:,} GiB of claims, {said(cost.storage_month)} a month{missing}"


def _nodes(cost: StackCost) -> Iterator[str]:
    billed = {name for model in cost.models if model.replica for name in model.replica.types}
    sizes = [f"{name} {count}" for name, count in sorted(cost.prices.per_node.items()) if name in billed]
    alone = sorted(billed - cost.prices.per_node.keys())
    if sizes:
        fewest, most = (cost.idle(AMOUNTS[name]) for name in ("hourMin", "hourMax"))
        yield (
            f"Whole nodes are billed (GPUs of one: {', '.join(sizes)}), which models share. Idle on them at the fewest "
            f"replicas: {fewest}; at the most: {most}."
        )
    if alone:
        keys = ", ".join(f"cluster.accelerators.{name}.gpusPerNode" for name in alone)
        yield f"Of GPUs alone, and not of the nodes that they are in, without {keys}."


def as_json(cost: StackCost) -> dict[str, Any]:
    """Amounts in US dollars; null: unknown."""
    return {
        "hoursPerMonth": HOURS_PER_MONTH,
        "budgetMonthlyUsd": cost.monthly_usd,
        "unpriced": list(cost.unpriced),
        "models": [_model(model, cost.claims) for model in cost.models],
        "idleGpus": _idle(cost) if cost.rounded else None,
        "storage": {
            "claims": [
                {
                    "of": claim.of,
                    "gib": claim.gib,
                    "storageClass": claim.storage_class,
                    "month": month_of([claim], cost.prices)[0],
                }
                for claim in cost.claims
            ],
            "month": cost.storage_month[0],
            "complete": cost.storage_month[1],
        },
        "owners": [
            {"owner": owner, "monthMax": known, "complete": whole}
            for owner in sorted({model.owner for model in cost.models if model.owner is not None})
            for known, whole in [total(model.month_max for model in cost.models if model.owner == owner)]
        ],
        "total": {name: cost.total(amount)[0] for name, amount in AMOUNTS.items()},
        "complete": {name: cost.total(amount)[1] for name, amount in AMOUNTS.items()},
    }


def _idle(cost: StackCost) -> dict[str, Any]:
    """GPUs that stay idle on whole nodes: a part of the total, and of no model."""
    amounts = {name: cost.idle_usd(amount) for name, amount in AMOUNTS.items()}
    return {
        "gpusPerNode": dict(cost.prices.per_node),
        "gpusMin": dict(cost.idle(AMOUNTS["hourMin"]).gpus),
        "gpusMax": dict(cost.idle(AMOUNTS["hourMax"]).gpus),
        **{name: known for name, (known, _) in amounts.items()},
        "complete": {name: whole for name, (_, whole) in amounts.items()},
    }


def _model(model: ModelCost, claims: Sequence[Claim]) -> dict[str, Any]:
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
        "storageGiB": sum(claim.gib for claim in claims if claim.of == model.name),
    }
