"""The difference between two property values, as Pulumi's engine sees it.

A key without a value is as good as no key. Nothing that is unknown equals something known. A value and the same value
as a secret are different, and a secret is compared as a whole, so that the difference tells nothing of what is in it.
"""

from collections.abc import Iterator
from typing import Any

from lab.engine import paths
from lab.engine.provider import DiffKind, PropertyDiff
from lab.engine.values import PropertyMap, Secret


def compare(old: PropertyMap, new: PropertyMap) -> dict[str, PropertyDiff]:
    """The differences by path, in the order of the keys; empty when there are none. All are input differences."""
    found = _differences(old, new, ())
    return {paths.to_text(path): PropertyDiff(kind, input_diff=True) for path, kind in found}


def equal(old: Any, new: Any) -> bool:
    """Whether two values are the same."""
    if isinstance(old, Secret) and isinstance(new, Secret):
        return equal(old.value, new.value)
    if isinstance(old, dict) and isinstance(new, dict):
        return all(equal(old.get(key), new.get(key)) for key in {**old, **new})
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(equal, old, new))
    # For Python True equals 1; on Pulumi's wire and in JSON it does not.
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)


def _differences(old: Any, new: Any, path: tuple[paths.Key, ...]) -> Iterator[tuple[paths.Path, DiffKind]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({**old, **new}):
            yield from _differences(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        both = min(len(old), len(new))
        for index in range(both):
            yield from _differences(old[index], new[index], (*path, index))
        for index in range(both, len(new)):
            yield (*path, index), DiffKind.ADD
        for index in range(both, len(old)):
            yield (*path, index), DiffKind.DELETE
    elif not equal(old, new):
        yield path, _kind(old, new)


def _kind(old: Any, new: Any) -> DiffKind:
    if old is None:
        return DiffKind.ADD
    return DiffKind.DELETE if new is None else DiffKind.UPDATE
