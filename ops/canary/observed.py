"""What Prometheus knows of a canary and of the model beside it, both in the same window."""

import math
import time
from dataclasses import dataclass

from blueprint.metrics import Meaning
from blueprint.metrics.queries import matchers
from blueprint.monitoring.subject import Subject
from blueprint.workload import Workload
from ops.canary.criterion import Buckets, Track
from ops.metrics.prometheus import Prometheus

SHORTEST = 60
"""Seconds; in less there are too few scrapes of 15 s for a rate."""
_STEP = "5s"
"""How exactly the beginning of a canary is found."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The two, over the last `seconds`. gone: the canary answered in that time, and no longer does."""

    canary: Track | None
    stable: Track | None
    seconds: int
    gone: bool


def observe(canary: Workload, stable: Workload, namespace: str, prometheus: Prometheus, seconds: int) -> Observed:
    """What the two did in a window that ends now, and begins with the canary where that is younger.

    Raises NotSoError when Prometheus does not answer.
    """
    now = time.time()
    tried, known = (Subject(workload=one, namespace=namespace, traffic_floor=0) for one in (canary, stable))
    up = f"up{{{matchers(tried.scraped)}}}"

    def number(query: str) -> float | None:
        return next((value for _, value in prometheus.values(query, at=now)), None)

    first = number(f"min(min_over_time(timestamp({up})[{seconds}s:{_STEP}]))")
    if first is None:
        return Observed(canary=None, stable=None, seconds=seconds, gone=False)
    window = max(SHORTEST, min(seconds, round(now - first)))
    answered, answers = number(f"max(max_over_time({up}[{window}s]))"), number(f"max({up})")
    return Observed(
        canary=_track(tried, prometheus, now, window),
        stable=_track(known, prometheus, now, window),
        seconds=window,
        gone=answered == 1 and not answers,
    )


def _track(subject: Subject, prometheus: Prometheus, now: float, window: int) -> Track | None:
    def count(meaning: Meaning) -> float | None:
        metric = subject.metrics.get(meaning)
        if metric is None:
            return None
        found = prometheus.values(subject.rate(metric, f"{window}s"), at=now)
        return found[0][1] * window if found else None

    def histogram(meaning: Meaning) -> Buckets | None:
        metric = subject.metrics.get(meaning)
        if metric is None:
            return None
        query = subject.rate(metric, f"{window}s", suffix="_bucket", by="le")
        found = {float(labels["le"]): value * window for labels, value in prometheus.values(query, at=now)}
        return dict(sorted(found.items())) if math.inf in found else None

    ended = count("requests_ended")
    if ended is None:
        return None
    # The series of failures may be born with the first one.
    failed = (count("requests_failed") or 0.0) if "requests_failed" in subject.metrics else None
    return Track(
        ended=ended, failed=failed, ttft=histogram("time_to_first_token"), itl=histogram("inter_token_latency")
    )
