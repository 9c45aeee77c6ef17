"""What is known of each model beforehand, in the few numbers that the stack output `foresight` has."""

from collections.abc import Iterable, Mapping

from blueprint.checks.fit import Judged
from blueprint.cost.stack import ModelCost, StackCost
from blueprint.timing.start import Start

Known = Mapping[str, str | float]

Foresight = Mapping[str, Known]
"""By model, and by what is known of it. Amounts are US dollars, of 730 hours where they are monthly."""


def foresight(cost: StackCost, starts: Mapping[str, Start], fits: Iterable[Judged]) -> Foresight:
    """By model, in order of name; nothing of what is unknown, and no model of which nothing is known.

    All of it follows from the stack file and the locks: it is the same in each preview until one of them changes.
    """
    verdicts = {one.name: one.fitted.verdict for one in fits}
    found = {
        model.name: {**_fit(verdicts.get(model.name)), **_cost(model), **_start(starts.get(model.name))}
        for model in cost.models
    }
    return {name: known for name, known in found.items() if known}


def _fit(verdict: str | None) -> Known:
    return {} if verdict is None or verdict == "unknown" else {"fit": verdict}


def _cost(model: ModelCost) -> Known:
    # Without a price the least may still be known, as no replica costs nothing; alone it would mislead.
    if model.month_min is None or model.month_max is None:
        return {}
    found = {"monthlyUsdMin": model.month_min, "monthlyUsdMax": model.month_max}
    at = model.load
    if at is not None and at.month is not None and at.per_million_tokens is not None:
        found |= {"monthlyUsdAtLoad": at.month, "usdPerMillionTokens": at.per_million_tokens}
    return found


def _start(start: Start | None) -> Known:
    """The likely start, where every stage of it is known."""
    return {"coldStartSeconds": round(start.replica.likely)} if start is not None and not start.unknown else {}
