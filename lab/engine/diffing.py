"""Comparing what was with what is wanted, where the engine and not the provider decides."""

from collections.abc import Sequence

from lab.engine import paths
from lab.engine.compare import compare
from lab.engine.provider import Diff, DiffKind, PropertyDiff
from lab.engine.values import PropertyMap

_TO_REPLACE = {
    DiffKind.ADD: DiffKind.ADD_REPLACE,
    DiffKind.DELETE: DiffKind.DELETE_REPLACE,
    DiffKind.UPDATE: DiffKind.UPDATE_REPLACE,
}


def changes_of(old: PropertyMap, new: PropertyMap) -> Diff:
    """The difference between inputs."""
    detailed = compare(old, new)
    return Diff(changes=bool(detailed), detailed=detailed, changed=_tops(detailed))


def with_ignored(new: PropertyMap, old: PropertyMap, ignored: Sequence[str]) -> PropertyMap:
    """The new inputs with every ignored property as it was."""
    for path in ignored:
        new = paths.reset(new, old, paths.parse(path))
    return new


def with_replacements(diff: Diff, replace_on: Sequence[str], *, unready: bool) -> Diff:
    """The difference with changes under a replace_on_changes path made replacements.

    unready: the resource did not become ready, which `initErrors` and `*` stand for too.
    """
    patterns = [paths.parse(path) for path in replace_on]
    if not patterns or not (diff.changes or unready):
        return diff
    detailed, replaces = dict(diff.detailed), list(diff.replaces)
    for path, found in diff.detailed.items():
        if any(paths.matches(pattern, paths.parse(path)) for pattern in patterns):
            detailed[path] = PropertyDiff(_TO_REPLACE.get(found.kind, found.kind), found.input_diff)
            replaces.append(path)
    if unready and any(paths.matches(pattern, ["initErrors"]) for pattern in patterns):
        replaces.append("initErrors")
    return Diff(
        changes=diff.changes or bool(replaces),
        replaces=list(dict.fromkeys(replaces)),
        delete_before_replace=diff.delete_before_replace,
        detailed=detailed,
        changed=diff.changed,
        stables=diff.stables,
    )


def _tops(detailed: dict[str, PropertyDiff]) -> list[str]:
    return sorted({str(paths.parse(path)[0]) for path in detailed})
