"""Paths to properties in Pulumi's syntax: `spec.containers[0].image`, `metadata.labels["a/b"]`, `spec.ports[*].name`.

All functions leave their arguments as they are. They look through secrets: a part of a secret is secret itself.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from lab.engine.values import Secret, secret

WILDCARD: Final = "*"  # any key or index; Pulumi knows no way to name a key that is really called *

Key = str | int
Path = Sequence[Key]

_BARE = re.compile(r"[A-Za-z0-9_]+\Z")
_TOKEN = re.compile(
    r"""  \[" (?P<quoted> (?: \\" | [^"] )* ) "\]
        | \[ (?P<index> [0-9]+ ) \]
        | \[ (?P<any> \* ) \]
        | (?P<bare> [^.\[]+ )
    """,
    re.VERBOSE | re.DOTALL,
)


def parse(path: str) -> list[Key]:
    """The keys and indices of a path. Raises ValueError for what is none."""
    keys: list[Key] = []
    position = 0
    while position < len(path):
        # Old providers write `a.[0]`, so that a dot may stand before any of the forms, but not first.
        start = position + 1 if path[position] == "." and keys else position
        token = _TOKEN.match(path, start)
        if token is None:
            raise ValueError(f"{path!r} is no property path: a name or an index is missing at character {start + 1}")
        keys.append(_key(token))
        position = token.end()
    return keys


def _key(token: re.Match[str]) -> Key:
    match token.lastgroup:
        case "quoted":
            return token["quoted"].replace('\\"', '"')
        case "index":
            return int(token["index"])
        case _:
            return token[0] if token["any"] is None else WILDCARD


def to_text(path: Path) -> str:
    """The path as Pulumi writes it; parse reads it back."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _BARE.match(key):
            text += f".{key}" if text else key
        else:
            quoted = key.replace('"', '\\"')
            text += f'["{quoted}"]'
    return text


def matches(pattern: Path, path: Path) -> bool:
    """Whether the pattern names the path itself or something that it lies in."""
    return len(pattern) <= len(path) and all(
        expected in (WILDCARD, key) for expected, key in zip(pattern, path, strict=False)
    )


def get(value: Any, path: Path, default: Any = None) -> Any:
    """What lies at the path, or the default. Here * is a key like any other."""
    for position, key in enumerate(path):
        if isinstance(value, Secret):
            found = get(value.value, path[position:], default)
            return found if found is default else secret(found)
        if not _has(value, key):
            return default
        value = value[key]
    return value


def set_(value: Any, path: Path, new: Any) -> Any:
    """The value with new at the path; dictionaries and list items on the way are made where there are none.

    Raises ValueError where something else is in the way.
    """
    if not path:
        return new
    if isinstance(value, Secret):
        return Secret(set_(value.value, path, new))
    key, *rest = path
    if isinstance(key, str) and isinstance(value, dict | None):
        return {**(value or {}), key: set_((value or {}).get(key), rest, new)}
    if isinstance(key, int) and isinstance(value, list | None):
        items = list(value or [])
        items += [None] * (key + 1 - len(items))
        items[key] = set_(items[key], rest, new)
        return items
    raise ValueError(f"{key!r} cannot be set in a {type(value).__name__}")


def delete(value: Any, path: Path) -> Any:
    """The value without what lies at the path; later items of a list move up."""
    if isinstance(value, Secret):
        return Secret(delete(value.value, path))
    key, *rest = path
    if not _has(value, key):
        return value
    if rest:
        return _with(value, key, delete(value[key], rest))
    return _without(value, key)


def reset(new: Any, old: Any, path: Path) -> Any:
    """The new value with what lies at the path as it is in the old one.

    Pulumi's rule for ignoreChanges: a key that the old value lacks is removed; nothing is made on the way to the path,
    and no list becomes longer or shorter. What was secret stays so.
    """
    return _reset(new, old, path, secret_in_old=False)


def _reset(new: Any, old: Any, path: Path, *, secret_in_old: bool) -> Any:
    if isinstance(new, Secret):
        # Whatever comes in here is secret in its new place, so that it needs no mark of its own.
        return Secret(_reset(new.value, old.value if isinstance(old, Secret) else old, path, secret_in_old=False))
    if isinstance(old, Secret):
        return _reset(new, old.value, path, secret_in_old=True)
    key, *rest = path
    for each in _named(key, new, old):
        if rest and _has(new, each) and _has(old, each):
            new = _with(new, each, _reset(new[each], old[each], rest, secret_in_old=secret_in_old))
        elif not rest:
            new = _reset_item(new, old, each, secret_in_old=secret_in_old)
    return new


def _reset_item(new: Any, old: Any, key: Key, *, secret_in_old: bool) -> Any:
    if isinstance(new, dict) and isinstance(key, str):
        if not _has(old, key):
            return _without(new, key)
    elif not (_has(new, key) and _has(old, key)):
        return new
    return _with(new, key, secret(old[key]) if secret_in_old else old[key])


def _named(key: Key, new: Any, old: Any) -> Iterable[Key]:
    """The keys that a key of a path stands for."""
    if key != WILDCARD:
        return [key]
    if isinstance(new, dict) and isinstance(old, dict):
        return {**new, **old}
    return range(len(new)) if isinstance(new, list) else []


def _has(value: Any, key: Key) -> bool:
    if isinstance(key, str):
        return isinstance(value, dict) and key in value
    return isinstance(value, list) and 0 <= key < len(value)


def _with(value: Any, key: Any, item: Any) -> Any:
    if isinstance(value, dict):
        return {**value, key: item}
    return [item if index == key else each for index, each in enumerate(value)]


def _without(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if name != key}
    return [item for index, item in enumerate(value) if index != key]
