"""When a canary is promoted, withdrawn, or neither: on numbers alone."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ops.canary.criterion import Track, difference, judge, slow_above, wilson

ORDER = ["withdraw", "undecided", "promote"]
FAST = {0.1: 0.9, 0.5: 0.97, math.inf: 1.0}
"""Shares of the requests that take no longer."""


def track(ended=1000, failed=0, ttft=FAST, itl=FAST):
    return Track(
        ended=ended,
        failed=failed,
        ttft={bound: share * ended for bound, share in ttft.items()},
        itl={bound: share * 20 * ended for bound, share in itl.items()},
    )


def verdict(canary, stable=None, **more):
    return judge(canary, track() if stable is None else stable, min_requests=100, **more).verdict


def test_the_intervals_are_those_of_the_paper():
    """Newcombe's example (b), 9/10 against 3/10, and (a), 56/70 against 48/80, of his table II, method 10."""
    assert difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert difference(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=1e-4)


@pytest.mark.parametrize(
    ("canary", "expected"),
    [
        (track(), "promote"),
        (track(failed=2), "promote"),
        (track(failed=100), "withdraw"),
        (track(failed=15), "undecided"),
        (track(ended=99, failed=99), "undecided"),
        (track(ended=120), "undecided"),
        (track(ttft={0.1: 0.5, 0.5: 0.7, math.inf: 1.0}), "withdraw"),
        (track(itl={0.1: 0.5, 0.5: 0.7, math.inf: 1.0}), "withdraw"),
        (track(ttft={0.1: 0.5, 0.5: 0.98, math.inf: 1.0}), "promote"),
        (track(ttft={0.1: 0.5, 0.5: 0.92, math.inf: 1.0}), "undecided"),
        (None, "undecided"),
    ],
    ids=[
        "the same",
        "two failures",
        "one in ten fails",
        "a little more than allowed",
        "too few",
        "too few to be sure that errors are as rare",
        "slow first tokens",
        "slow tokens",
        "slower, and within what the model itself takes",
        "perhaps slower",
        "not seen",
    ],
)
def test_a_verdict_needs_numbers_that_carry_it(canary, expected):
    assert verdict(canary) == expected


def test_what_the_engine_does_not_count_is_not_taken_for_good():
    assert verdict(Track(ended=1000, failed=None, ttft=None, itl=None)) == "undecided"


def test_one_golden_prompt_or_replicas_that_are_gone_are_enough():
    for spoiled in ({"spoiled": ["2 + 2"]}, {"gone": True}):
        assert verdict(track(), **spoiled) == "withdraw"
        assert verdict(None, **spoiled) == "withdraw"


def test_the_models_own_failures_excuse_the_canarys():
    assert verdict(track(failed=100), track(ended=10_000, failed=1000)) == "undecided"
    assert verdict(track(failed=0), track(ended=10_000, failed=1000)) == "promote"


def test_slow_is_what_95_of_100_requests_of_the_model_are_not():
    assert slow_above({0.1: 94, 0.5: 95, 1: 100, math.inf: 100}) == 0.5
    assert slow_above({0.1: 1, math.inf: 100}) == math.inf


COUNTS = st.integers(100, 5000)


@st.composite
def two(draw):
    """A canary and the model beside it, and one more failure of the canary that may still be."""
    of, other_of = draw(COUNTS), draw(COUNTS)
    few = st.one_of(st.integers(0, 30), st.integers(0, of - 1)).map(lambda bad: min(bad, of - 1))
    slow = draw(st.floats(0, 1))
    histogram = {0.1: 0.0, 0.5: 1 - slow, math.inf: 1.0}
    bad = draw(few)
    return (
        [track(ended=of, failed=failed, ttft=histogram, itl=histogram) for failed in (bad, draw(st.integers(bad, of)))],
        track(ended=other_of, failed=draw(st.integers(0, other_of))),
    )


@settings(deadline=None)
@given(two())
def test_more_errors_never_make_a_verdict_better(both):
    (fewer, more), stable = both
    assert ORDER.index(verdict(more, stable)) <= ORDER.index(verdict(fewer, stable))


@settings(deadline=None)
@given(COUNTS, COUNTS, st.floats(0, 1), st.floats(0, 1))
def test_slower_never_makes_a_verdict_better(of, other_of, share, more):
    slower = max(share, more)
    tracks = [track(ended=of, ttft={0.1: 0.0, 0.5: 1 - late, math.inf: 1.0}) for late in (min(share, more), slower)]
    less, most = (verdict(one, track(ended=other_of)) for one in tracks)
    assert ORDER.index(most) <= ORDER.index(less)


@settings(deadline=None)
@given(COUNTS, st.floats(0, 1))
def test_an_interval_holds_what_was_seen(of, share):
    low, high = wilson(share * of, of)
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1


@settings(deadline=None)
@given(COUNTS, st.floats(0, 0.3), st.integers(2, 20))
def test_more_requests_of_the_same_kind_never_turn_a_promotion_into_a_withdrawal(of, share, times):
    assume(share * of >= 1)
    small, large = (verdict(track(ended=n, failed=share * n), track(ended=n)) for n in (of, times * of))
    assert {small, large} != {"promote", "withdraw"}
