"""What stays idle on whole nodes: never less than the GPUs, additive beside them, and of no model. Prices are ours."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.cost.nodes import Held, idle_on, nodes_of
from blueprint.cost.prices import Prices
from blueprint.cost.stack import AMOUNTS, AT_LOAD, cost_of
from tests.blueprint.stack_files import DELETE, PROD, edited, resolve
from tests.strategies import lab_configs

NODE = {"cluster.accelerators.nvidia-l4.gpusPerNode": 8}
CENT = 0.01
"""Each part is rounded to a millionth of a dollar an hour, which a month makes 730 of."""
L4 = Prices(gpus={"nvidia-l4": 1.0}, per_node={"nvidia-l4": 8})


def first_fit(pods, per_node):
    """The same placed one by one, as textbooks have it."""
    free = []
    for gpus in sorted(Counter(pods).elements(), reverse=True):
        for at, room in enumerate(free):
            if room >= gpus:
                free[at] -= gpus
                break
        else:
            free.append(per_node - gpus)
    return len(free)


@st.composite
def packings(draw):
    """GPUs of a node, and pods by their GPUs, none of which is larger."""
    per_node = draw(st.integers(1, 8))
    return per_node, draw(st.dictionaries(st.integers(1, per_node), st.integers(0, 12)))


@given(packings(), st.data())
def test_pods_are_packed_as_first_fit_decreasing_packs_them_and_one_more_never_takes_a_node_less(packing, data):
    per_node, pods = packing
    nodes, held = nodes_of(pods, per_node), sum(gpus * count for gpus, count in pods.items())
    assert nodes == first_fit(pods, per_node)
    assert held <= nodes * per_node
    assert nodes <= sum(pods.values())
    more = Counter(pods) + Counter({data.draw(st.integers(1, per_node)): data.draw(st.integers(1, 9))})
    assert nodes_of(more, per_node) >= nodes


@pytest.mark.parametrize(
    ("pods", "per_node", "nodes"),
    [
        ({4: 3}, 8, 2),
        # GPUs of two nodes are no pod's: 9 GPUs do not make two nodes of these.
        ({3: 3}, 4, 3),
        # What is left of a node with a large pod has room for small ones.
        ({6: 2, 1: 4, 2: 1}, 8, 3),
        ({1: 100_000, 5: 1}, 8, 12_501),
        ({}, 8, 0),
    ],
)
def test_a_pod_is_on_one_node_and_small_ones_fill_what_large_ones_leave(pods, per_node, nodes):
    assert nodes_of(pods, per_node) == nodes


def test_models_share_nodes_and_what_stays_idle_is_the_stacks():
    """Two models of two replicas with one GPU: four of eight stay idle."""
    stack = resolve(edited(PROD, NODE))
    cost = stack.cost
    assert [model.month_max for model in cost.models] == [1168, 1168]
    assert cost.idle(AMOUNTS["hourMax"]).gpus == {"nvidia-l4": 4}
    assert cost.idle_usd(AMOUNTS["monthMax"]) == (2336, True)
    assert cost.total(AMOUNTS["monthMax"]) == (4672, True)
    assert cost.total(AT_LOAD["month"]) == (4672, True)
    assert "at the fewest and most replicas, idle GPUs of whole nodes in it ($2,336.00 a month), with" in cost.line
    # Eight replicas fill the node.
    full = resolve(edited(PROD, NODE, {"models.m.scaling": {"min": 2, "max": 6}})).cost
    assert [full.idle_usd(AMOUNTS[name]) for name in ("monthMin", "monthMax")] == [(2336, True), (0, True)]


def test_pods_of_a_group_may_be_on_several_nodes():
    group = {"count": 4, "type": "nvidia-l4"}
    edit = {
        "models": {"m": {**PROD["models"]["m"], "accelerator": group, "parallel": {"nodes": 2}}},
        "models.m.scaling": {"min": 1, "max": 1},
        "models.m.lifecycle": {"allowOutage": True},
        "models.m.cache": {"mode": "shared", "accessMode": "ReadWriteMany", "sizeGiB": 10},
        "budget": DELETE,
    }
    idle = {
        size: resolve(edited(PROD, edit, {"cluster.accelerators.nvidia-l4.gpusPerNode": size}))
        .cost.idle(AMOUNTS["hourMax"])
        .gpus["nvidia-l4"]
        for size in (4, 6, 8)
    }
    assert idle == {4: 0, 6: 4, 8: 0}


def test_without_a_price_idle_gpus_are_unknown_and_without_any_they_cost_nothing():
    unpriced = resolve(edited(PROD, NODE, {"cluster.accelerators.nvidia-l4.hourlyUsd": DELETE, "budget": DELETE})).cost
    assert unpriced.idle_usd(AMOUNTS["monthMax"]) == (None, False)
    pods = Held(types=["nvidia-l4"], gpus=8, pods=3)
    assert idle_on([pods], Prices(per_node={"nvidia-l4": 8}), dearest=True).usd == (0, True)


def test_where_nobody_knows_the_type_or_the_replicas_the_sum_is_not_the_whole():
    known = Held(types=["nvidia-l4"], gpus=1, pods=1)
    choice = Held(types=["nvidia-l4", "nvidia-h100"], gpus=1, pods=1)
    for unknown in (choice, replace(known, pods=None), replace(known, gpus=9)):
        assert idle_on([known, unknown], L4, dearest=True).usd == (7, False)
        assert idle_on([unknown], L4, dearest=True).usd == (None, False)
    both = replace(L4, gpus={"nvidia-l4": 1.0, "nvidia-h100": 3.0})
    assert idle_on([known, choice], both, dearest=False).usd == (6, True)
    assert idle_on([known, choice], both, dearest=True).usd == (7, True)


@settings(max_examples=40, deadline=None)
@given(config=lab_configs(), data=st.data())
def test_rounding_never_costs_less_and_at_most_the_other_gpus_of_each_node(config, data):
    workloads = resolve(config, stack="dev").workloads
    named = sorted({name for one in workloads for name in one.accelerators})
    gpus = {name: data.draw(st.floats(0.1, 100), label=name) for name in named}
    largest = max((one.gpu_count for one in workloads), default=0) or 1
    nodes = {name: data.draw(st.integers(largest, 8), label=f"{name} of a node") for name in named}
    exact, rounded = (cost_of(workloads, [], Prices(gpus=gpus, per_node=size)) for size in ({}, nodes))
    more = [replace(one, replicas=one.replicas + data.draw(st.integers(0, 9))) for one in workloads]
    grown = cost_of(more, [], rounded.prices)
    for name, amount in AMOUNTS.items():
        (plain, whole), (billed, still), (later, _) = (one.total(amount) for one in (exact, rounded, grown))
        if not whole:
            continue
        assert still
        assert plain <= billed
        pods = [amount.replicas(model) * model.replica.pods if model.replica else 0 for model in rounded.models]
        most = max(gpus.values(), default=0) * max(size - 1 for size in [*nodes.values(), 1]) * amount.hours
        assert billed <= plain + sum(pods) * most + CENT
        # The sum of models and what belongs to none.
        idle = rounded.idle_usd(amount)[0]
        assert billed == pytest.approx(sum(amount(one) for one in rounded.models) + idle, abs=CENT)
        if name.endswith("Max"):
            assert billed <= later + CENT


@settings(max_examples=40, deadline=None)
@given(config=lab_configs(), price=st.floats(0.1, 100))
def test_nodes_of_one_gpu_are_as_none(config, price):
    workloads = [one for one in resolve(config, stack="dev").workloads if one.gpu_count <= 1]
    gpus = {name: price for one in workloads for name in one.accelerators}
    with_nodes, without = (
        cost_of(workloads, [], Prices(gpus=gpus, per_node=size)) for size in (dict.fromkeys(gpus, 1), {})
    )
    for amount in (*AMOUNTS.values(), *AT_LOAD.values()):
        assert with_nodes.total(amount) == without.total(amount)
