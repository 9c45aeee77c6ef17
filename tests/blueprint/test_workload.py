"""What a model resolves to: rollouts, times, arguments, pins, names, and the namespace's quota."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from blueprint.stack import Stack
from blueprint.workload import Workload
from tests.blueprint.stack_files import LAB, PROD, edited, resolve
from tests.strategies import gpus_wanted, lab_configs


def stack(edit: Mapping[str, Any] | None = None, base: Mapping[str, Any] = PROD) -> Stack:
    """A stack of one model, m, with an edit."""
    config = {key: value for key, value in base.items() if key != "budget"}
    return resolve(edited({**config, "models": {"m": base["models"]["m"]}}, edit or {}))


def workload(edit: Mapping[str, Any] | None = None, base: Mapping[str, Any] = PROD) -> Workload:
    """The one model, resolved."""
    (only,) = stack(edit, base).workloads
    return only


def gpus(available: int, count: int = 1, replicas: int = 1) -> dict[str, Any]:
    return {
        "cluster.accelerators.nvidia-l4.available": available,
        "models.m.accelerator.count": count,
        "models.m.scaling": {"min": replicas, "max": replicas},
        "models.m.lifecycle.allowOutage": True,
    }


@pytest.mark.parametrize(
    ("available", "count", "replicas", "surges"),
    [
        (1, 1, 1, False),
        (2, 1, 1, True),
        (3, 1, 3, False),
        (4, 1, 3, True),
        (3, 2, 1, False),
        (4, 2, 1, True),
        (15, 8, 1, False),
    ],
)
def test_a_rollout_surges_only_where_a_whole_replica_is_spare(available, count, replicas, surges):
    rollout = workload(gpus(available, count, replicas)).rollout
    assert (rollout.value.max_surge, rollout.value.max_unavailable) == ((1, 0) if surges else (0, 1))
    assert "spare" in rollout.why


def test_gpus_that_another_model_takes_are_not_spare():
    config = edited(PROD, {"cluster.accelerators.nvidia-l4.available": 4})
    assert {w.rollout.value.max_surge for w in resolve(config).workloads} == {0}


def test_gpus_of_another_type_are_not_spare():
    edit = gpus(1) | {"cluster.accelerators.nvidia-h100": {"available": 8}}
    assert workload(edit).rollout.value.max_surge == 0


def test_a_cache_of_one_node_never_surges():
    edit = gpus(8) | {"models.m.cache.accessMode": "ReadWriteOnce"}
    rollout = workload(edit).rollout
    assert (rollout.value.max_surge, rollout.value.max_unavailable) == (0, 1)
    assert "second node" in rollout.why


def test_without_a_cache_the_access_mode_of_a_claim_does_not_matter():
    edit = gpus(8) | {"models.m.cache": {"mode": "none", "sizeGiB": 5, "accessMode": "ReadWriteOnce"}}
    assert workload(edit).rollout.value.max_surge == 1


def test_the_grace_period_covers_pre_stop_drain_and_a_margin():
    times = workload({"models.m.lifecycle": {"drainSeconds": 100}}).times.value
    assert times.drain == 100
    assert times.pre_stop > 0
    assert times.grace > times.pre_stop + times.drain


def test_the_startup_budget_is_what_the_file_says():
    assert workload({"models.m.lifecycle": {"startupMinutes": 45}}).times.value.startup == 45 * 60


def test_a_rollout_is_called_failed_only_after_pull_load_and_drain():
    times = workload({"models.m.lifecycle": {"startupMinutes": 240, "drainSeconds": 3600}}).times.value
    assert times.progress_deadline > times.startup + times.grace + 600


def test_a_rollout_of_all_replicas_takes_one_deadline_each():
    two = workload(gpus(2, replicas=2))
    assert two.rollout_seconds == 2 * two.times.value.progress_deadline


def test_arguments_are_one_item_per_flag():
    """A change of one setting shows as one changed item."""
    before = workload().engine.arguments
    after = workload({"models.m.engine.maxModelLen": 4096}).engine.arguments
    assert set(before) ^ set(after) == {"--max-model-len=8192", "--max-model-len=4096"}
    assert not [argument for argument in before if " " in argument]


def test_arguments_say_what_the_file_says():
    edit = {
        "models.m.engine": {
            "name": "vllm",
            "maxModelLen": 32768,
            "gpuMemoryUtilization": 0.85,
            "maxNumSeqs": 64,
        },
        "models.m.lifecycle": {"drainSeconds": 90},
    }
    arguments = workload(edit | gpus(4, count=4)).engine.arguments
    assert arguments[0] == "Qwen/Qwen2.5-1.5B-Instruct"
    for flag in (
        "--max-model-len=32768",
        "--gpu-memory-utilization=0.85",
        "--max-num-seqs=64",
        "--tensor-parallel-size=4",
        "--shutdown-timeout=90",
        "--revision=0123456789abcdef0123456789abcdef01234567",
    ):
        assert arguments.count(flag) == 1


def test_a_model_answers_to_its_name_here_and_on_the_hub():
    arguments = list(workload().engine.arguments)
    at = arguments.index("--served-model-name")
    # The next item is a flag: the names end there.
    assert arguments[at + 1 : at + 3] == ["m", "Qwen/Qwen2.5-1.5B-Instruct"]
    assert arguments[at + 3].startswith("--")


def test_the_image_is_tag_and_digest_from_the_lock():
    image = workload().image
    assert image.value == "docker.io/vllm/vllm-openai:v0.31.0@sha256:" + "ab" * 32
    assert image.why == "resolved: a hub of this test, 2026-11-30"


def test_only_the_lab_takes_a_tag_and_a_branch():
    lab = workload(base=LAB)
    assert lab.image.value == "docker.io/vllm/vllm-openai:v0.33.0"
    assert "--revision=main" in lab.engine.arguments
    assert "only the lab" in lab.image.why
    assert "only the lab" in lab.revision.why


def test_live_objects_keep_the_oldest_name():
    """Renaming a Deployment, claim or Service would replace it."""
    renamed = workload({"models.m.formerly": ["first", "second"]})
    assert renamed.name == "m"
    assert renamed.object_name == "first"
    assert renamed.storage.value.claim_name == "first-cache"
    arguments = list(renamed.engine.arguments)
    assert arguments[arguments.index("--served-model-name") + 1] == "m"


def test_the_quota_lets_a_successor_wait_for_its_gpu():
    """A pod above the quota is refused, and tried again ever more rarely; one below it just waits."""
    assert stack(gpus(4, count=4)).gpu_quota == {"nvidia.com/gpu": 8}
    assert stack(gpus(8, count=4)).gpu_quota == {"nvidia.com/gpu": 8}


def test_the_quota_of_a_namespace_of_others_is_theirs():
    assert stack({"cluster.namespace.create": False}).gpu_quota == {}


@pytest.mark.parametrize(
    ("cache", "kind", "claim"),
    [
        ({"mode": "shared", "sizeGiB": 5}, "claim", "m-cache"),
        ({"existingClaim": "weights"}, "existingClaim", "weights"),
        ({"mode": "none", "sizeGiB": 5}, "emptyDir", None),
    ],
)
def test_weights_are_where_the_cache_says(cache, kind, claim):
    storage = workload({"models.m.cache": cache}).storage
    assert (storage.value.kind, storage.value.claim_name) == (kind, claim)


def test_given_resources_win_over_derived_ones():
    given_ones = workload({"models.m.resources": {"cpu": 3, "memoryGiB": 20, "shmGiB": 2}})
    assert (given_ones.cpu.value, given_ones.memory_gib.value, given_ones.shm_gib.value) == (3, 20, 2)
    assert {given_ones.cpu.why, given_ones.memory_gib.why} == {"given: resources.cpu", "given: resources.memoryGiB"}


EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@EXAMPLES
@given(config=lab_configs())
def test_configurations_of_the_strategy_are_valid_and_resolve_the_same_twice(config):
    assert resolve(config, "lab") == resolve(edited(config), "lab")


@EXAMPLES
@given(config=lab_configs())
def test_what_every_resolved_stack_keeps(config):
    resolved = resolve(config, "lab")
    pools, models = config["cluster"]["accelerators"], config["models"]
    for one in resolved.workloads:
        times, rollout = one.times.value, one.rollout.value
        assert times.grace > times.pre_stop + times.drain
        assert times.progress_deadline > times.startup + times.grace
        assert rollout.max_surge + rollout.max_unavailable > 0
        if rollout.max_surge:
            available = sum(pools[name]["available"] for name in one.accelerators)
            assert (
                rollout.unavailable_percent
                or available - gpus_wanted(models, *one.accelerators) >= one.gpus_per_replica
            )
            assert one.storage.value.access_mode != "ReadWriteOnce"
        assert one.shm_gib.value < one.memory_gib.value
        drain = {"vllm": f"--shutdown-timeout={times.drain}", "tgi": f"--graceful-termination-timeout={times.drain}"}
        assert one.engine.name not in drain or drain[one.engine.name] in one.engine.arguments
        assert all(decision.why for decision in one.decisions().values())
    live = Counter(one.object_name for one in resolved.workloads)
    assert set(live.values()) == {1}


@EXAMPLES
@given(config=lab_configs())
def test_the_quota_holds_all_replicas_and_those_that_wait_in_rollouts(config):
    resolved = resolve(config, "lab")
    if not config["cluster"]["namespace"].get("create", True):
        assert resolved.gpu_quota == {}
        return
    available = sum(pool["available"] for pool in config["cluster"]["accelerators"].values())
    (quota,) = resolved.gpu_quota.values()
    assert quota >= sum(one.replicas * one.gpus_per_replica for one in resolved.workloads)
    assert quota == available or quota == sum(one.rollout_pods * one.gpu_count for one in resolved.workloads)
    assert all(one.rollout_pods <= 2 * one.replicas * one.nodes for one in resolved.workloads)
