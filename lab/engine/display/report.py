"""What is told at the end: why resources change, what went wrong, outputs and counts."""

from collections.abc import Iterator
from typing import Any

from lab.engine.compare import equal
from lab.engine.display import words
from lab.engine.display.diff import details, nested, whole
from lab.engine.display.model import Model, Phase, Row, sign, totals, verb
from lab.engine.display.text import Line, Span, clean, line, name
from lab.engine.display.why import causes, properties
from lab.engine.events import Op, Severity
from lab.engine.values import PropertyMap

_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def report(model: Model, *, full: bool) -> Iterator[Line]:
    """All sections. full: every changed property."""
    for section in (_details(model) if full else _changes(model), _diagnostics(model), _policies(model)):
        yield from _spaced(section)
    yield from _spaced(_outputs(model))
    yield from _spaced(_counts(model))


def _spaced(section: Iterator[Line]) -> Iterator[Line]:
    lines = list(section)
    if lines:
        yield from lines
        yield line("")


def _destroying(model: Model) -> bool:
    return model.summary is not None and model.summary.kind == "destroy"


def _changes(model: Model) -> Iterator[Line]:
    """Each changed resource that has something to explain."""
    title = True
    for row in model.rows.values():
        step = row.told
        if step is None or not row.changes:
            continue
        lines = [*causes(step, destroying=_destroying(model)), *properties(step)]
        if not lines:
            continue
        if title:
            yield line("Changes:", "bold")
            title = False
        yield _heading(model, row)
        yield from lines


def _heading(model: Model, row: Row) -> Line:
    mark = sign(row, preview=model.preview, ended=True)
    doing = verb(row, preview=model.preview, ended=True)
    return [Span(f"  {mark:3}", words.style_of(mark)), Span(f"{model.label(row.urn)}  "), Span(doing, "faint")]


def _details(model: Model) -> Iterator[Line]:
    changed = [row for row in model.rows.values() if row.changes and row.told is not None]
    for index, row in enumerate(changed):
        if index == 0:
            yield line("Changes:", "bold")
        assert row.told is not None
        yield from details(row.told, causes(row.told, destroying=_destroying(model)))


def _diagnostics(model: Model) -> Iterator[Line]:
    for index, (urn, said) in enumerate(model.diagnostics.items()):
        if index == 0:
            yield line("Diagnostics:", "bold")
        yield line(f"  {model.label(urn)}:")
        for (severity, text), times in said.items():
            style = _STYLES.get(severity, "")
            first, *others = text.split("\n")
            start = f"{severity}: " if style else ""
            often = f" ({times} times)" if times > 1 else ""
            yield [Span("    "), Span(start, style), Span(first + (often if not others else ""))]
            yield from (line(f"    {other}") for other in others)
            if often and others:
                yield line(f"   {often}")


def _policies(model: Model) -> Iterator[Line]:
    if not model.packs and not model.violations:
        return
    yield line("Policies:", "bold")
    packs = {pack.name: f"{pack.name} {pack.version} ({pack.path})" for pack in model.packs}
    packs |= {item.pack: item.pack for item in model.violations if item.pack not in packs}
    for pack, title in packs.items():
        found = [item for item in model.violations if item.pack == pack]
        yield line(clean(f"  {title}" + ("" if found else ": nothing to say")))
        for item in sorted(found, key=lambda item: item.level != "mandatory"):
            style = "red" if item.level == "mandatory" else "yellow"
            about = model.label(item.urn)
            yield [Span(f"    [{item.level}]", style), Span(f"  {clean(item.policy)}  {about}")]
            yield from (line(f"        {text}") for text in model.redactor.clean(item.text).strip("\n").split("\n"))


def _outputs(model: Model) -> Iterator[Line]:
    if model.outputs is None:
        return
    old: PropertyMap = dict(model.outputs.old or {})
    new: PropertyMap = dict(model.outputs.outputs)
    lines = [text for key in sorted({**old, **new}) for text in _output(model, key, old, new)]
    if lines:
        yield line("Outputs:", "bold")
        yield from lines


def _output(model: Model, key: str, old: PropertyMap, new: PropertyMap) -> Iterator[Line]:
    before: Any = old.get(key)
    after: Any = new.get(key)
    if equal(before, after):
        # A plan shows what is new in it.
        if after is not None and not model.preview:
            yield from whole(name(key), after, 0, " ")
    elif not old:
        yield from whole(name(key), after, 0, " ")
    else:
        yield from nested({key: before}, {key: after}, 0)


def _counts(model: Model) -> Iterator[Line]:
    summary = model.summary
    if summary is None:
        yield line("Ended before all was done.", "red")
        return
    changes, same = totals(summary.changes)
    failed = sum(row.phase is Phase.FAILED for row in model.rows.values())
    if changes or same or failed:
        yield line("Resources:", "bold")
    for op, count in changes.items():
        mark = words.SIGNS[op]
        doing = f"to {words.would(Op(op))}" if model.preview else _counted(summary.kind, Op(op))
        yield line(f"    {mark:2}{count} {doing}", words.style_of(mark))
    if failed:
        yield line(f"    {failed} failed", "red")
    if same:
        yield line(f"    {same} unchanged")
    yield line("")
    yield line(f"Duration: {words.in_words(summary.seconds)}")
    if summary.result != "succeeded":
        what = "preview" if model.preview else summary.kind
        yield line("")
        yield line(f"The {what} {'was interrupted' if summary.result == 'interrupted' else 'failed'}.", "red")


def _counted(kind: str, op: Op) -> str:
    return words.REFRESHED.get(op, words.done(op)) if kind == "refresh" else words.done(op)
