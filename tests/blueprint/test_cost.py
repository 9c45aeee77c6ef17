"""What a stack costs: additive, monotone, and never 0 where nobody knows. Prices are the tests' own."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.cost.amounts import monthly, times, total, usd
from blueprint.cost.prices import Prices
from blueprint.cost.stack import AMOUNTS, cost_of
from blueprint.cost.storage import claims_of, unpriced
from blueprint.settings import Monitoring
from tests.blueprint.canary_mistakes import TRIED
from tests.blueprint.stack_files import DELETE, ENDPOINT, PROD, edited, resolve
from tests.strategies import lab_configs

E = {**ENDPOINT, "scaling": {"min": 0, "max": 3}}
AMOUNT = st.none() | st.floats(0, 1e6)


def model_of(cost, name):
    return next(model for model in cost.models if model.name == name)


def test_a_stack_costs_what_its_replicas_do():
    edit = {"models.m.scaling": {"min": 2, "max": 3}, "models.e": E, "huggingface.hourlyUsd": {"nvidia-l4/x1": 1.0}}
    cost = resolve(edited(PROD, edit)).cost
    m, e = model_of(cost, "m"), model_of(cost, "e")
    assert (m.hour_min, m.hour_max, m.month_min, m.month_max) == (1.6, 2.4, 1168, 1752)
    assert (e.hour_min, e.hour_max, e.month_min, e.month_max) == (0, 3, 0, 2190)
    assert cost.line == (
        "cost: $2,336.00 to $5,110.00 a month of 730 hours, of a budget of $5,000.00, $3.20 to $7.00 an hour, at the "
        "fewest and most replicas, without storage"
    )


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (
            {"models.e": E},
            (
                "cost: $2,336.00 to at least $2,336.00 a month of 730 hours, $3.20 to at least $3.20 an hour, at the "
                "fewest and most replicas, without storage; unknown without huggingface.hourlyUsd.nvidia-l4/x1"
            ),
        ),
        (
            {"cluster.accelerators.nvidia-l4.hourlyUsd": DELETE},
            "cost: unknown, without cluster.accelerators.nvidia-l4.hourlyUsd",
        ),
    ],
)
def test_what_nobody_priced_is_unknown_and_said(edit, line):
    assert resolve(edited(PROD, {"budget": DELETE}, edit)).cost.line == line


def test_a_model_on_several_types_costs_from_the_cheapest_to_the_dearest():
    pools = {"nvidia-l4": {"available": 8, "hourlyUsd": 0.8}, "nvidia-h100": {"available": 8, "hourlyUsd": 3.0}}
    choice = {"type": "nvidia-l4", "alternatives": ["nvidia-h100"], "count": 2}
    edit = {"cluster.accelerators": pools, "models.m.accelerator": choice, "budget": DELETE}
    m = model_of(resolve(edited(PROD, edit)).cost, "m")
    assert (m.hardware, m.least, m.most) == ("2 x nvidia-l4 or nvidia-h100", 1.6, 6.0)


def test_a_rollout_is_billed_twice_only_where_the_new_replica_comes_first():
    doubled = {
        available: model_of(
            resolve(edited(PROD, {"cluster.accelerators.nvidia-l4.available": available})).cost, "m"
        ).hour_replaced
        for available in (4, 8)
    }
    # Two replicas: the new one, and the old one that drains.
    assert doubled == {4: 0, 8: 1.6}


def test_a_canary_is_a_row_of_its_own_beside_its_model():
    canary = model_of(resolve(TRIED).cost, "m-canary")
    assert (canary.stable, canary.owner, canary.hour_max) == ("m", "team-search", 0.8)


def test_a_paused_endpoint_costs_nothing_until_it_runs_again():
    paused = {**ENDPOINT, "state": "paused", "scaling": {"min": 1, "max": 2}}
    cost = resolve(edited(PROD, {"models.e": paused, "huggingface.hourlyUsd": {"nvidia-l4/x1": 1.0}})).cost
    assert (model_of(cost, "e").hour_min, model_of(cost, "e").hour_max) == (0, 2)


PER_REPLICA = {"models.m.cache": {"mode": "perReplica", "sizeGiB": 10, "storageClass": "fast"}}


def weights_of(cost):
    return {claim.of: claim.gib for claim in cost.claims if not claim.of.startswith("monitoring.")}


def test_claims_are_counted_at_the_most_replicas_and_none_costs_nothing():
    cost = resolve(edited(PROD, PER_REPLICA)).cost
    assert weights_of(cost)["m"] == 20
    assert cost.storage_month == (None, False)
    assert "without storage" in cost.line


def test_claims_cost_what_their_class_does_beside_the_sums():
    plain = resolve(edited(PROD, PER_REPLICA)).cost
    priced = {"cluster.storage": {"monthlyUsdPerGiB": 0.1, "classes": {"fast": 0.5}}}
    cost = resolve(edited(PROD, PER_REPLICA | priced)).cost
    rest = cost.gib - 20
    assert cost.storage_month == (pytest.approx(20 * 0.5 + rest * 0.1), True)
    assert {name: cost.total(of) for name, of in AMOUNTS.items()} == {
        name: plain.total(of) for name, of in AMOUNTS.items()
    }
    assert f"for {cost.gib} GiB of claims" in cost.line

    some = resolve(edited(PROD, PER_REPLICA | {"cluster.storage": {"classes": {"fast": 0.5}}})).cost
    assert some.storage_month == (10, False)
    assert unpriced(some.claims, some.prices) == rest


def test_the_monitoring_that_a_stack_brings_has_claims():
    own = {"mode": "standalone", "standalone": {"replicas": 2, "sizeGiB": 30, "loki": {"sizeGiB": 7}}}
    assert claims_of([], None) == []
    assert {claim.of: claim.gib for claim in claims_of([], Monitoring.model_validate(own))} == {
        "monitoring.prometheus": 60,
        "monitoring.alertmanager": 1,
        "monitoring.loki": 7,
    }


@given(amounts=st.lists(AMOUNT), more=st.lists(AMOUNT))
def test_a_sum_is_additive_and_unknown_never_becomes_nothing(amounts, more):
    (one, one_whole), (other, other_whole) = total(amounts), total(more)
    both, whole = total([*amounts, *more])
    assert whole == (one_whole and other_whole)
    assert (both or 0) == pytest.approx((one or 0) + (other or 0), abs=1e-5)
    assert whole or both != 0
    assert usd(both, complete=whole).startswith(("$",) if whole else ("unknown", "at least $"))


@given(price=st.floats(0.01, 100), more=st.floats(0, 100), count=st.integers(0, 50), further=st.integers(0, 50))
def test_cost_grows_with_price_and_replicas(price, more, count, further):
    assert monthly(price, count) <= monthly(price + more, count + further)
    assert times(None, count + 1) is None
    assert times(None, 0) == 0


@settings(max_examples=40, deadline=None)
@given(config=lab_configs(), data=st.data())
def test_models_add_up_and_more_of_anything_never_costs_less(config, data):
    workloads = resolve(config, stack="dev").workloads
    named = {name for one in workloads for name in one.accelerators}
    prices = Prices(gpus={name: data.draw(st.floats(0.1, 100), label=name) for name in sorted(named)})
    cost = cost_of(workloads, [], prices)
    alone = [cost_of([one], [], prices) for one in workloads]
    for amount in AMOUNTS.values():
        known, whole = cost.total(amount)
        each = [one.total(amount) for one in alone]
        assert whole == all(one_whole for _, one_whole in each)
        assert (known or 0) == pytest.approx(sum(one or 0 for one, _ in each), abs=1e-4)
    dearer = Prices(gpus={name: price * 2 for name, price in prices.gpus.items()})
    sharded = [replace(one, gpu_count=one.gpu_count * 2) for one in workloads]
    more = [replace(one, replicas=one.replicas + 1) for one in workloads]
    for other in (cost_of(workloads, [], dearer), cost_of(sharded, [], prices), cost_of(more, [], prices)):
        for amount in AMOUNTS.values():
            assert (cost.total(amount)[0] or 0) <= (other.total(amount)[0] or 0)
