"""Bars in SVG. Positions are shares of the width, so that a bar is as wide as its place; all numbers stand in text."""

from collections.abc import Sequence
from dataclasses import dataclass

from ops.plan.page.markup import Markup, element

_HEIGHT = 22
_TOP, _THICK = 4, 14
_LINE, _CAP = 2, 10


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of a bar. kind: its class in the style sheet, which has the colour."""

    kind: str
    size: float


def bar(
    parts: Sequence[Part],
    *,
    of: float,
    label: str,
    band: tuple[float, float] | None = None,
    marks: Sequence[float] = (),
) -> Markup:
    """Pieces one after the other, on a scale from 0 to `of`.

    label: what it shows, in words, for those who do not see it. band: a range that is drawn as a line with two ends.
    marks: positions of borders.
    """
    shapes, at = [_rect("track", 0, 100, top=_TOP, height=_THICK)], 0.0
    for part in parts:
        end = at + max(0.0, part.size)
        if end > at:
            shapes.append(_rect(part.kind, _share(at, of), _share(end, of), top=_TOP, height=_THICK))
        at = end
    if band is not None:
        low, high = (_share(side, of) for side in band)
        middle = _TOP + _THICK / 2
        shapes.append(_rect("band", low, high, top=middle - _LINE / 2, height=_LINE))
        shapes += [_upright("band", side, top=middle - _CAP / 2, height=_CAP) for side in (low, high)]
    shapes += [_upright("mark", _share(mark, of), top=0, height=_HEIGHT) for mark in marks]
    return element("svg", *shapes, class_="bar", role="img", aria_label=label, height=_HEIGHT)


def _rect(kind: str, left: float, right: float, *, top: float, height: float) -> Markup:
    return element("rect", class_=kind, x=f"{left:.2f}%", width=f"{right - left:.2f}%", y=top, height=height)


def _upright(kind: str, left: float, *, top: float, height: float) -> Markup:
    # Kept inside, where the border of the bar would halve it.
    return element("rect", class_=kind, x=f"{min(left, 99.4):.2f}%", width=_LINE, y=top, height=height)


def _share(at: float, of: float) -> float:
    return min(100.0, max(0.0, 100 * at / of)) if of > 0 else 0.0
