"""The tables of a plan's sections: on a narrow screen each row is a card, and says of each value what it is."""

from collections.abc import Sequence

from ops.plan.page.markup import Markup, element
from ops.plan.section import Section


def table(section: Section) -> Markup:
    """The same rows as in a terminal. Roles are written out, as cards would lose them."""
    head = element("tr", *(_head(cell, right=at in section.right) for at, cell in enumerate(section.head)), role="row")
    rows = [element("tr", *_cells(section, row), role="row") for row in section.rows]
    return element(
        "table",
        element("caption", f"{section.title}, by {section.head[0]}"),
        element("thead", head, role="rowgroup"),
        element("tbody", *rows, role="rowgroup"),
        role="table",
    )


def _head(cell: str, *, right: bool) -> Markup:
    return element("th", cell, scope="col", role="columnheader", class_="right" if right else None)


def _cells(section: Section, row: Sequence[str]) -> list[Markup]:
    first, *others = row
    cells = [element("th", first, scope="row", role="rowheader")]
    for at, (name, cell) in enumerate(zip(section.head[1:], others, strict=False), 1):
        kind = " ".join(word for word, holds in (("right", at in section.right), ("empty", not cell)) if holds)
        cells.append(element("td", cell, role="cell", class_=kind or None, data_label=name))
    return cells
