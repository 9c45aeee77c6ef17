"""When a canary is as good as the model beside it, on plain numbers.

Of each quantity it is counted how many requests were bad, of the canary and of the model, in the same window. The
interval of the difference between the two shares is Newcombe's (Statistics in Medicine 17 (1998) 873, method 10: from
Wilson's interval of each share), at 95 %. It is compared with the difference that is allowed:

* worse: the whole interval lies above what is allowed;
* no worse: the whole interval lies at or below it;
* open: it lies on both sides, and more requests are needed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Finding = Literal["worse", "no worse", "open"]
Verdict = Literal["promote", "withdraw", "undecided"]
Buckets = Mapping[float, float]
"""A histogram: by upper bound, infinity last, how many observations were not above it."""

Z = 1.96
"""Of the normal distribution, for 95 %."""

ALLOWED_ERRORS = 0.01
ALLOWED_SLOW = 0.05
"""How much larger the canary's share may be."""

QUANTILE = 0.95
"""A request is slow when it takes longer than this share of the model's own."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """What one of the two did in the window.

    ended: requests. failed: those of them that the server failed; None where its engine does not count them.
    ttft, itl: seconds to the first token, and from one token to the next; None where its engine has no such histogram.
    """

    ended: float
    failed: float | None
    ttft: Buckets | None
    itl: Buckets | None


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One quantity. canary, stable: shares that were bad. low, high: of their difference. bar: in seconds."""

    what: Literal["errors", "ttft", "itl"]
    finding: Finding
    canary: float
    stable: float
    low: float
    high: float
    allowed: float
    bar: float | None = None

    def __str__(self) -> str:
        bad = "failed" if self.bar is None else f"slower than {self.bar:g} s"
        return (
            f"{self.what}: {self.finding}: {self.canary:.2%} {bad}, {self.stable:.2%} of the model's; difference "
            f"{_points(self.low)} to {_points(self.high)} points, allowed {_points(self.allowed)}"
        )


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What becomes of a canary, and why."""

    verdict: Verdict
    reasons: Sequence[str]
    compared: Sequence[Compared] = ()


def judge(
    canary: Track | None,
    stable: Track | None,
    *,
    min_requests: int,
    spoiled: Sequence[str] = (),
    gone: bool = False,
) -> Judgement:
    """What becomes of a canary.

    canary, stable: None where Prometheus knows nothing of it. min_requests: of each of the two, before numbers count.
    spoiled: golden prompts that it fails and the model passes. gone: it answered in the window, and no longer does.
    """
    against = [f"golden prompt failed, which the model passes: {prompt}" for prompt in spoiled]
    if gone:
        against.append("none of its replicas answers any more, so its share of the requests fails")
    waiting = list(_too_few(canary, stable, min_requests))
    compared = [] if waiting or canary is None or stable is None else compare(canary, stable)
    against += [str(one) for one in compared if one.finding == "worse"]
    waiting += [str(one) for one in compared if one.finding == "open"]
    if not waiting and {"errors", "ttft", "itl"} - {one.what for one in compared}:
        missing = ", ".join(sorted({"errors", "ttft", "itl"} - {one.what for one in compared}))
        waiting.append(f"its engine has no metric for {missing}: judge that by hand")
    if against:
        return Judgement(verdict="withdraw", reasons=against, compared=compared)
    if waiting:
        return Judgement(verdict="undecided", reasons=waiting, compared=compared)
    return Judgement(verdict="promote", reasons=[str(one) for one in compared], compared=compared)


def compare(canary: Track, stable: Track) -> list[Compared]:
    """Every quantity that both have."""
    found = []
    if canary.failed is not None and stable.failed is not None:
        found.append(_compared("errors", (canary.failed, canary.ended), (stable.failed, stable.ended), ALLOWED_ERRORS))
    named: tuple[tuple[Literal["ttft", "itl"], Buckets | None, Buckets | None], ...] = (
        ("ttft", canary.ttft, stable.ttft),
        ("itl", canary.itl, stable.itl),
    )
    for what, tried, known in named:
        if not tried or not known or not tried[math.inf] or not known[math.inf]:
            continue
        bar = slow_above(known)
        # The tokens of one answer are slow together: each request counts once, however many it has.
        ours, theirs = min(canary.ended, tried[math.inf]), min(stable.ended, known[math.inf])
        found.append(
            _compared(what, (_share(tried, bar) * ours, ours), (_share(known, bar) * theirs, theirs), ALLOWED_SLOW, bar)
        )
    return found


def slow_above(buckets: Buckets) -> float:
    """The smallest bound that QUANTILE of the observations do not exceed."""
    return min(bound for bound, count in buckets.items() if count >= QUANTILE * buckets[math.inf])


def difference(bad: float, of: float, other_bad: float, other_of: float) -> tuple[float, float]:
    """Newcombe's interval of the difference of two shares, the second one taken from the first."""
    share, other = bad / of, other_bad / other_of
    low, high = wilson(bad, of)
    other_low, other_high = wilson(other_bad, other_of)
    between = share - other
    return (
        between - math.hypot(share - low, other_high - other),
        between + math.hypot(high - share, other - other_low),
    )


def wilson(bad: float, of: float) -> tuple[float, float]:
    """Wilson's interval of a share."""
    share, spread = bad / of, Z * Z / of
    middle = share + spread / 2
    half = Z * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def _compared(
    what: Literal["errors", "ttft", "itl"],
    canary: tuple[float, float],
    stable: tuple[float, float],
    allowed: float,
    bar: float | None = None,
) -> Compared:
    """canary, stable: bad requests, and all."""
    (bad, of), (other_bad, other_of) = ((min(bad, of), of) for bad, of in (canary, stable))
    low, high = difference(bad, of, other_bad, other_of)
    finding: Finding = "worse" if low > allowed else "no worse" if high <= allowed else "open"
    return Compared(
        what=what,
        finding=finding,
        canary=bad / of,
        stable=other_bad / other_of,
        low=low,
        high=high,
        allowed=allowed,
        bar=bar,
    )


def _too_few(canary: Track | None, stable: Track | None, wanted: int) -> list[str]:
    seen = (("the canary", canary), ("the model beside it", stable))
    return [
        f"{who} ended {0 if track is None else track.ended:.0f} requests in the window, {wanted} are needed"
        for who, track in seen
        if track is None or track.ended < wanted
    ]


def _share(buckets: Buckets, bar: float) -> float:
    """The share of the observations that were above a bound."""
    return 1 - buckets[bar] / buckets[math.inf] if bar in buckets else 0.0


def _points(share: float) -> str:
    return f"{100 * share:+.2f}"
