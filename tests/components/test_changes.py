"""What blueprint/timing calls a change of pods is one in the objects that the program makes, and nothing else is."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from blueprint.issues import DescriptionError
from blueprint.stack import resolve_stack
from blueprint.timing.pods import changed, inputs
from tests.blueprint.stack_files import edited
from tests.strategies import lab_configs
from tests.support import PROJECT, lab_config, manifests

KINDS = ("Deployment", "StatefulSet", "LeaderWorkerSet")
TWO_TYPES = {"nvidia-l4": {"available": 8}, "nvidia-h100": {"available": 8}}
BASE = lab_config({"m": {"scaling": {"min": 1, "max": 1}}}, cluster={"accelerators": TWO_TYPES})

RESTARTS = {
    "models.m.engine.maxModelLen": 4096,
    "models.m.engine.maxNumSeqs": 64,
    "models.m.engine.extraArgs": ["--enforce-eager"],
    "models.m.engine.version": "0.33.0",
    "models.m.revision": "v1.0",
    "models.m.owner": "team-chat",
    "models.m.accelerator.count": 2,
    "models.m.accelerator.type": "nvidia-h100",
    "models.m.accelerator.alternatives": ["nvidia-h100"],
    "models.m.resources": {"cpu": 8},
    "models.m.lifecycle": {"drainSeconds": 90},
    "models.m.lifecycle.startupMinutes": 45,
    "models.m.lifecycle.warmUp": True,
    "models.m.placement": {"spot": {"noticeSeconds": 120}},
    "models.m.placement.priorityClass": "high",
    "models.m.cache": {"mode": "none", "sizeGiB": 20},
    "models.m.cache.preDownload": False,
    "models.m.scaling": {"min": 2, "max": 2},
    "cluster.runtimeClass": "nvidia",
}
"""scaling: kernels that one replica kept are not kept by two."""

KEEPS = {
    "models.m.lifecycle": {"loadSeconds": 100},
    "models.m.cache.sizeGiB": 20,
    "cluster.prePull": True,
    "cluster.accelerators.nvidia-l4.available": 7,
    "huggingface.hubReadSecret": {"name": "hf", "key": "token"},
    "models.m.smoke": {},
    "models.m.load": {"tokensPerSecond": 900, "replicaTokensPerSecond": 450},
}


def resolved(config):
    return resolve_stack("dev", config, PROJECT.models_lock(), PROJECT.images_lock())


def said(before, after):
    """The keys that the blueprint names, by model of both."""
    old, new = ({one.object_name: (one, stack.hub_read_secret) for one in stack.workloads} for stack in (before, after))
    return {
        name: changed(inputs(*old[name]), inputs(*new[name]))
        for name in old.keys() & new.keys()
        if old[name][0].kind == new[name][0].kind
    }


def pods(config):
    """The templates of all pods, by the name of what makes them."""
    objects = manifests(config)
    return {
        name: item["spec"].get("template") or item["spec"]["leaderWorkerTemplate"]
        for name, item in objects.items()
        if name.startswith(KINDS) and item["metadata"]["labels"].get("llm-inference/model")
    }


@pytest.fixture(scope="module")
def base():
    return pods(BASE)["Deployment/m"]


@pytest.mark.parametrize("key", [*RESTARTS, *KEEPS])
def test_each_change_of_pods_is_named_and_no_other(key, base):
    changed_config = edited(BASE, {key: RESTARTS.get(key, KEEPS.get(key))})
    assert (base != pods(changed_config)["Deployment/m"]) == (key in RESTARTS)
    assert bool(said(resolved(BASE), resolved(changed_config))["m"]) == (key in RESTARTS)


def test_what_is_only_foreseen_changes_no_object():
    assert manifests(BASE) == manifests(edited(BASE, {"models.m.load": KEEPS["models.m.load"]}))


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_whatever_changes_the_pods_are_another_exactly_when_the_blueprint_names_a_key(data):
    first, second = data.draw(lab_configs()), data.draw(lab_configs())
    name = data.draw(st.sampled_from(sorted(first["models"])))
    donor = data.draw(st.sampled_from(sorted(second["models"])))
    for config in (first, second):
        for model in config["models"].values():
            model.pop("llmD", None)
    keys = data.draw(
        st.sets(st.sampled_from(sorted(second["models"][donor].keys() - {"formerly", "target"})), min_size=1)
    )
    given_keys = {key: second["models"][donor][key] for key in keys}
    cluster = {
        **first["cluster"],
        "accelerators": {**second["cluster"]["accelerators"], **first["cluster"]["accelerators"]},
    }
    first = {**first, "cluster": cluster}
    other = {**first, "models": {**first["models"], name: {**first["models"][name], **given_keys}}}
    try:
        stacks = resolved(first), resolved(other)
    except DescriptionError:
        assume(False)
    named = said(*stacks)
    before, after = pods(first), pods(other)
    for one, found in named.items():
        kind = next(item.kind for item in stacks[0].workloads if item.object_name == one)
        assert (before[f"{kind}/{one}"] != after[f"{kind}/{one}"]) == bool(found), found
