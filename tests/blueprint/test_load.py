"""What a model costs at a declared load. Prices and loads are the tests' own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprint.cost.load import cost_at, replicas_needed
from blueprint.cost.stack import AT_LOAD
from blueprint.settings.load import Load
from tests.blueprint.canary_mistakes import TRIED
from tests.blueprint.load_mistakes import LOAD, LOADED
from tests.blueprint.stack_files import DELETE, ENDPOINT, PROD, edited, resolve

RATES = st.floats(0.01, 1e8)
BOUNDS = st.tuples(st.integers(0, 50), st.integers(1, 50)).map(lambda two: (min(two), max(two)))


def load(wanted, each):
    return Load.model_validate({"tokensPerSecond": wanted, "replicaTokensPerSecond": each})


def at(config, name="m"):
    return resolve(config).cost.loaded[name]


def test_a_load_costs_what_its_replicas_do():
    scaling = {"models.m.scaling": {"min": 1, "max": 4}}
    stack = resolve(edited(LOADED, scaling))
    m = stack.cost.loaded["m"]
    assert (m.replicas, m.hour, m.month, m.carried) == (2, 1.6, 1168, 900)
    assert m.per_million_tokens == pytest.approx(1.6 / (900 * 3600) * 1e6, abs=1e-6)
    # The other model has two replicas at any load.
    assert [stack.cost.total(amount) for amount in AT_LOAD.values()] == [(3.2, True), (2336, True)]
    said = "2 replicas at 900 tokens/s, $1.60 an hour, $1,168.00 a month, $0.494 per million output tokens"
    assert f"models.m: {said}." in stack.notes


@pytest.mark.parametrize(
    ("wanted", "each", "replicas", "carried"),
    [(1, 450, 2, 1), (901, 450, 3, 901), (0.9, 0.3, 3, 0.9), (9000, 450, 3, 1350)],
)
def test_replicas_stay_within_scaling(wanted, each, replicas, carried):
    scaling = {"models.m.scaling": {"min": 2, "max": 3}}
    m = at(edited(PROD, scaling, {"models.m.load": {"tokensPerSecond": wanted, "replicaTokensPerSecond": each}}))
    assert (m.replicas, m.carried) == (replicas, pytest.approx(carried))


def test_a_load_that_the_most_replicas_do_not_carry_is_a_warning_and_deploys():
    edit = {"models.m.load.tokensPerSecond": 901, "models.e": {**ENDPOINT, "load": {**LOAD, "tokensPerSecond": 450}}}
    stack = resolve(edited(LOADED, edit))
    (warning,) = (one for one in stack.warnings if "tokens/s" in one)
    assert warning == (
        "Pulumi.prod.yaml: models.m.load.tokensPerSecond: 901 tokens/s take 3 replicas of 450 tokens/s, and "
        "scaling.max is 2: callers wait. Use scaling.max: 3, or give a replica more or faster GPUs and measure it "
        "again."
    )
    assert str(stack.cost.loaded["m"]).startswith("2 replicas at 901 tokens/s, carrying 900 tokens/s, $1.60 an hour")


def test_what_nobody_priced_stays_unknown_and_what_scales_without_a_load_is_not_in_the_sum():
    edit = {"models.m.scaling.min": 1, "models.e": {**ENDPOINT, "load": {**LOAD, "tokensPerSecond": 450}}}
    cost = resolve(edited(PROD, edit)).cost
    e = cost.loaded["e"]
    assert (e.replicas, e.hour, e.month, e.per_million_tokens) == (1, None, None, None)
    assert str(e) == "1 replica at 450 tokens/s, at an unknown price"
    assert cost.total(AT_LOAD["hour"]) == (1.6, False)


def test_several_accelerators_are_the_dearest_of_them():
    pools = {"nvidia-l4": {"available": 8, "hourlyUsd": 0.8}, "nvidia-h100": {"available": 8, "hourlyUsd": 3.0}}
    choice = {"type": "nvidia-l4", "alternatives": ["nvidia-h100"], "count": 1}
    edit = {"cluster.accelerators": pools, "models.m.accelerator": choice, "budget": DELETE}
    assert at(edited(LOADED, edit)).hour == 6


def test_the_load_is_of_a_model_with_its_canary():
    cost = resolve(edited(TRIED, {"models.m.load": LOAD})).cost
    assert list(cost.loaded) == ["m"]


@given(wanted=RATES, more=RATES, each=RATES, bounds=BOUNDS, price=st.floats(0.01, 100))
def test_more_load_never_costs_less_and_a_token_never_less_than_of_a_busy_replica(wanted, more, each, bounds, price):
    low, high = bounds
    one, other = (cost_at(load(rate, each), price, low=low, high=high) for rate in (wanted, min(wanted + more, 1e8)))
    assert max(low, 1) <= one.replicas <= high
    assert one.hour <= other.hour
    # Six decimals of a dollar, over the tokens of an hour.
    slack = 1e-6 + 1e6 * 1e-6 / (one.carried * 3600)
    assert one.per_million_tokens >= price / (each * 3600) * 1e6 * (1 - 1e-9) - slack
    assert cost_at(load(wanted, each), None, low=low, high=high).per_million_tokens is None


@given(wanted=RATES, each=RATES)
def test_as_many_replicas_as_are_needed_and_no_more(wanted, each):
    needed = replicas_needed(load(wanted, each))
    assert needed * each >= wanted * (1 - 1e-6)
    assert needed == 1 or (needed - 1) * each <= wanted * (1 + 1e-6)
