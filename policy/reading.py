"""Reading of properties that may be missing, of another shape than expected, or not known before `up`.

The policy host hands properties as proxies that raise when an unknown value is touched, and a rule that raises ends the
preview. Nothing here raises.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi_policy.proxy import UnknownValueError

UNKNOWN: Final = object()
"""A value that is known only during `up`. What depends on it is judged then, before the resource is made."""


def get(value: Any, *path: str) -> Any:
    """What stands at a path: None where there is nothing, UNKNOWN where nobody can tell yet."""
    for key in path:
        if value is UNKNOWN:
            return UNKNOWN
        if not isinstance(value, Mapping):
            return None
        try:
            value = value.get(key)
        except UnknownValueError:
            return UNKNOWN
    return value


def each(value: Any, *path: str) -> Iterator[Any]:
    """The known items of the list at a path; none where there is no list."""
    found = get(value, *path)
    if not isinstance(found, Sequence) or isinstance(found, str):
        return
    for index in range(len(found)):
        try:
            yield found[index]
        except UnknownValueError:
            continue


def whole(value: Any, *path: str) -> bool:
    """Whether every item of the list at a path is known, so that what is missing from it is missing."""
    found = get(value, *path)
    if found is UNKNOWN:
        return False
    return not isinstance(found, Sequence) or isinstance(found, str) or len(list(each(found))) == len(found)


def number(value: Any) -> int | None:
    """A whole number, which the host hands over as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if math.isfinite(value) and value == int(value) else None
