"""What a reader wants first: each section in a few words."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from blueprint.cost.amounts import usd
from ops.plan.page.markup import Markup, element
from ops.plan.page.ranges import span
from ops.plan.section import Section


def summary(sections: Mapping[str, Section]) -> Markup:
    """By section, what it comes to, each with a link to the section."""
    found = [
        (key, word, text) for key, (word, say) in _SAYS.items() if key in sections and (text := say(sections[key].data))
    ]
    items = [
        element("div", element("dt", element("a", word, href=f"#{key}")), element("dd", text))
        for key, word, text in found
    ]
    return element("dl", *items, class_="summary")


def _fit(data: Any) -> str:
    counts = Counter(one["verdict"] for one in data)
    order = ("does not fit", "tight", "unknown", "fits")
    said = [f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict]]
    return f"{', '.join(said)}, of {len(data)} models" if data else "no models"


def _cost(data: Any) -> str:
    ends = [(data["total"][key], data["complete"][key]) for key in ("monthMin", "monthMax")]
    budget = data["budgetMonthlyUsd"]
    return f"{span(*ends)} a month{f', of a budget of {usd(budget)}' if budget is not None else ''}"


def _change(data: Any) -> str:
    if data["failure"]:
        return "unknown"
    before, after = data["total"]["monthMax"]
    if before is None or after is None:
        return "unknown"
    return f"{'-' if after < before else '+'}{usd(abs(after - before))} a month at the most replicas"


def _interruption(data: Any) -> str:
    counts = Counter(one["kind"] for one in data if one["kind"] != "nothing")
    waiting = sum(one["waitsForGpu"] != "no" for one in data)
    failing = sum(one["fails"] is not None for one in data)
    counts |= Counter({"may hang for want of a GPU": waiting, "cannot be done": failing})
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "nothing"


def _starts(data: Any) -> str:
    slowest = max(data, key=lambda one: one["seconds"]["likely"], default=None)
    return f"slowest: {slowest['model']}" if slowest else ""


def _rules(data: Any) -> str:
    levels = Counter(one["level"] for one in data["broken"])
    return ", ".join(f"{count} {level}" for level, count in levels.items()) or "none broken"


_SAYS = {
    "fit": ("Fit", _fit),
    "cost": ("Cost", _cost),
    "change": ("Change", _change),
    "interruption": ("Interruption", _interruption),
    "starts": ("Starts", _starts),
    "rules": ("Rules", _rules),
}
