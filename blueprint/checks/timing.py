"""Time: whether each model's start has as long as it may take, where the lock has the model's size."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue
from blueprint.timing.budget import (
    MOST_MINUTES,
    first_start,
    needed,
    ready_minutes,
    sized,
    startup_minutes,
    with_margin,
)
from blueprint.timing.start import duration
from blueprint.timing.starts import endpoint_starts


def advise(description: Description) -> Iterator[Issue]:
    """Starts that may take longer than the time after which they are given up."""
    for name, model in description.kubernetes_models():
        start, minutes = first_start(description, model), startup_minutes(description, model).value
        seconds, what = needed(start)
        if start.measured is None and sized(start) and seconds > minutes * 60:
            yield Issue(
                path=("models", name, "lifecycle", "startupMinutes"),
                problem=f"{what}, for which {minutes} is too short; a replica's start takes {start}",
                remedy=f"{_remedy('startupMinutes', seconds)} lifecycle.loadSeconds, measured, ends the guessing.",
            )
    starts = endpoint_starts(description)
    for name, endpoint in description.endpoint_models():
        start, minutes = starts[name], ready_minutes(description, endpoint).value
        worst = start.replica.worst
        if sized(start) and worst > minutes * 60:
            yield Issue(
                path=("models", name, "readyMinutes"),
                problem=f"a start may take {duration(worst)}, and `up` fails after {minutes} minutes; it takes {start}",
                remedy=_remedy("readyMinutes", worst),
            )


def _remedy(key: str, seconds: float) -> str:
    minutes = with_margin(seconds)
    if minutes > MOST_MINUTES:
        return f"{key} is {MOST_MINUTES} at most: keep the weights nearer, or take a smaller model."
    return f"Use {key}: {minutes}, the worst estimate and a fifth more, or remove it: it is derived then."
