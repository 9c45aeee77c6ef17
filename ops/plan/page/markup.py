"""HTML that is made of elements, in which a text can be nothing but text."""

import html

from ops.table import printable

_EMPTY = frozenset({"meta", "link", "rect"})
"""Elements that hold nothing; rect because SVG in HTML may close itself."""


class Markup(str):
    """Text that is HTML already. Only this module and the style sheet's place make it."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """An element. Children that are no Markup, and all values of attributes, are escaped.

    attributes: `class_` is class, `aria_label` is aria-label; None is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Elements and texts, one after the other."""
    return Markup("".join(one if isinstance(one, Markup) else _escaped(one) for one in children))


def _escaped(text: str) -> str:
    return html.escape(printable(text))
