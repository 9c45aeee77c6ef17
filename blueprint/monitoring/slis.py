"""What a model's promises are measured by: the share of what missed an objective, in a window."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from blueprint.metrics import Meaning, Metric
from blueprint.settings.objectives import BurnFactors, FirstToken, InterToken, Objectives

Name = Literal["availability", "ttft", "itl"]

NEEDS: Mapping[Name, tuple[Meaning, ...]] = {
    "availability": ("requests_ended", "requests_failed"),
    "ttft": ("time_to_first_token",),
    "itl": ("inter_token_latency",),
}
"""What an engine has to tell, for an objective to be measured."""


@dataclass(frozen=True, kw_only=True)
class Sli:
    """One objective that is measured.

    seconds: what counts as good, a bound of the histogram's buckets; None for availability.
    """

    name: Name
    share: float
    seconds: float | None
    factors: BurnFactors


def measured(objectives: Objectives, known: Mapping[Meaning, Metric]) -> Iterator[Sli]:
    """The objectives for which an engine has metrics. A time that is no bound of its buckets measures nothing."""
    availability = objectives.availability
    if availability is not None and all(meaning in known for meaning in NEEDS["availability"]):
        yield Sli(name="availability", share=availability.share, seconds=None, factors=availability.burn_factors)
    timed: tuple[tuple[Name, FirstToken | InterToken | None], ...] = (
        ("ttft", objectives.ttft),
        ("itl", objectives.itl),
    )
    for name, objective in timed:
        metric = known.get(NEEDS[name][0])
        if objective is None or metric is None:
            continue
        seconds = bound(metric, objective.seconds)
        if seconds is not None:
            yield Sli(name=name, share=objective.share, seconds=seconds, factors=objective.burn_factors)


def bound(metric: Metric, seconds: float) -> float | None:
    """The bound of a bucket that a time written by a person means; None where there is none."""
    # Bounds that are made by multiplication have more digits than people write.
    return next((one for one in metric.buckets if math.isclose(one, seconds, rel_tol=1e-5)), None)


def bucket_pattern(seconds: float) -> str:
    """Pattern of the label `le` of a bucket: clients in Go and Rust write 1, those in Python 1.0."""
    return f"{seconds:.0f}|{seconds:.0f}[.]0" if seconds == int(seconds) else repr(seconds).replace(".", "[.]")
