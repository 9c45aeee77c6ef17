"""The resources as a tree, one line each, for a screen of some width and height."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.engine.display import words
from lab.engine.display.model import Model, Phase, Row, sign, verb
from lab.engine.display.text import Line, Span, clean, fit, line, width
from lab.engine.display.why import tops
from lab.engine.events import Op
from lab.engine.resources import STACK_TYPE, urn_name, urn_type

_SIGN = 3  # columns for the sign, with the space behind it
_VERB = 20  # columns that what is done may need; types are shortened before it has less
_GAP = 2


@dataclass(frozen=True)
class _Placed:
    row: Row
    guides: str  # the branches before it


def tree(model: Model, columns: int, rows: int | None = None, *, ended: bool) -> list[Line]:
    """The tree in at most so many columns and rows. Without rows all resources that a person should see are there."""
    chosen = [row for row in model.rows.values() if _shown(row, ended=ended)]
    hidden = 0
    if rows is not None and len(_with_parents(model, chosen)) + 1 > rows:
        kept = _most_important(model, chosen, rows - 2)
        hidden, chosen = len(chosen) - len(kept), kept
    placed = list(_placed(model, _with_parents(model, chosen)))
    if not placed:
        return []
    lines = _table(model, placed, columns, ended=ended)
    if hidden:
        lines.append(fit(line(f"{'':{_SIGN + _GAP}}… and {hidden} more", "faint"), columns))
    return lines


def _shown(row: Row, *, ended: bool) -> bool:
    if urn_type(row.urn) == STACK_TYPE or row.visible:
        return True
    return not ended and row.phase is Phase.RUNNING and row.step is not None and row.step.op is not Op.SAME


def _with_parents(model: Model, chosen: Sequence[Row]) -> set[str]:
    urns: set[str] = set()
    for row in chosen:
        urn = row.urn
        while urn and urn in model.rows and urn not in urns:
            urns.add(urn)
            urn = model.rows[urn].parent
    return urns


def _most_important(model: Model, chosen: Sequence[Row], most: int) -> list[Row]:
    """What fails and what runs first, then what has ended last; with their parents no more than there is room for."""
    order = [Phase.FAILED, Phase.RUNNING, Phase.DONE, Phase.SEEN]
    kept: list[Row] = []
    urns: set[str] = set()
    for row in sorted(chosen, key=lambda row: (order.index(row.phase), -row.began)):
        more = urns | _with_parents(model, [row])
        if len(more) <= most:
            kept.append(row)
            urns = more
        if len(urns) >= most:
            break
    return kept


def _placed(model: Model, urns: set[str]) -> Iterator[_Placed]:
    children: dict[str, list[Row]] = {}
    for row in model.rows.values():
        if row.urn in urns:
            children.setdefault(row.parent if row.parent in urns else "", []).append(row)
    waiting = [_Placed(row, "") for row in reversed(children.get("", []))]
    while waiting:
        item = waiting.pop()
        yield item
        below = item.guides.replace("├─ ", "│  ").replace("└─ ", "   ")
        inner = children.get(item.row.urn, [])
        waiting += [
            _Placed(row, below + ("└─ " if index == len(inner) - 1 else "├─ "))
            for index, row in reversed(list(enumerate(inner)))
        ]


def _table(model: Model, placed: Sequence[_Placed], columns: int, *, ended: bool) -> list[Line]:
    names = [clean(urn_name(item.row.urn)) for item in placed]
    name_width = max(4, *map(width, names))
    types = [item.guides + clean(urn_type(item.row.urn)) for item in placed]
    if _SIGN + max(map(width, types)) + name_width + _VERB + 2 * _GAP > columns:
        types = [item.guides + clean(words.short_type(urn_type(item.row.urn))) for item in placed]
    type_width = max(4, *map(width, types))
    verbs = [_verb(model, item.row, ended=ended) for item in placed]
    verb_width = max(6, *map(width, verbs))
    head = f"{'':{_SIGN}}{'Type':{type_width}}  {'Name':{name_width}}  "
    head += f"{'Plan' if model.preview else 'Status':{verb_width}}  Info"
    lines = [fit(line(head, "bold"), columns)]
    for item, type_, name, doing in zip(placed, types, names, verbs, strict=True):
        mark = sign(item.row, preview=model.preview, ended=ended)
        style = "red" if item.row.phase is Phase.FAILED else words.style_of(mark)
        spans = [
            Span(f"{mark:{_SIGN}}", style),
            Span(f"{_padded(type_, type_width)}  {_padded(name, name_width)}  "),
            Span(_padded(doing, verb_width), style),
            Span("  "),
            _info(item.row, ended=ended),
        ]
        lines.append(fit(_without_tail(spans), columns))
    return lines


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def _without_tail(spans: list[Span]) -> Line:
    """The line without blanks at its end."""
    kept = list(spans)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Span(kept[-1].text.rstrip(), kept[-1].style)
    return kept


def _verb(model: Model, row: Row, *, ended: bool) -> str:
    text = verb(row, preview=model.preview, ended=ended)
    seconds = model.clock() - row.began if row.phase is Phase.RUNNING else row.seconds
    if not text or seconds < 1 or model.preview:
        return text
    return f"{text} ({words.in_words(seconds)})"


def _info(row: Row, *, ended: bool) -> Span:
    if row.phase is Phase.RUNNING and row.status and not ended:
        return Span(row.status)
    if row.trouble.startswith("error"):
        return Span(row.trouble, "red")
    if row.warnings:
        return Span("1 warning" if row.warnings == 1 else f"{row.warnings} warnings", "yellow")
    found = tops(row.told) if row.told is not None else []
    return Span(f"[diff: {', '.join(found)}]", "faint") if found else Span("")
