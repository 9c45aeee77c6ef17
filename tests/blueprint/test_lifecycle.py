"""When a rollout means an outage and for how long, who is told, and where replicas may run."""

import pytest

from blueprint.lifecycle import outage_seconds
from blueprint.rollout import resolve_rollout
from blueprint.settings.scaling import Scaling
from blueprint.stack import check_stack
from blueprint.weights import Storage
from tests.blueprint import stack_files
from tests.blueprint.stack_files import LAB, PROD, edited, mistakes, resolve
from tests.blueprint.test_workload import gpus, stack, workload


def test_an_outage_lasts_from_the_end_of_the_old_replica_to_the_first_answer_of_the_new():
    assert outage_seconds(pre_stop=15, drain=60, load=200) == 275
    outage = workload(
        gpus(1) | {"models.m.lifecycle": {"allowOutage": True, "drainSeconds": 30, "loadSeconds": 100}}
    ).outage
    assert outage.value == 15 + 30 + 100
    assert "measured" in outage.why


def test_without_a_measured_load_the_startup_budget_is_said_to_be_the_longest_it_can_be():
    outage = workload(gpus(1) | {"models.m.lifecycle": {"allowOutage": True, "startupMinutes": 10}}).outage
    assert outage.value == 15 + 60 + 600
    assert "at most, by lifecycle.startupMinutes" in outage.why


@pytest.mark.parametrize("edit", [gpus(2), gpus(2, replicas=2), gpus(8, count=4)], ids=["spare", "two", "spare of 4"])
def test_with_a_spare_gpu_or_another_replica_there_is_none(edit):
    one = stack(edit)
    assert one.workloads[0].outage.value == 0
    assert one.warnings == []


def test_an_outage_is_announced_with_its_length_and_confirmed_where_deletion_is_protected():
    edit = gpus(1) | {"models.m.lifecycle.loadSeconds": 100}
    (warning,) = stack(edit).warnings
    assert warning.startswith("Pulumi.prod.yaml: models.m: a rollout leaves callers without an answer for 175 s (")
    config = edited({**PROD, "models": {"m": PROD["models"]["m"]}}, edit, {"models.m.lifecycle.allowOutage": False})
    assert [".".join(issue.path) for issue in mistakes(config)] == ["models.m.lifecycle.allowOutage"]
    assert mistakes(edited(config, {"deletion.protect": False})) == []


def test_models_that_an_autoscaler_shrinks_lose_no_replica_before_a_new_one_is_there():
    """At most replicas the GPUs are all taken; with fewer, one is free, and a share that is rounded down is none."""
    lab = edited(LAB, {"cluster.accelerators.nvidia-l4.available": 4})
    description, _ = check_stack("lab", lab, stack_files.MODELS_LOCK, stack_files.IMAGES_LOCK)
    assert description is not None
    cluster, model = description.settings.cluster, description.settings.models["m"]
    for most in range(2, 51):
        pool = cluster.accelerators["nvidia-l4"].model_copy(update={"available": most})
        scarce = cluster.model_copy(update={"accelerators": {"nvidia-l4": pool}})
        shrinking = model.model_copy(update={"scaling": Scaling(min=1, max=most)})
        models = {"models": {"m": shrinking}, "cluster": scarce}
        settings = description.settings.model_copy(update=models)
        of = description.__class__(**{**vars(description), "settings": settings})
        rollout = resolve_rollout(of, scarce, shrinking, Storage("emptyDir", size_gib=1)).value
        assert rollout.max_surge == 1
        assert rollout.max_unavailable == 1
        taken = [replicas * rollout.unavailable_percent // 100 for replicas in range(1, most + 1)]
        assert (taken[0], taken[-1]) == (0, 1)
        assert max(taken) == 1


def test_alternatives_are_accepted_in_order_and_counted_together():
    edit = {
        "cluster.accelerators.nvidia-h100": {"available": 2},
        "models.m.accelerator": {"type": "nvidia-l4", "alternatives": ["nvidia-h100"]},
        "models.m.scaling": {"min": 9, "max": 9},
    }
    both = workload(edit)
    assert both.accelerators == ("nvidia-l4", "nvidia-h100")
    assert both.placement.values == [("NVIDIA-L4",), ("NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe")]
    assert both.rollout.value.max_surge == 1
    assert workload(edit | {"models.m.scaling": {"min": 10, "max": 10}}).rollout.value.max_surge == 0


def test_a_model_that_may_sit_on_either_type_leaves_no_spare_gpu_of_one():
    edit = {
        "cluster.accelerators": {"nvidia-l4": {"available": 5}, "nvidia-h100": {"available": 8}},
        "models.m.accelerator": {"type": "nvidia-h100", "alternatives": ["nvidia-l4"]},
    }
    config = edited({key: value for key, value in PROD.items() if key != "budget"}, edit)
    m, other = resolve(config).workloads
    assert m.rollout.value.max_surge == 1
    # 5 L4 less its own two and the two that m may take.
    assert other.rollout.why.startswith("1 nvidia-l4 are spare")


@pytest.mark.parametrize(
    ("labels", "spot"),
    [
        ("gke", [("cloud.google.com/gke-spot", "true")]),
        ("karpenter", [("karpenter.sh/capacity-type", "spot")]),
        ("eksAutoMode", [("karpenter.sh/capacity-type", "spot")]),
    ],
)
def test_spot_nodes_are_known_by_the_label_of_their_cloud(labels, spot):
    edit = {
        "cluster.nodeLabels": labels,
        "models.m.placement": {"spot": {"noticeSeconds": 120}},
    }
    assert list(workload(edit).placement.spot) == spot
    assert workload({"cluster.nodeLabels": labels}).placement.spot == ()
