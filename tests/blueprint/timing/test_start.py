"""How long a start takes: held to published starts, and to what must hold of any."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.locks import ModelsLock
from blueprint.sizing.constants import Constant
from blueprint.stack import resolve_stack
from blueprint.timing.constants import CONSTANTS
from blueprint.timing.start import Span
from tests.blueprint.sizing.models import facts_of
from tests.blueprint.stack_files import ENDPOINT, IMAGES_LOCK, MODEL, edited

LOCKED = f"{MODEL['model']}@main"
PIN = {"sha": "0" * 40, "known": {"how": "resolved", "source": "a hub of this test", "date": "2026-11-30"}}
LAB = {
    "cluster": {
        "context": "lab",
        "id": "lab",
        "namespace": {"name": "llm"},
        "accelerators": {"nvidia-l4": {"available": 8}},
    },
    "huggingface": {"namespace": "lab-org", "api": "lab"},
    "models": {"m": {**MODEL, "scaling": {"min": 1, "max": 1}}},
}


def lock(facts=None):
    pin = {**PIN, "facts": facts} if facts else PIN
    return ModelsLock.model_validate({"models": {LOCKED: pin}})


def stack(*edits, facts=None):
    return resolve_stack("lab", edited(LAB, *edits), lock(facts), IMAGES_LOCK)


def start(*edits, facts=None):
    return stack(*edits, facts=facts).starts["m"]


def sized(gigabytes, name="Llama-3.1-8B"):
    return facts_of(name).model_copy(update={"checkpoint_bytes": round(gigabytes * 1e9)})


PUBLISHED = {
    # llm-d's guide to pod snapshots: everything on an L4, the image and the Hub included.
    "vLLM 0.19.1 from the Hub": (16.06, {"mode": "none", "sizeGiB": 40}, ("pod", "engine"), 409),
    "its image": (16.06, {"mode": "none", "sizeGiB": 40}, ("pod",), 214),
    # A public GKE walk-through: from the container's start with the weights on a volume.
    "vLLM 0.27.1 from a block volume": (
        16.38,
        {"sizeGiB": 40, "accessMode": "ReadWriteOnce"},
        ("engine",),
        75 + 89 + 73,
    ),
    "the same from the Hub, its image there": (16.38, {"mode": "none", "sizeGiB": 40}, ("engine",), 252),
    # A public EKS workshop, after the node was there.
    "vLLM 0.28.0": (3.09, {"mode": "none", "sizeGiB": 40}, ("pod", "engine"), 224 + 58 + 60),
    # tensorfuse, L40S.
    "8B compiled": (16.06, {"mode": "none", "sizeGiB": 40}, ("engine",), 294),
    "8B with its cache": (16.06, {"sizeGiB": 40}, ("engine",), 82),
}
"""By name: size in GB, cache, phases, seconds. Constants were chosen from them: that they are met is no proof."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_starts_are_inside_the_band(name):
    size, cache, phases, seconds = PUBLISHED[name]
    band = start({"models.m.cache": cache}, facts=sized(size)).of(*phases)
    assert band.best <= seconds <= band.worst
    assert band.likely / 2 <= seconds <= band.likely * 2


CACHES = (
    {"sizeGiB": 40},
    {"sizeGiB": 40, "accessMode": "ReadWriteOnce"},
    {"sizeGiB": 40, "preDownload": False},
    {"mode": "none", "sizeGiB": 40},
    {"mode": "perReplica", "sizeGiB": 40},
    {"mode": "node", "path": "/models", "nodes": ["a"], "sizeGiB": 40},
)


@settings(max_examples=50, deadline=None)
@given(smaller=st.floats(0.1, 2000), more=st.floats(0, 2000), cache=st.sampled_from(CACHES))
def test_larger_weights_never_start_faster(smaller, more, cache):
    first, second = (start({"models.m.cache": cache}, facts=sized(size)) for size in (smaller, smaller + more))
    for phase in ("before", "pod", "engine"):
        one, other = first.of(phase), second.of(phase)
        assert (one.best, one.likely, one.worst) <= (other.best, other.likely, other.worst)
        assert one.best <= one.likely <= one.worst


@settings(max_examples=50, deadline=None)
@given(
    name=st.sampled_from(sorted(name for name in CONSTANTS if not name.startswith("endpoint."))),
    factor=st.floats(1, 100),
    cache=st.sampled_from(CACHES),
)
def test_a_faster_disk_is_never_slower_and_a_longer_stage_never_shorter(name, factor, cache):
    slow = start({"models.m.cache": cache}, facts=sized(16))
    found: Constant = CONSTANTS[name]
    changed = replace(found, low=found.low * factor, likely=found.likely * factor, high=found.high * factor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("blueprint.timing.start.CONSTANTS", {**CONSTANTS, name: changed})
        other = start({"models.m.cache": cache}, facts=sized(16))
    faster = name.startswith("rate.")
    before, after = slow.of("before", "pod", "engine"), other.of("before", "pod", "engine")
    assert after.likely <= before.likely if faster else after.likely >= before.likely


def test_every_constant_says_where_it_was_read_and_its_spread_is_in_order():
    for constant in CONSTANTS.values():
        assert constant.low <= constant.likely <= constant.high
        assert constant.source
        assert constant.date
        assert constant.unit


def test_each_way_of_the_weights_has_its_stages():
    stages = {
        cache.get("mode", "shared" + str(cache.get("preDownload", ""))): [
            (one.name, one.phase, one.why.rpartition(" ")[2])
            for one in start({"models.m.cache": cache}, facts=sized(16)).stages
            if one.name in ("download", "load")
        ]
        for cache in CACHES
    }
    assert stages == {
        "shared": [("download", "before", "rate.hub"), ("load", "engine", "rate.block")],
        "sharedFalse": [("download", "engine", "kept"), ("load", "engine", "rate.shared")],
        "none": [("download", "engine", "rate.hub"), ("load", "engine", "rate.disk")],
        "perReplica": [("download", "pod", "kept"), ("load", "engine", "rate.block")],
        "node": [("download", "before", "rate.hub"), ("load", "engine", "rate.disk")],
    }


def test_what_is_not_known_stays_so_and_the_sum_is_at_least():
    unknown = start()
    assert [one.name for one in unknown.unknown] == ["load"]
    assert str(unknown).startswith("at least ")
    assert str(unknown).endswith("unknown: load")
    sglang = start({"models.m.engine": {"name": "sglang", "maxModelLen": 8192}}, facts=sized(16))
    assert [one.name for one in sglang.unknown] == ["image", "engine"]
    assert sglang.data()["atLeast"]


def test_a_measurement_counts_for_all_that_follows_the_scheduling():
    measured = start({"models.m.lifecycle": {"loadSeconds": 200}})
    assert measured.replica == Span(200, 200, 200)
    assert not measured.unknown
    assert str(measured) == "3 min (measured)"


def test_the_longest_stage_is_named_and_an_image_that_is_there_is_not_pulled():
    small = start(facts=sized(3))
    assert small.dominant.name == "image"
    assert small.without("image").replica.likely == small.replica.likely - CONSTANTS["image.vllm"].likely
    large = start(facts=sized(800))
    assert large.dominant.name == "load"
    assert start({"cluster.prePull": True}, facts=sized(3)).dominant.name != "image"


def test_eager_mode_neither_compiles_nor_captures():
    eager = start({"models.m.engine.extraArgs": ["--enforce-eager"]}, facts=sized(16))
    assert {one.name for one in eager.stages if one.span == Span(0, 0, 0)} == {"compile", "graphs"}


def test_a_start_that_may_outlast_its_budget_is_a_warning_with_the_budget_that_would_do():
    assert stack(facts=sized(16)).warnings == []
    (warning,) = stack({"models.m.lifecycle": {"startupMinutes": 5}}, facts=sized(16)).warnings
    assert warning.startswith("Pulumi.lab.yaml: models.m.lifecycle.startupMinutes: the engine may take ")
    assert "the engine may take 9 min to start, for which 5 is too short; a replica's start takes " in warning
    assert "Use startupMinutes: 11, the worst estimate and a fifth more, or remove it" in warning
    enough = {"models.m.lifecycle": {"startupMinutes": 9}}
    assert stack(enough, facts=sized(16)).warnings == []
    measured = {"models.m.lifecycle": {"startupMinutes": 5, "loadSeconds": 100}}
    assert stack(measured, facts=sized(16)).warnings == []
    assert stack({"models.m.lifecycle": {"startupMinutes": 5}}).warnings == []


def test_a_download_that_may_outlast_its_deadline_is_one_too():
    slow = {"models.m.cache": {"mode": "node", "path": "/models", "nodes": ["a"], "sizeGiB": 1000}}
    warnings = [one for one in stack(slow, facts=sized(900)).warnings if "startupMinutes" in one]
    (warning,) = warnings
    assert "the download may take 5.0 h, for which 240 is too short" in warning
    assert "startupMinutes is 240 at most: keep the weights nearer, or take a smaller model." in warning


def test_an_endpoint_has_an_instance_to_wait_for_and_a_budget_of_its_own():
    models = {"models": {"e": {**ENDPOINT}}}
    found = stack(models, facts=sized(16))
    assert [one.name for one in found.starts["e"].stages][:3] == ["instance", "download", "load"]
    assert found.warnings == []
    late = stack({"models": {"e": {**ENDPOINT, "readyMinutes": 10}}}, facts=sized(16)).warnings
    assert any("models.e.readyMinutes: a start may take 27 min, and `up` fails after 10 minutes" in one for one in late)
