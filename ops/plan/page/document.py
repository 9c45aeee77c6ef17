"""The page: a summary, and each section of a plan with its figure, its table and its remarks."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

from ops.plan.page import fits, ranges, topology
from ops.plan.page.markup import Markup, element
from ops.plan.page.summary import summary
from ops.plan.page.tables import table
from ops.plan.section import Section

_FIGURES: dict[str, Callable[[Any], Markup]] = {
    "fit": fits.figure,
    "cost": ranges.costs,
    "starts": ranges.starts,
}
_WHOLE = frozenset({"topology", "fit", "starts"})
"""Sections whose figure has all that their table has."""


def page(stack: str, sections: Sequence[Section]) -> str:
    """A plan as one document."""
    style, by_key = _style(), {one.key: one for one in sections}
    title = f"Plan of stack {stack}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        # Nothing is fetched, whatever a text says; the one style sheet is known by its digest.
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", style),
    )
    body = element(
        "body",
        element("header", element("h1", title), summary(by_key)),
        element("main", *(_section(stack, one, by_key) for one in sections)),
        element("footer", element("p", "Made by llm plan. Where the numbers come from: docs/foresight.md.")),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}"


def _section(stack: str, section: Section, by_key: dict[str, Section]) -> Markup:
    parts = [element("h2", section.title, id=f"{section.key}-title")]
    drawn = _figure(stack, section, by_key)
    parts += [drawn] if drawn else []
    if section.rows and section.key not in _WHOLE:
        parts.append(table(section))
    if section.remarks:
        parts.append(element("ul", *(element("li", remark) for remark in section.remarks), class_="remarks"))
    return element("section", *parts, id=section.key, class_="part", aria_labelledby=f"{section.key}-title")


def _figure(stack: str, section: Section, by_key: dict[str, Section]) -> Markup | None:
    if section.key == "topology":
        judged = by_key["fit"].data if "fit" in by_key else []
        return topology.figure(stack, section.data, {one["model"]: one["verdict"] for one in judged})
    if section.key == "change":
        return None if section.data["failure"] else ranges.change(section.data)
    figure = _FIGURES.get(section.key)
    return figure(section.data) if figure and section.data else None


def _style() -> Markup:
    return Markup(files(__package__).joinpath("page.css").read_text(encoding="utf-8"))


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
