"""Rows of bars from a least to a most: GPUs that are held, money, times."""

from collections.abc import Iterable, Mapping
from typing import Any

from blueprint.cost.amounts import usd
from blueprint.cost.stack import said
from blueprint.timing.start import duration
from ops.plan.costs import IDLE
from ops.plan.page.bars import Part, bar
from ops.plan.page.markup import Markup, element


def _row(name: str, value: str, drawn: Markup | None) -> Markup:
    cells = [element("span", name, class_="name"), element("span", value, class_="value")]
    return element("li", *cells, *([drawn] if drawn is not None else []))


def _range(name: str, value: str, low: float, high: float, *, of: float, marks: Iterable[float] = ()) -> Markup:
    parts = [Part(kind="least", size=low), Part(kind="most", size=high - low)]
    return _row(name, value, bar(parts, of=of, label=f"{name}: {value}", marks=list(marks)))


def _rows(rows: Iterable[Markup], note: str) -> Markup:
    listed = list(rows)
    drawn = any("<svg" in row for row in listed)  # in a text it would be escaped
    notes = [element("p", note, class_="why")] if drawn else []
    return element("div", element("ul", *listed, class_="bars"), *notes)


_REPLICAS = "Full colour: at the fewest replicas; pale: up to the most."


def pools(data: Iterable[Mapping[str, Any]]) -> Markup:
    """GPUs of the cluster that are held, of those that are there."""
    rows = []
    for pool in data:
        low, high, there = pool["usedMin"], pool["usedMax"], pool["available"]
        held = f"{low} to {high}" if low < high else f"{high}"
        value = f"{held} of {there} GPUs used"
        of = max(high, there)
        rows.append(_range(" or ".join(pool["accelerators"]), value, low, high, of=of, marks=[there]))
    return _rows(rows, f"{_REPLICAS} Upright: what is available.")


def costs(data: Mapping[str, Any]) -> Markup:
    """A month of each model, at the fewest and the most replicas, and of all of them, against the budget."""
    models, budget = data["models"], data["budgetMonthlyUsd"]
    dearest = max((one["monthMax"] or 0.0 for one in models), default=0.0)
    rows = [_money(one["model"], one["monthMin"], one["monthMax"], of=dearest) for one in models]
    if (idle := data["idleGpus"]) is not None:
        rows.append(_money(IDLE, idle["monthMin"], idle["monthMax"], of=dearest, complete=idle["complete"]))
    low, high = data["total"]["monthMin"], data["total"]["monthMax"]
    of = max(low or 0.0, high or 0.0, budget or 0.0)
    rows.append(_money("total", low, high, of=of, complete=data["complete"], budget=budget))
    note = f"{_REPLICAS} Models are drawn on one scale, the total on another."
    return _rows(rows, f"{note} Upright: the budget." if budget is not None else note)


def change(data: Mapping[str, Any]) -> Markup:
    """A month of all models then and now."""
    total, complete = data["total"], data["complete"]
    of = max(*(amount or 0.0 for key in ("monthMin", "monthMax") for amount in total[key]), 0.0)
    rows = [
        _money(
            name,
            total["monthMin"][at],
            total["monthMax"][at],
            of=of,
            complete={key: complete[key][at] for key in complete},
        )
        for at, name in enumerate(("then", "now"))
    ]
    return _rows(rows, _REPLICAS)


def _money(
    name: str,
    low: float | None,
    high: float | None,
    *,
    of: float,
    complete: Mapping[str, bool] | None = None,
    budget: float | None = None,
) -> Markup:
    whole = complete or {"monthMin": True, "monthMax": True}
    value = span((low, whole["monthMin"]), (high, whole["monthMax"]))
    value = value if value == usd(None) else f"{value} a month"
    if low is None or high is None or not of:
        return _row(name, value, None)
    if budget is None:
        return _range(name, value, low, high, of=of)
    return _range(name, f"{value}, of a budget of {usd(budget)}", low, high, of=of, marks=[budget])


def span(low: tuple[float | None, bool], high: tuple[float | None, bool]) -> str:
    """Two sums for people, one where they are the same. Each with whether it is the whole."""
    return " to ".join(dict.fromkeys((said(low), said(high))))


def starts(data: Iterable[Mapping[str, Any]]) -> Markup:
    """How long a start of each model likely takes, between the best and the worst."""
    models = list(data)
    of = max((one["seconds"]["worst"] for one in models), default=0)
    rows = []
    for one in models:
        best, likely, worst = (one["seconds"][side] for side in ("best", "likely", "worst"))
        least = "at least " if one["atLeast"] else ""
        value = f"{least}{duration(likely)} ({duration(best)} to {duration(worst)}), {_stages(one)}"
        value += f"; given up after {one['givenUp']['minutes']} min"
        drawn = bar([Part(kind="least", size=likely)], of=of, label=f"{one['model']}: {value}", band=(best, worst))
        rows.append(_row(one["model"], value, drawn))
    return _rows(rows, "Bar: what is likely; line: from the best to the worst.")


def _stages(one: Mapping[str, Any]) -> str:
    if one["measured"]:
        return "measured"
    longest = f"longest: {one['dominant']}" if one["dominant"] else "no stage is known"
    if not one["atLeast"]:
        return longest
    unknown = [stage["name"] for stage in one["stages"] if stage["seconds"] is None and stage["phase"] != "before"]
    return f"{longest}, and {', '.join(unknown)}, of which nobody knows the time"
