"""A plan's section about load: what the models cost at the loads that the stack file declares."""

from blueprint.cost.amounts import usd
from blueprint.cost.load import LoadCost, rate
from blueprint.cost.stack import AT_LOAD, said
from ops.plan.costs import IDLE
from ops.plan.section import Section, Subject

_HEAD = ("model", "load", "of a replica", "replicas", "hour", "month", "per million tokens")


def section(subject: Subject) -> Section:
    """Each model that declares a load, and the stack at these loads."""
    cost = subject.stack.cost
    rows = [
        (
            name,
            rate(at.load.tokens_per_second),
            rate(at.load.replica_tokens_per_second),
            str(at.replicas),
            *map(usd, (at.hour, at.month, at.per_million_tokens)),
        )
        for name, at in cost.loaded.items()
    ]
    idle = {key: cost.idle_usd(amount) for key, amount in AT_LOAD.items()}
    if cost.rounded:
        rows.append((IDLE, "", "", "", *map(said, idle.values()), ""))
    totals = {key: cost.total(amount) for key, amount in AT_LOAD.items()}
    others = len(cost.models) - len(cost.loaded)
    remarks = ["Output tokens, by models.NAME.load; on the dearest of the accelerators that will do."]
    if others:
        remarks.append(f"The total has the other models ({others}), too, where nothing scales them.")
    remarks += [
        f"{name}: the most replicas carry {rate(at.carried)} of {rate(at.load.tokens_per_second)}."
        for name, at in cost.loaded.items()
        if at.carried < at.load.tokens_per_second
    ]
    return Section(
        key="load",
        title="What it costs at the declared load",
        data={
            "models": [{"model": name, **_model(at)} for name, at in cost.loaded.items()],
            "idleGpus": {key: known for key, (known, _) in idle.items()} if cost.rounded else None,
            "total": {key: known for key, (known, _) in totals.items()},
            "complete": {key: whole for key, (_, whole) in totals.items()},
        },
        head=_HEAD,
        rows=[*rows, ("total", "", "", "", *map(said, totals.values()), "")],
        right=range(1, 7),
        remarks=remarks,
    )


def _model(at: LoadCost) -> dict[str, float | None]:
    return {
        "tokensPerSecond": at.load.tokens_per_second,
        "replicaTokensPerSecond": at.load.replica_tokens_per_second,
        "replicas": at.replicas,
        "carriedTokensPerSecond": at.carried,
        "hour": at.hour,
        "month": at.month,
        "perMillionTokens": at.per_million_tokens,
    }
