"""How a model is divided, and what follows from it for a replica's GPUs, memory and rollouts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprint.engines.parallel import Parallel, sglang_arguments
from blueprint.parallel import divisions
from tests.blueprint.parallel_mistakes import GROUPS
from tests.blueprint.stack_files import DELETE, PROD, edited, mistakes, resolve


def model(**edit):
    """The model m of PROD, one replica, resolved with an edit below models.m."""
    changes = {f"models.m.{key.replace('__', '.')}": value for key, value in edit.items()}
    alone = {"models.other": DELETE, "budget": DELETE, "models.m.scaling": {"min": 1, "max": 1}}
    # Production would have the outage of a lone replica confirmed.
    alone["deletion.protect"] = False
    (only,) = resolve(edited(PROD, alone, changes)).workloads
    return only


def test_the_file_with_groups_that_is_broken_elsewhere_is_valid():
    assert mistakes(GROUPS) == []


@pytest.mark.parametrize(
    ("count", "parallel", "division", "why"),
    [
        (1, {}, (1, 1, 1), "nothing is divided"),
        (4, {}, (4, 1, 1), "shared by the 4 GPUs"),
        (4, {"tensor": 2, "pipeline": 2}, (2, 2, 1), "given: parallel"),
        (4, {"nodes": 2}, (4, 2, 2), "faster than the network"),
        (4, {"nodes": 2, "tensor": 8, "pipeline": 1}, (8, 1, 2), "every layer waits for the network"),
    ],
)
def test_tensor_parallel_stays_within_a_node_unless_somebody_wants_otherwise(count, parallel, division, why):
    resolved = model(accelerator__count=count, parallel=parallel).parallel
    assert resolved.value == Parallel(*division)
    assert why in resolved.why


@given(count=st.sampled_from([1, 2, 4, 8]), nodes=st.integers(1, 16))
def test_every_division_that_is_named_uses_all_gpus(count, nodes):
    named = divisions(count, nodes)
    assert named[0] == (count, nodes)
    assert all(math.prod(division) == count * nodes for division in named)


def test_a_replica_on_two_nodes_is_one_step_of_a_rollout():
    scarce = model(accelerator__count=2, parallel={"nodes": 2})
    assert (scarce.kind, scarce.gpus_per_replica) == ("LeaderWorkerSet", 4)
    assert scarce.rollout.value.max_surge == 1, "4 of 8 GPUs are spare"
    assert model(accelerator__count=4, parallel={"nodes": 2}).rollout.value.max_surge == 0


def test_memory_follows_the_cache_that_leaves_the_gpus():
    without, with_ = model(), model(engine__kvOffloadGiB=40)
    assert "--kv-offloading-size=40" in with_.engine.arguments
    assert with_.shm_gib.value == without.shm_gib.value + 40, "vLLM keeps it in /dev/shm"
    assert with_.memory_gib.value >= without.memory_gib.value + 39
    assert "40 more for the KV cache" in with_.shm_gib.why


@pytest.mark.parametrize(("count", "cpu", "memory"), [(1, 4, 32), (2, 6, 48), (4, 10, 80), (8, 18, 144)])
def test_what_a_replica_asks_for_by_itself_is_what_it_always_was(count, cpu, memory):
    one = model(accelerator__count=count)
    assert (one.cpu.value, one.memory_gib.value) == (cpu, memory)


def test_shared_memory_that_is_given_adds_to_the_memory():
    assert model(resources={"shmGiB": 64}).memory_gib.value == 32 - 2 + 64


def test_sglang_takes_the_same_places():
    arguments = sglang_arguments(Parallel(tensor=8, pipeline=2, nodes=2))
    assert "--dist-init-addr=$(LWS_LEADER_ADDRESS):20000" in arguments
    assert "--node-rank=$(LWS_WORKER_INDEX)" in arguments
    assert sglang_arguments(Parallel(tensor=4, pipeline=1, nodes=1)) == ["--tp-size=4"]
