"""Every rule: what breaks it and what does not, through Pulumi's own policy host and as plain objects."""

import copy
import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policy.rules import RULES
from policy.settings import StackRules
from tests.policy.cases import (
    BROKEN,
    BROKEN_ENDPOINTS,
    ENDPOINT,
    ENDPOINT_TYPE,
    ENGINE_PATH,
    OBJECTS,
    PRIVILEGED,
    laid,
    resource_type,
)
from tests.policy.stack_cases import BROKEN_ONES, LIMITS
from tests.policy.test_pack import judge, pack  # noqa: F401  the host, started once
from tests.support import lab_config, registered

ALL = [(resource_type(one), one) for one in OBJECTS.values()] + [(ENDPOINT_TYPE, ENDPOINT)]


ALLOWED = StackRules()
LIMITED = StackRules(
    registries=("registry.example.com/",), endpointRegions=("aws/us-east-1",), endpointInstances=("nvidia-l4/x1",)
)


def broken_by(kind, properties, allowed=ALLOWED):
    return {rule.name for rule in RULES if list(rule.judge(kind, properties, allowed))}


@pytest.mark.parametrize(("kind", "properties"), ALL, ids=[kind for kind, _ in ALL])
def test_the_twins_break_nothing(pack, kind, properties):  # noqa: F811
    assert judge(pack, kind, properties) == {}
    assert broken_by(properties.get("kind", kind), properties) == set()


@pytest.mark.parametrize(("rule", "manifest"), BROKEN, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(BROKEN)])
def test_each_object_breaks_its_rule_and_no_other(pack, rule, manifest):  # noqa: F811
    assert judge(pack, resource_type(manifest), manifest).keys() == {rule}
    assert broken_by(manifest["kind"], manifest) == {rule}


@pytest.mark.parametrize(("rule", "properties"), BROKEN_ENDPOINTS)
def test_each_endpoint_breaks_its_rule_and_no_other(pack, rule, properties):  # noqa: F811
    assert judge(pack, ENDPOINT_TYPE, properties).keys() == {rule}


def test_a_privileged_container_breaks_its_own_rule_and_the_profile(pack):  # noqa: F811
    kind, path, value = PRIVILEGED
    manifest = laid(OBJECTS[kind], path, value)
    assert judge(pack, resource_type(manifest), manifest).keys() == {
        "no-privileged-container",
        "pod-security-restricted",
    }


@pytest.mark.parametrize(
    ("image", "broken"),
    [
        ("registry.example.com/vllm@sha256:" + "0" * 64, False),
        ("registry.example.com.evil.example/vllm@sha256:" + "0" * 64, True),
        ("vllm/vllm-openai@sha256:" + "0" * 64, True),
        ("vllm@sha256:" + "0" * 64, True),
    ],
)
def test_images_come_from_where_the_stack_allows(image, broken):
    manifest = laid(OBJECTS["Deployment"], (*ENGINE_PATH, "image"), image)
    assert broken_by("Deployment", manifest, LIMITED) == ({"image-from-allowed-registry"} if broken else set())


@pytest.mark.parametrize(
    ("image", "allowed"), [("vllm/vllm-openai", "docker.io/vllm/"), ("redis", "docker.io/library/")]
)
def test_dockers_own_registry_goes_without_saying(image, allowed):
    manifest = laid(OBJECTS["Deployment"], (*ENGINE_PATH, "image"), f"{image}@sha256:" + "0" * 64)
    assert broken_by("Deployment", manifest, StackRules(registries=(allowed,))) == set()


@pytest.mark.parametrize(
    ("path", "value"), [(("provider", "region"), "eu-west-1"), (("compute", "instanceSize"), "x8")]
)
def test_endpoints_run_where_the_stack_allows(path, value):
    assert broken_by(ENDPOINT_TYPE, ENDPOINT, LIMITED) == set()
    assert broken_by(ENDPOINT_TYPE, laid(ENDPOINT, ("body", *path), value), LIMITED) == {"endpoint-where-allowed"}


BY_STACK = {rule for rule, *_ in BROKEN_ONES}
"""Rules that ask for nothing until a stack says what is allowed."""


def test_no_rule_is_without_a_case(record_testsuite_property):
    tried = {rule for rule, _ in (*BROKEN, *BROKEN_ENDPOINTS)} | {"no-privileged-container"} | BY_STACK
    assert tried == {rule.name for rule in RULES}
    record_testsuite_property("policy rules", len(RULES))


def test_a_violation_says_who_how_why_and_what_to_change(pack):  # noqa: F811
    manifest = laid(OBJECTS["Deployment"], ("spec", "template", "spec", "terminationGracePeriodSeconds"), 45)
    said = judge(pack, resource_type(manifest), manifest)["answers-end"]
    assert "\nthe pod has 45 s to end: A replica that goes" in said
    assert said.endswith("set terminationGracePeriodSeconds to sleep and drain together.")


def test_no_secret_is_in_a_message():
    for rule, manifest in BROKEN:
        for one in RULES:
            assert not [line for line in one.judge(manifest["kind"], manifest, ALLOWED) if "a-canary" in line], rule


def test_groups_of_pods_are_judged_too():
    workload = lab_config({"m": {"parallel": {"nodes": 2}, "accelerator": {"count": 4}}})
    (group,) = (one for one in registered(workload) if one.type.endswith(":LeaderWorkerSet"))
    assert broken_by(group.type, group.inputs) == set()
    path = ("spec", "leaderWorkerTemplate", "workerTemplate", "spec", "hostNetwork")
    assert broken_by(group.type, laid(group.inputs, path, True)) == {"pod-security-restricted"}


ENDPOINT_MODEL = {
    "target": "endpoint",
    "model": "Qwen/Qwen2.5-1.5B-Instruct",
    "owner": "team-search",
    "engine": {"name": "vllm", "maxModelLen": 8192},
    "instance": {"vendor": "aws", "region": "us-east-1", "type": "nvidia-l4", "size": "x1"},
}
STACKS = {
    "operator": lab_config(monitoring={"mode": "operator"}),
    "existing": lab_config(monitoring={"mode": "existing", "prometheus": "http://prometheus.monitoring.svc"}),
    "standalone": lab_config(monitoring={"mode": "standalone"}),
    "scaled": lab_config({"m": {"scaling": {"min": 1, "max": 3}}}, monitoring={"mode": "operator"}),
    "published, with a canary": lab_config(
        {
            "m": {
                "canary": {"share": 10, "engine": {"maxModelLen": 4096}},
                "expose": {"host": "m.example.com", "auth": "engineKey", "keys": ["k"]},
            }
        },
        cluster={"gateway": {"name": "public", "namespace": "gateways", "listener": "https"}},
    ),
    "endpoints": {
        **lab_config(huggingface={"namespace": "lab-org", "api": "lab"}),
        "models": {"e": ENDPOINT_MODEL},
    },
}


@pytest.mark.parametrize("config", STACKS.values(), ids=STACKS)
def test_what_the_program_registers_breaks_no_mandatory_rule(config):
    resources = registered(config)
    found = [
        f"{resource.name}: {rule.name}: {line}"
        for resource in resources
        for rule in RULES
        if rule.mandatory
        for line in rule.judge(resource.type, resource.inputs, ALLOWED)
    ]
    assert found == []


@settings(deadline=None)
@given(data=st.data())
def test_whatever_is_missing_misshapen_or_unknown_nothing_raises(data):
    kind, properties = data.draw(st.sampled_from([*ALL, *((resource_type(one), one) for _, one in BROKEN)]))
    changed = copy.deepcopy(properties)
    for _ in range(data.draw(st.integers(1, 4))):
        spoil(changed, data.draw(st.integers(0, 2**32)), copy.deepcopy(data.draw(SPOILT)))
    everything = StackRules.model_validate(LIMITS)
    for rule in RULES:
        list(rule.judge(kind, unknown_checking_proxy(changed), everything))


SPOILT = st.sampled_from(
    [None, "", "x", 0, -1.5, float("inf"), True, [], {}, [None], [[]], {"a": None}, UNKNOWN_STRING_VALUE]
)


def spoil(whole, seed, value):
    """Put a value at a random place."""
    rng = random.Random(seed)
    holder = whole
    while True:
        if not holder:
            return
        key = rng.choice(list(holder) if isinstance(holder, Mapping) else range(len(holder)))
        if isinstance(holder[key], dict | list) and rng.random() < 0.8:
            holder = holder[key]
            continue
        holder[key] = value
        return
