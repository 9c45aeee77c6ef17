"""What a stack asks of an endpoint beside what the API says of it: the same, to be changed, or another endpoint."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from endpoints.requests import leaves

Path = tuple[str, ...]

OWNER_PREFIX = "pulumi:"
"""Of the tag that says which stack made an endpoint."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_IMAGE = ("model", "image")
_REPLACING = {
    ("name",): "an endpoint cannot be renamed",
    ("provider", "vendor"): "an endpoint stays in its cloud",
    ("provider", "region"): "an endpoint stays in its region",
    ("compute", "accelerator"): "an endpoint does not move between processors and accelerators",
    ("privateService",): "a private link is made with the endpoint",
}
"""Paths that only another endpoint can have otherwise. Source: absent from the API's update body, and
hf-endpoints-documentation, engines/tgi.md, for the engine."""


@dataclass(frozen=True)
class Difference:
    """One setting that is not as asked."""

    path: Path
    asked: Any
    found: Any

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: asked {self.asked!r}, is {self.found!r}"


def owner_prefix(project: str, stack: str) -> str:
    """How the tag begins by which a stack knows its own; a word of this very stack follows."""
    return f"{OWNER_PREFIX}{project}/{stack}/"


def owner_of(raw: Mapping[str, Any]) -> str | None:
    """The tag of the stack that an endpoint belongs to; None for one that no stack made."""
    return next((tag for tag in raw.get("tags") or [] if tag.startswith(OWNER_PREFIX)), None)


def adoptable(owner: str, raw: Mapping[str, Any]) -> bool:
    """Whether `adopt: true` may take an endpoint over: nobody's, or one of a stack of that name whose state is lost."""
    theirs = owner_of(raw)
    return theirs is None or theirs.rpartition("/")[0] == owner.rpartition("/")[0]


def stopped(raw: Mapping[str, Any]) -> bool:
    """Whether an endpoint is paused, or about to be."""
    return (raw.get("status") or {}).get("state") in ("paused", "pausing")


def failed(raw: Mapping[str, Any]) -> bool:
    """Whether the API has given up to start it, or to change it."""
    return raw["status"]["state"] in ("failed", "updateFailed")


def observed(body: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """An endpoint in the form of a body: equal to `body` where it is as asked.

    What the server fills in, and what the body leaves to it, is no difference.
    """
    found: dict[str, Any] = {}
    for path, asked in leaves(body):
        _put(found, path, _seen(path, asked, raw))
    return found


def differences(body: Mapping[str, Any], raw: Mapping[str, Any]) -> list[Difference]:
    """Where an endpoint is not as a body asks."""
    seen = dict(leaves(observed(body, raw)))
    return [Difference(path, asked, seen.get(path)) for path, asked in leaves(body) if asked != seen.get(path)]


def change(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The API's update body that makes an endpoint of one body one of another; null clears."""
    before, after = dict(leaves(old)), dict(leaves(new))
    found: dict[str, Any] = {}
    for path, value in after.items():
        if path in before and (before[path] == value or (path == ("tags",) and sorted(before[path]) == sorted(value))):
            continue
        if path == ("model", "task") and value is None:
            continue  # not nullable, and the server's choice then
        _put(found, path, _cleared(path) if value is None else value)
    if "repository" in found.get("model", {}):
        # Without it the API may take the other model's latest.
        _put(found, ("model", "revision"), after["model", "revision"])
    return found


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two update bodies as one."""
    found: dict[str, Any] = {}
    for path, value in (*leaves(one), *leaves(other)):
        _put(found, path, value)
    return found


def replacing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[Path, str]:
    """The paths whose change only another endpoint can bring, with the reason."""
    found = {path: reason for path, reason in _REPLACING.items() if _get(old, path) != _get(new, path)}
    if set(_get(old, _IMAGE) or {}) != set(_get(new, _IMAGE) or {}):
        found[_IMAGE] = "an endpoint keeps its engine"
    return found


def _seen(path: Path, asked: Any, raw: Mapping[str, Any]) -> Any:  # noqa: PLR0911  one answer per kind of field
    got = _get(raw, path)
    match path:
        case ("tags",):
            tags = [tag for tag in got or [] if not tag.startswith(OWNER_PREFIX)]
            return asked if sorted(tags) == sorted(asked or []) else tags
        case ("compute", "scaling", "minReplica" | "maxReplica") if got == 0 and stopped(raw):
            return asked  # the API may say so of a paused one
        case ("compute", "scaling", "measure"):
            return _measure(asked, got)
        case ("compute", "scaling", "scaleToZeroTimeout") | ("model", "task") if asked is None:
            return None
        case ("model", "revision"):
            # The server names the commit that a branch stood at.
            moved = _COMMIT.fullmatch(str(got)) and not _COMMIT.fullmatch(str(asked))
            return asked if moved else got
        case ("model", "image"):
            return _image(asked, got or {})
        case ("route",) | ("privateService",) if asked is not None:
            return {key: (got or {}).get(key) for key in asked}
        case ("cacheHttpResponses",):
            return bool(got if got is not None else _get(raw, ("experimentalFeatures", "cacheHttpResponses")))
    empty = got in (None, [], {}) or (isinstance(got, Mapping) and all(value is None for value in got.values()))
    return asked if empty and asked in (None, [], {}) else got


def _measure(asked: Any, got: Any) -> Any:
    given = {key: value for key, value in (got or {}).items() if value is not None}
    return None if asked is None and not given else given


def _image(asked: Mapping[str, Any], got: Mapping[str, Any]) -> dict[str, Any]:
    """The image as far as it was asked for: the server adds defaults, and hides credentials."""
    found: dict[str, Any] = {}
    for engine, options in got.items():
        wanted = asked.get(engine)
        if wanted is None:
            found[engine] = options
            continue
        kept = {key: value if key == "credentials" else (options or {}).get(key) for key, value in wanted.items()}
        found[engine] = kept
    return found


def _cleared(path: Path) -> Any:
    return [] if path in (("model", "args"), ("model", "command"), ("tags",)) else None


def _get(body: Mapping[str, Any] | None, path: Path) -> Any:
    found: Any = body
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _put(body: dict[str, Any], path: Path, value: Any) -> None:
    for key in path[:-1]:
        body = body.setdefault(key, {})
    body[path[-1]] = value
