"""Licences of models: found by repository and commit, whichever way an engine is told them."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from blueprint.locks import MODELS_LOCK, ModelsLock, read_models_lock
from policy.licences import RULES
from policy.prices import NO_MONEY
from policy.rule import plain_kind
from policy.settings import StackRules
from policy.stack import Resource, Stack
from tests.components.test_engine_pods import ENGINES, LORA
from tests.components.test_engine_pods import stack_of as engines_of
from tests.policy.cases import COMMIT, ENGINE_PATH, PINNED, laid
from tests.policy.stack_cases import LIMITS, STACK, type_of
from tests.policy.test_rules import SPOILT, STACKS, spoil
from tests.policy.test_stack_rules import stack_of
from tests.support import PROJECT, registered

(RULE,) = RULES
PROGRAMS = {
    **STACKS,
    "engines": engines_of(ENGINES),
    "adapters": engines_of({"vllm": {**ENGINES["vllm"], "lora": LORA}}),
}


def licences(resources):
    return {name: line.partition(": ")[0] for name, line in RULE.judge(stack_of(resources))}


def served(*words, **more):
    return {**STACK, **more, "model": laid(STACK["model"], (*ENGINE_PATH, "args"), list(words))}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["org/model", PINNED], None),
        (["org/ours", PINNED], None),
        (["org/closed", PINNED], "whose licence cc-by-nc-4.0 is none of apache-2.0, other/of-our-own"),
        (["org/theirs", PINNED], "whose licence other/of-theirs is none of apache-2.0, other/of-our-own"),
        (["org/unsaid", PINNED], "whose licence models.lock.yaml does not know"),
    ],
)
def test_a_licence_is_allowed_by_its_name_and_one_that_nobody_knows_is_told(words, said):
    found = licences(served(*words))
    assert found == ({"model": f"Deployment m serves {words[0]} at {COMMIT[:8]}, {said}"} if said else {})


def test_what_an_engine_takes_from_its_environment_is_judged_as_well():
    variables = [{"name": "MODEL_ID", "value": "org/closed"}, {"name": "MODEL_REVISION", "value": COMMIT}]
    given = laid(served("--port=8000"), ("model", *ENGINE_PATH, "env"), variables)
    assert "serves org/closed at 01234567, whose licence cc-by-nc-4.0" in licences(given)["model"]


def test_a_model_that_is_served_and_downloaded_is_told_once():
    pod = {
        "containers": [
            {
                "name": "download",
                "command": ["python3", "-m", "download"],
                "args": [f"org/closed@{COMMIT}", f"org/theirs@{COMMIT}=/a"],
            }
        ]
    }
    job = {"kind": "Job", "metadata": {"name": "fetch"}, "spec": {"template": {"spec": pod}}}
    found = licences(served("org/closed", PINNED, fetch=job))
    assert "org/closed" in found["model"]
    assert found["fetch"].startswith("Job fetch loads org/theirs at 01234567, whose licence other/of-theirs")


FULL = {
    **STACK,
    "model": laid(
        served("--port=8000")["model"],
        (*ENGINE_PATH, "envFrom"),
        [{"configMapRef": {"name": "settings"}}],
    ),
    "settings": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "llm"},
        "data": {"MODEL_ID": "org/closed", "MODEL_REVISION": COMMIT},
    },
    "fetch": laid(STACK["model"], (*ENGINE_PATH, "args"), [f"org/theirs@{COMMIT}=/a", "--speculative-config={}"]),
}


def test_what_a_config_map_says_is_judged_as_well():
    assert "serves org/closed at 01234567, whose licence cc-by-nc-4.0" in licences(FULL)["model"]


@settings(deadline=None)
@given(data=st.data())
def test_whatever_is_missing_misshapen_or_unknown_nothing_raises(data):
    changed = copy.deepcopy({name: FULL[name] for name in ("model", "settings", "fetch", "endpoint")})
    for _ in range(data.draw(st.integers(1, 6))):
        spoil(changed, data.draw(st.integers(0, 2**32)), copy.deepcopy(data.draw(SPOILT)))
    resources = [
        Resource(kind=FULL[name].get("kind", type_of(FULL[name])), name=name, properties=unknown_checking_proxy(item))
        for name, item in changed.items()
        if isinstance(item, dict)
    ]
    list(RULE.judge(Stack(resources=resources, allowed=StackRules(licences=("x",)), money=NO_MONEY)))


def test_what_is_known_only_during_up_is_judged_then():
    unknown = {name: unknown_checking_proxy(item) for name, item in served("org/closed", UNKNOWN_STRING_VALUE).items()}
    assert licences(unknown) == {}


def test_a_stack_that_names_no_licences_is_asked_about_none():
    silent = {key: value for key, value in LIMITS.items() if key != "licences"}
    assert list(RULE.judge(stack_of(served("org/closed", PINNED), limits=silent))) == []


@pytest.mark.parametrize("config", PROGRAMS.values(), ids=PROGRAMS)
def test_the_model_of_everything_that_the_program_registers_is_found(config):
    """Under a licence of its own that no stack allows, each engine and endpoint is told, and nothing is unknown."""
    resources = {one.name: one for one in registered(config)}
    key = "Qwen/Qwen2.5-1.5B-Instruct@main"
    pin = read_models_lock((PROJECT.root / MODELS_LOCK).read_text()).models[key].model_copy(update={"licence": "x"})
    stack = Stack(
        resources=[
            Resource(kind=plain_kind(one.type), name=one.name, properties=one.inputs) for one in resources.values()
        ],
        allowed=StackRules(licences=("y",)),
        money=NO_MONEY,
        lock=ModelsLock(models={key: pin}),
    )
    found = dict(RULE.judge(stack))
    serving = {
        name
        for name, one in resources.items()
        if one.type.endswith("hf:Endpoint") or (one.type.endswith(":Deployment") and "monitoring" not in name)
    }
    assert serving - found.keys() == set()
    # An adapter that no lock has yet.
    unknown = {line for line in found.values() if "org/legal" in line or "org/medical" in line}
    assert len(unknown) == (config is PROGRAMS["adapters"])
    assert all("whose licence x is none of y" in line for line in found.values() if line not in unknown)
