"""Why a resource changes, in a few lines: the changed properties, what forces a replacement, what is lost."""

from collections.abc import Iterator
from itertools import zip_longest

from lab.engine import paths
from lab.engine.display import words
from lab.engine.display.diff import ABSENT, Change, changes, is_long
from lab.engine.display.text import Line, change, clean, compact, cut, line
from lab.engine.events import Op, Step

MOST = 5  # lines for the properties of one resource
_SHORT = 60  # columns for a value
_MARGIN = "      "

DELETING = frozenset({Op.DELETE, Op.DELETE_REPLACED})


def causes(step: Step, *, destroying: bool = False) -> Iterator[Line]:
    """Why, in words, and what is lost by it. destroying: the whole stack goes, which needs no reason."""
    if step.op in DELETING:
        reason = step.reason or ("" if destroying or step.op is not Op.DELETE else "the program no longer has it")
    elif step.op in words.REPLACING:
        reason = step.reason or _forced(step)
    else:
        reason = step.reason
    gone = words.lost(step.old) if step.op in DELETING | words.REPLACING else ""
    kept = step.op in DELETING and step.old is not None and step.old.retain_on_delete
    told = [reason, gone, "only the state forgets it, it stays where it is (retain_on_delete)" if kept else ""]
    text = "; ".join(clean(part) for part in told if part)
    if text:
        yield line(_MARGIN + text, words.style_of(words.SIGNS[step.op]))


def properties(step: Step) -> Iterator[Line]:
    """The first changed properties, what forces a replacement before the others."""
    if step.op in DELETING:
        return
    found = changes(step)
    forcing = _forcing(step, found)
    shown = sorted(found, key=lambda item: item not in forcing)
    # One line too many is no reason to hide two.
    most = MOST if len(shown) > MOST + 1 else MOST + 1
    for item in shown[:most]:
        yield line(_MARGIN + one_line(item), words.style_of(item.sign))
    if len(shown) > most:
        yield line(f"{_MARGIN}and {len(shown) - most} more, see --diff", "faint")


def tops(step: Step) -> list[str]:
    """The changed properties of the resource itself, as `~spec`."""
    signs: dict[str, str] = {}
    for item in changes(step):
        key = str(item.path[0]) if item.path else ""
        sign = item.sign if len(item.path) == 1 else "~"
        signs[key] = sign if signs.get(key, sign) == sign else "~"
    return [clean(f"{sign}{key}") for key, sign in signs.items()]


def _forced(step: Step) -> str:
    forced = [paths.to_text(item.path) for item in _forcing(step, changes(step))]
    forced += [path for path in step.replaces if not any(known.startswith(path) for known in forced)]
    return f"{', '.join(forced)} cannot be changed in place" if forced else ""


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
    before, after = item.old, item.new
    if is_long(before) and is_long(after):
        number, before, after = _first_difference(before.splitlines(), after.splitlines())
        start += f" (line {number})"
    old, new = change(compact(before), compact(after), _SHORT)
    return f"{start}: {old} => {new}"


def _first_difference(old: list[str], new: list[str]) -> tuple[int, str, str]:
    pairs = zip_longest(old, new, fillvalue="")
    return next(((number, *pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1]), (1, "", ""))
