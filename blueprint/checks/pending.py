"""What the description can say already and this version does not build yet: refused, never silently ignored."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue


def check(description: Description) -> Iterator[Issue]:
    """Settings that would otherwise be accepted and have no effect."""
    monitoring = description.settings.monitoring
    if monitoring is not None and monitoring.mode == "standalone":
        yield Issue(
            path=("monitoring", "mode"),
            problem=f"{monitoring.mode} is not built yet",
            remedy="Use operator or existing, or remove monitoring.",
        )
