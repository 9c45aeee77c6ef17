"""Edits of YAML files that people keep by hand: one value changes, and every other character stays as it is.

A file is never written anew from its values. The parser says where a value stands in the text, and that part alone is
replaced; comments, quotes, order, blank lines and line ends are therefore kept. What cannot be said this way (a value
behind an alias, a key of a merged mapping) is refused.
"""

import contextlib
import copy
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from blueprint.issues import mask
from blueprint.text import TextError, load

Keys = tuple[str, ...]
"""A place in a file: the keys that lead to it, mappings all the way."""

_WIDE = 2**31
"""Of a line that is never folded."""


class EditError(click.ClickException):
    """A text cannot be changed as asked; it is as it was."""


def model_keys(model: str, *further: str) -> Keys:
    """The place of a model's settings, or of what is further inside, in a stack file."""
    return ("config", "llm-inference:models", model, *further)


def with_value(text: str, keys: Keys, value: Any, *, after: str | None = None) -> str:
    """The text with a value at a place; mappings that are missing on the way are made.

    after: behind which neighbour a new key goes, where that exists; otherwise it goes last.

    Raises EditError when the text is no YAML, or holds something else than a mapping on the way.
    """
    old = _at(text, keys)
    if isinstance(old, dict) and old and isinstance(value, Mapping) and value and _by_name({*old, *value}):
        # Key by key, so that what they have in common keeps its comments.
        for gone in [key for key in old if key not in value]:
            text = without(text, (*keys, gone))
        for key, inner in value.items():
            if key not in old or repr(old[key]) != repr(inner):
                text = with_value(text, (*keys, key), inner)
        return text
    return _checked(text, keys, lambda values: _set(values, keys, value), lambda: _with(text, keys, value, after))


def without(text: str, keys: Keys) -> str:
    """The text without a place and what stands there; comments on lines of their own stay. Unchanged where it is not.

    Raises EditError when the text is no YAML.
    """
    return _checked(text, keys, lambda values: _drop(values, keys), lambda: _without(text, keys))


def read_text(path: Path) -> str:
    """A file's text with its line ends as they are. Raises EditError when it cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise EditError(f"{path.name} cannot be read: {_reason(error)}. Restore it from version control.") from None


def replace_texts(changes: Mapping[Path, tuple[str, str]]) -> None:
    """Give files new texts, each as a whole: path -> the text that was read, and the new one.

    Raises EditError when one of them changed since it was read, or cannot be written; all have then their old text.
    """
    for path, (before, _) in changes.items():
        if read_text(path) != before:
            raise EditError(f"{path.name} was changed by somebody else meanwhile; nothing was written. Run again.")
    done: list[Path] = []
    for path, (before, now) in changes.items():
        if now == before:
            continue
        try:
            replace_file(path, now)
        except OSError as error:
            for written in done:
                replace_file(written, changes[written][0])
            raise EditError(f"{path.name} cannot be written: {_reason(error)}. Nothing was changed.") from None
        done.append(path)


def replace_file(path: Path, text: str) -> None:
    """Give a file a text as a whole or not at all; its permissions stay.

    Raises OSError when it cannot be written; the file is then as it was.
    """
    # Through a symbolic link to the file itself, which the renaming would otherwise replace.
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp's files are readable by their owner only.
        temporary.chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o644)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _reason(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else "it is no UTF-8 text"


# What an edit means, on plain values: the text is held to it.


def _checked(text: str, keys: Keys, meant: Callable[[Any], Any], edit: Callable[[], str]) -> str:
    place = ".".join(keys)
    try:
        wanted = meant(copy.deepcopy(load(text)))
        edited = edit()
    except TextError as error:
        raise EditError(f"{place} cannot be edited: {error}") from None
    try:
        same = load(edited) == wanted
    except TextError:
        same = False
    if not same:
        raise EditError(
            f"{place} cannot be edited without changing more: it stands behind an alias, a merge or in a form that "
            "this does not know. Edit it by hand."
        )
    return edited


def _at(text: str, keys: Keys) -> Any:
    """What stands at a place; None where nothing does, or where the text is no YAML."""
    try:
        found = load(text)
    except TextError:
        return None
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _by_name(keys: set[Any]) -> bool:
    return all(isinstance(key, str) for key in keys)


def _set(values: Any, keys: Keys, value: Any) -> Any:
    key, *rest = keys
    found = {} if values is None else values
    if not isinstance(found, dict):
        raise TextError(f"{key} has no mapping around it but {mask(repr(found))}")
    return {**found, key: _set(found.get(key), tuple(rest), value) if rest else value}


def _drop(values: Any, keys: Keys) -> Any:
    key, *rest = keys
    if not isinstance(values, dict) or key not in values:
        return values
    if rest:
        return {**values, key: _drop(values[key], tuple(rest))}
    return {other: value for other, value in values.items() if other != key}


# The same on the text.


def _with(text: str, keys: Keys, value: Any, after: str | None) -> str:
    parent, entry, depth = _found(text, keys)
    missing = keys[depth + 1 :]
    for key in reversed(missing):
        value = {key: value}
    if parent is None:  # an empty file
        end = "" if not text or text.endswith("\n") else _newline(text)
        return text + end + _lines({keys[0]: value}, 0, _newline(text))
    if entry is not None:
        return _replaced(text, parent, entry, value)
    return _added(text, parent, keys[depth], value, after)


def _found(text: str, keys: Keys) -> tuple[yaml.MappingNode | None, tuple[yaml.Node, yaml.Node] | None, int]:
    """The innermost mapping on the way, the entry in it that the way goes on with, and how many keys lead to it."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    mapping: yaml.MappingNode | None = None
    entry = None
    depth = 0
    for depth, key in enumerate(keys):
        if not isinstance(node, yaml.MappingNode):
            return mapping, entry, max(depth - 1, 0)
        mapping, entry = node, _entry(node, key)
        if entry is None:
            break
        node = entry[1]
    return mapping, entry, depth


def _entry(mapping: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next((pair for pair in mapping.value if pair[0].value == key), None)


def _replaced(text: str, parent: yaml.MappingNode, entry: tuple[yaml.Node, yaml.Node], value: Any) -> str:
    key, old = entry
    start, end = old.start_mark.index, _end(text, old)
    if isinstance(old, yaml.MappingNode) and not old.flow_style and isinstance(value, Mapping) and value:
        column = old.start_mark.column
        return text[:start] + _lines(value, column, _newline(text)).strip() + text[end:]
    # Behind `key:`, even where the old value began on a line of its own.
    if not parent.flow_style and "\n" in text[key.end_mark.index : start]:
        head = text[: key.end_mark.index]
        between = text[key.end_mark.index : start]
        comment, _, _ = between.partition("\n")
        return f"{head}: {_inline(value)}{comment.removeprefix(':').rstrip()}{text[end:]}"
    space = " " if text[start - 1 : start] == ":" else ""
    return text[:start] + space + _inline(value) + text[end:]


def _added(text: str, mapping: yaml.MappingNode, key: str, value: Any, after: str | None) -> str:
    neighbour = (after is not None and _entry(mapping, after)) or (mapping.value[-1] if mapping.value else None)
    if mapping.flow_style or neighbour is None:
        pair = f"{_inline(key)}: {_inline(value)}"
        if neighbour is None:
            at = mapping.start_mark.index + text[mapping.start_mark.index :].index("{") + 1
            return text[:at] + pair + text[at:]
        at = _end(text, neighbour[1])
        return f"{text[:at]}, {pair}{text[at:]}"
    newline = _newline(text)
    column = mapping.value[0][0].start_mark.column
    blocks = any(isinstance(node, yaml.MappingNode) and not node.flow_style for _, node in mapping.value)
    if blocks and isinstance(value, Mapping) and value:
        lines = _lines({key: value}, column, newline)
    else:
        lines = f"{' ' * column}{_inline(key)}: {_inline(value)}{newline}"
    at = _line_end(text, _end(text, neighbour[1]))
    if at == len(text) and not text.endswith("\n"):
        return text + newline + lines.removesuffix(newline)
    return text[:at] + lines + text[at:]


def _without(text: str, keys: Keys) -> str:
    mapping, entry, depth = _found(text, keys)
    if mapping is None or entry is None or depth != len(keys) - 1:
        return text
    start, end = entry[0].start_mark.index, _end(text, entry[1])
    if len(mapping.value) == 1:
        return text[:start] + ("" if mapping.flow_style else "{}") + text[end:]
    if not mapping.flow_style:
        return text[: start - entry[0].start_mark.column] + text[_line_end(text, end) :]
    place = mapping.value.index(entry)
    if place + 1 < len(mapping.value):
        between = text[end : mapping.value[place + 1][0].start_mark.index]
        return (
            text[:start] + (between.replace(",", "", 1) if between.strip() != "," else "") + text[end + len(between) :]
        )
    before = _end(text, mapping.value[place - 1][1])
    return text[: before if text[before:start].strip() == "," else start] + text[end:]


def _end(text: str, node: yaml.Node) -> int:
    """Where a node's own text ends: a block goes on, for the parser, to whatever comes next."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return start + len(text[start:end].rstrip())
    return int(end)


def _line_end(text: str, index: int) -> int:
    """Where the next line begins."""
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


class _Dumper(yaml.SafeDumper):
    """Strings of several lines on one, with escapes: what is put in then needs no indentation."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = value.isprintable()
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _string)


def _inline(value: Any) -> str:
    """A value on one line, in a form that stands inside braces, too."""
    return _dump([value], flow=True).strip()[1:-1]


def _lines(value: Any, column: int, newline: str) -> str:
    """A mapping as a block, each line at a column or further."""
    return "".join(f"{' ' * column}{line}{newline}" for line in _dump(value, flow=False).split("\n") if line)


def _dump(value: Any, *, flow: bool) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=flow, width=_WIDE, sort_keys=False, allow_unicode=True
    )
    return text
