"""Time: whether each model's start has as long as it may take, where the lock has the model's size."""

import math
from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue
from blueprint.lifecycle import IMAGE_PULL_SECONDS
from blueprint.settings.lifecycle import Lifecycle
from blueprint.timing.start import Start, duration
from blueprint.timing.starts import endpoint_starts, replica_starts

_MARGIN = 1.2
"""A budget is this much above the worst estimate, because estimates are wrong."""

_MOST_MINUTES = 240
"""Of lifecycle.startupMinutes, and of an endpoint's readyMinutes."""


def advise(description: Description) -> Iterator[Issue]:
    """Starts that may take longer than the time after which they are given up."""
    for name, start in replica_starts(description).items():
        if start.measured is not None or any(one.name == "load" for one in start.unknown):
            continue
        model = description.settings.models[name]
        lifecycle = getattr(model, "lifecycle", Lifecycle())
        needed, what = _needed(start)
        if needed > lifecycle.startup_minutes * 60:
            yield Issue(
                path=("models", name, "lifecycle", "startupMinutes"),
                problem=f"{what}, for which {lifecycle.startup_minutes} is too short; a replica's start takes {start}",
                remedy=f"{_remedy('startupMinutes', needed)} lifecycle.loadSeconds, measured, ends the guessing.",
            )
    for name, start in endpoint_starts(description).items():
        minutes = getattr(description.settings.models[name], "ready_minutes", 0)
        worst = start.replica.worst
        if not any(one.name == "load" for one in start.unknown) and worst > minutes * 60:
            yield Issue(
                path=("models", name, "readyMinutes"),
                problem=f"a start may take {duration(worst)}, and `up` fails after {minutes} minutes; it takes {start}",
                remedy=_remedy("readyMinutes", worst),
            )


def _needed(start: Start) -> tuple[float, str]:
    """Seconds that startupMinutes has to have for the worst start, and what needs them."""
    before, pod, engine = start.of("before").worst, start.of("pod").worst, start.of("engine").worst
    # Both deadlines are the startup budget and an image's pull: blueprint/lifecycle.py.
    return max(
        (engine, f"the engine may take {duration(engine)} to start"),
        (
            pod + engine - IMAGE_PULL_SECONDS,
            f"a replica may take {duration(pod + engine)} until it answers",
        ),
        (before - IMAGE_PULL_SECONDS, f"the download may take {duration(before)}"),
    )


def _remedy(key: str, seconds: float) -> str:
    minutes = math.ceil(seconds * _MARGIN / 60)
    if minutes > _MOST_MINUTES:
        return f"{key} is {_MOST_MINUTES} at most: keep the weights nearer, or take a smaller model."
    return f"Use {key}: {minutes}, the worst estimate and a fifth more."
