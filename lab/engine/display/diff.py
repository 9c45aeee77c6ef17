"""What changes within a resource, in full: old inputs against new inputs, nested as they are."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from lab.engine import paths
from lab.engine.compare import compare
from lab.engine.display import words
from lab.engine.display.text import Line, clean, compact, line, name, width
from lab.engine.events import Op, Step
from lab.engine.provider import DiffKind, PropertyDiff
from lab.engine.resources import ResourceState, urn_name
from lab.engine.values import PropertyMap, Secret, secret

INDENT = 4
_CONTEXT = 2  # unchanged lines around a change in a text of many lines
ABSENT = object()
_SIGNS = {"add": "+", "delete": "-", "update": "~"}


@dataclass(frozen=True)
class Change:
    """One changed property. forces: it replaces the resource."""

    path: tuple[paths.Key, ...]
    sign: str
    old: Any
    new: Any
    forces: bool = False


Tree = dict[paths.Key, "Tree | Change"]


def changes(step: Step) -> list[Change]:
    """The changed properties of a step, in the order of their paths."""
    if step.old is None or step.new is None:
        return []
    detailed = step.detailed or compare(step.old.inputs, step.new.inputs)
    found = [_change(step.old, step.new, path, kind) for path, kind in detailed.items()]
    return sorted(found, key=lambda change: [(isinstance(key, str), key) for key in change.path])


def _change(old: ResourceState, new: ResourceState, path: str, found: PropertyDiff) -> Change:
    keys = tuple(paths.parse(path))
    kind, _, replace = found.kind.partition("-")
    first, second = (old.inputs, old.outputs) if found.input_diff else (old.outputs, old.inputs)
    before = paths.get(first, keys, paths.get(second, keys, ABSENT))
    after = paths.get(new.inputs, keys, ABSENT)
    everywhere = [paths.get(value, keys) for value in (old.inputs, old.outputs, new.inputs, new.outputs)]
    before, after = (value if value is ABSENT else veiled(value, everywhere) for value in (before, after))
    return Change(keys, _SIGNS[kind], before, after, forces=bool(replace))


def veiled(value: Any, others: Sequence[Any]) -> Any:
    """The value with everything secret that is secret in one of the others.

    What is secret in the inputs may be bare in the outputs: they come from a provider, which need not know.
    """
    if any(isinstance(other, Secret) for other in (value, *others)):
        return secret(value)
    if isinstance(value, dict):
        dicts = [other for other in others if isinstance(other, dict)]
        return {key: veiled(item, [other.get(key) for other in dicts]) for key, item in value.items()}
    if isinstance(value, list):
        lists = [other for other in others if isinstance(other, list)]
        return [veiled(item, [paths.get(other, [index]) for other in lists]) for index, item in enumerate(value)]
    return value


def details(step: Step, why: Iterable[Line]) -> Iterator[Line]:
    """All there is to say of a step: what it is, why, what it is about, every property that it changes."""
    state = step.new or step.old
    assert state is not None
    sign = words.SIGNS[step.op] or " "
    style = words.style_of(sign)
    yield line(f"{sign:2} {state.type}: {clean(urn_name(step.urn))} ({words.would(step.op)})", style)
    for label, value in (("id", step.old.id if step.old else ""), ("urn", step.urn), ("provider", state.provider)):
        if value:
            yield line(clean(f"      [{label}={value}]"))
    yield from why
    if step.op in (Op.CREATE, Op.DELETE, Op.DELETE_REPLACED, Op.IMPORT):
        inputs = veiled(state.inputs, [state.outputs])
        for key in sorted(inputs):
            yield from whole(name(key), inputs[key], INDENT, sign[0])
    else:
        yield from _nested(_tree(changes(step)), INDENT)


def nested(old: PropertyMap, new: PropertyMap, indent: int) -> Iterator[Line]:
    """The differences between two dictionaries."""
    found = [
        Change(tuple(keys), _SIGNS[difference.kind], paths.get(old, keys, ABSENT), paths.get(new, keys, ABSENT))
        for keys, difference in ((paths.parse(path), difference) for path, difference in compare(old, new).items())
    ]
    yield from _nested(_tree(found), indent)


def _tree(found: list[Change]) -> Tree:
    tree: Tree = {}
    for change in found:
        for inner in _expanded(change):
            node = tree
            for key in inner.path[:-1]:
                below = node.setdefault(key, {})
                if isinstance(below, Change):  # the change of the whole says it already
                    break
                node = below
            else:
                node[inner.path[-1]] = inner
    return tree


def _expanded(change: Change) -> Iterator[Change]:
    """A changed dictionary or list as the changes within it."""
    old, new = change.old, change.new
    if not (isinstance(old, dict) and isinstance(new, dict)) and not (isinstance(old, list) and isinstance(new, list)):
        yield change
        return
    for path, found in compare({"": old}, {"": new}).items():
        keys = tuple(paths.parse(path))[1:]
        sign = _SIGNS[DiffKind(found.kind).value]
        before, after = paths.get(old, keys, ABSENT), paths.get(new, keys, ABSENT)
        yield Change((*change.path, *keys), sign, before, after, change.forces)


def _nested(tree: Mapping[paths.Key, "Tree | Change"], indent: int) -> Iterator[Line]:
    titles = {key: f"[{key}]" if isinstance(key, int) else name(key) for key in tree}
    widest = max((width(titles[key]) for key, node in tree.items() if isinstance(node, Change)), default=0)
    for key, node in tree.items():
        title = titles[key]
        if isinstance(node, Change):
            yield from _leaf(node, title, " " * (widest - width(title)), indent)
            continue
        opening, closing = ("[", "]") if all(isinstance(inner, int) for inner in node) else ("{", "}")
        yield line(f"{'~':>{indent + 3}} {title}: {opening}", "yellow")
        yield from _nested(node, indent + INDENT)
        yield line(" " * (indent + INDENT) + closing, "yellow")


def _leaf(change: Change, title: str, padding: str, indent: int) -> Iterator[Line]:
    """A changed property; padding aligns its value with its neighbours'."""
    note = "  (forces replacement)" if change.forces else ""
    start = f"{change.sign:>{indent + 3}} {title}"
    if change.old is ABSENT and change.new is ABSENT:  # the provider speaks of something that is no input
        yield line(start + note, words.style_of(change.sign))
    elif change.old is ABSENT or change.sign == "+":
        yield from whole(title, change.new, indent, "+", padding=padding, note=note)
    elif change.new is ABSENT or change.sign == "-":
        yield from whole(title, change.old, indent, "-", padding=padding, note=note)
    elif is_long(change.old) and is_long(change.new):
        yield line(f"{start}:{note}", "yellow")
        yield from _lines(clean(change.old).splitlines(), clean(change.new).splitlines(), indent + INDENT)
    else:
        yield line(f"{start}: {padding}{compact(change.old)} => {compact(change.new)}{note}", "yellow")


def whole(title: str, value: Any, indent: int, sign: str, *, padding: str = "", note: str = "") -> Iterator[Line]:
    """A value in full. title is already fit for the screen; note stands behind its first line."""
    style = words.style_of(sign)
    start = f"{sign:>{indent + 3}} {title}: {padding}"
    if value and isinstance(value, dict | list):
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        yield line(f"{start}{opening}{note}", style)
        items = enumerate(value) if isinstance(value, list) else sorted(value.items())
        for key, item in items:
            yield from whole(f"[{key}]" if isinstance(key, int) else name(key), item, indent + INDENT, sign)
        yield line(" " * (indent + INDENT) + closing, style)
    elif is_long(value):
        yield line(f"{start}|{note}", style)
        for text in clean(value).splitlines():
            yield line(f"{'':{indent + 2 * INDENT}}{text}", style)
    else:
        yield line(f"{start}{compact(None if value is ABSENT else value)}{note}", style)


def is_long(value: Any) -> bool:
    """Whether it is a text of many lines."""
    return isinstance(value, str) and "\n" in value.rstrip("\n")


def _lines(old: list[str], new: list[str], indent: int) -> Iterator[Line]:
    """Two texts line by line, with a few unchanged lines around each change."""
    margin = " " * (indent + 2)
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT):
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                yield from (line(f"{margin}  {text}") for text in old[old_from:old_to])
                continue
            yield from (line(f"{margin}- {text}", "red") for text in old[old_from:old_to])
            yield from (line(f"{margin}+ {text}", "green") for text in new[new_from:new_to])
