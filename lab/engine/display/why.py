"""Why a resource changes, in a few lines: the changed properties, what forces a replacement, what is lost."""

from collections.abc import Iterator

from lab.engine import paths
from lab.engine.display import words
from lab.engine.display.diff import ABSENT, Change, changes
from lab.engine.display.text import Line, change, clean, compact, cut, line
from lab.engine.events import Op, Step

MOST = 5  # lines for the properties of one resource
_SHORT = 60  # columns for a value
_MARGIN = "      "

DELETING = frozenset({Op.DELETE, Op.DELETE_REPLACED})


def reasons(step: Step, *, destroying: bool = False) -> Iterator[Line]:
    """The lines below the name of a resource. destroying: the whole stack goes, which needs no reason."""
    if step.op in DELETING:
        yield from _deletion(step, destroying=destroying)
        return
    found = changes(step)
    forcing = _forcing(step, found)
    if step.op in words.REPLACING:
        yield from _replacement(step, forcing)
    elif step.reason:
        yield line(_MARGIN + clean(step.reason))
    shown = sorted(found, key=lambda item: item not in forcing)
    # One line too many is no reason to hide two.
    most = MOST if len(shown) > MOST + 1 else MOST + 1
    for item in shown[:most]:
        yield line(_MARGIN + one_line(item), words.style_of(item.sign))
    if len(shown) > most:
        yield line(f"{_MARGIN}and {len(shown) - most} more, see --diff", "faint")


def _deletion(step: Step, *, destroying: bool) -> Iterator[Line]:
    reason = step.reason or ("" if destroying or step.op is not Op.DELETE else "the program no longer has it")
    told = [text for text in (reason, words.lost(step.old)) if text]
    if step.old is not None and step.old.retain_on_delete:
        told.append("only the state forgets it, it stays where it is (retain_on_delete)")
    if told:
        yield line(_MARGIN + clean("; ".join(told)))


def _replacement(step: Step, forcing: list[Change]) -> Iterator[Line]:
    forced = [paths.to_text(item.path) for item in forcing]
    forced += [path for path in step.replaces if not any(known.startswith(path) for known in forced)]
    reason = step.reason or (f"{', '.join(forced)} cannot be changed in place" if forced else "")
    told = [text for text in (reason, words.lost(step.old)) if text]
    if told:
        yield line(_MARGIN + clean("; ".join(told)), "magenta")


def _forcing(step: Step, found: list[Change]) -> list[Change]:
    patterns = [paths.parse(path) for path in step.replaces]
    return [item for item in found if item.forces or any(paths.matches(pattern, item.path) for pattern in patterns)]


def one_line(item: Change) -> str:
    """A changed property as `~ path: old => new`, shortened."""
    start = f"{item.sign} {clean(paths.to_text(item.path))}"
    if item.old is ABSENT and item.new is ABSENT:
        return start
    if item.old is ABSENT or item.new is ABSENT or item.sign != "~":
        value = item.old if item.new is ABSENT or item.sign == "-" else item.new
        return f"{start}: {cut(compact(value), _SHORT)}"
    old, new = change(compact(item.old), compact(item.new), _SHORT)
    return f"{start}: {old} => {new}"
