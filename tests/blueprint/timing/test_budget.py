"""How long a start may take: from the stack file, else from the worst start of locked facts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.issues import DescriptionError
from blueprint.timing.budget import DEFAULT_MINUTES, MARGIN, MOST_MINUTES
from tests.blueprint.stack_files import ENDPOINT
from tests.blueprint.timing.test_start import CACHES, sized, stack

ENDPOINTS = {"models": {"e": {**ENDPOINT}}}
SIZES = st.floats(0.1, 3000)


def startup(*edits, facts=None):
    """The budget of model m, in minutes."""
    return stack(*edits, facts=facts).workloads[0].times.value.startup / 60


def ready(*edits, facts=None):
    return stack(ENDPOINTS, *edits, facts=facts).endpoints[0].ready_minutes


@settings(max_examples=50, deadline=None)
@given(size=SIZES, more=st.floats(0, 3000), cache=st.sampled_from(CACHES))
def test_it_is_never_below_the_default_and_never_shorter_for_larger_weights(size, more, cache):
    edit = {"models.m.cache": cache}
    budgets = [startup(edit), startup(edit, facts=sized(size)), startup(edit, facts=sized(size + more))]
    assert budgets == sorted(budgets)
    assert budgets[0] == DEFAULT_MINUTES
    assert budgets[-1] <= MOST_MINUTES
    waits = [ready(), ready(facts=sized(size)), ready(facts=sized(size + more))]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1] <= MOST_MINUTES) == (DEFAULT_MINUTES, True)


@settings(max_examples=50, deadline=None)
@given(size=SIZES, cache=st.sampled_from(CACHES))
def test_it_outlasts_the_worst_start_and_its_first_one_unless_that_is_longer_than_may_be_asked_for(size, cache):
    found = stack({"models.m.cache": cache}, facts=sized(size))
    times, start = found.workloads[0].times.value, found.starts["m"]
    enough = (
        start.of("engine").worst <= times.startup
        and start.of("pod", "engine").worst <= times.progress_deadline
        and start.of("before").worst <= times.download_deadline
    )
    assert enough or times.startup == MOST_MINUTES * 60
    # Whoever sets nothing is warned only where nothing that may be set would do.
    warned = any("lifecycle.startupMinutes: " in one for one in found.warnings)
    assert not warned or times.startup == MOST_MINUTES * 60


@settings(max_examples=50, deadline=None)
@given(size=SIZES, minutes=st.integers(1, MOST_MINUTES))
def test_what_the_stack_file_says_counts(size, minutes):
    assert startup({"models.m.lifecycle": {"startupMinutes": minutes}}, facts=sized(size)) == minutes
    assert ready({"models.e.readyMinutes": minutes}, facts=sized(size)) == minutes


def test_the_same_files_have_the_same_budget_and_say_why():
    first, again = (stack(facts=sized(300)).workloads[0].times for _ in range(2))
    assert first == again
    # A Job brings 300 GB at 0.05 GB/s, and has 900 s for an image beside this budget: 5,100 s, and a fifth more.
    assert first.value.startup == 60 * 102
    assert "startup 102 min: derived: the download may take 1.7 h at worst, and a fifth more" in first.why


def test_a_default_that_is_enough_stays_as_it_is_to_the_minute():
    # Up to 30 minutes no pod's template changes, with or without facts; the margin is for budgets that do not do.
    assert startup(facts=sized(134.9)) == DEFAULT_MINUTES  # 2,698 s of 1,800 s and an image's 900 s
    assert startup(facts=sized(135.1)) > DEFAULT_MINUTES * MARGIN


def test_what_was_measured_counts_in_place_of_the_estimate_and_does_not_shorten_a_download():
    measured = {"models.m.lifecycle": {"loadSeconds": 600}}
    assert startup(measured, facts=sized(300)) > DEFAULT_MINUTES  # the Job downloads as long as before
    eager = {"models.m.cache": {"mode": "none", "sizeGiB": 400}}
    assert startup(eager, facts=sized(300)) > DEFAULT_MINUTES
    assert startup(eager, measured, facts=sized(300)) == DEFAULT_MINUTES
    long = {"models.m.lifecycle": {"loadSeconds": 3000}}
    assert startup(eager, long, facts=sized(300)) == 60
    assert startup(eager, long) == DEFAULT_MINUTES  # without facts nothing is derived


def test_a_cooldown_within_a_derived_budget_is_refused_with_where_it_comes_from():
    sleeps = {
        "monitoring": {"prometheus": {"address": "http://prometheus.monitoring:9090"}},
        "models.m.scaling": {
            "min": 0,
            "max": 1,
            "cooldownSeconds": 3000,
            "signals": {"external": {"query": "sum(queued)", "target": 1}},
        },
    }
    said = "cooldownSeconds: 3000 s is within the 6120 s that a replica may load"
    with pytest.raises(DescriptionError) as refused:
        stack(sleeps, facts=sized(300))
    assert said in str(refused.value)
    assert "derived: the download may take 1.7 h" in str(refused.value)
    with pytest.raises(DescriptionError) as other:
        stack({**sleeps, "models.m.lifecycle": {"startupMinutes": 30}, "models.m.scaling.cooldownSeconds": 60})
    assert "given: lifecycle.startupMinutes" in str(other.value)
