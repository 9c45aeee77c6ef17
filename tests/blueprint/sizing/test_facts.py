"""From config.json to the facts of sizing."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprint.sizing.config import read_config
from blueprint.sizing.facts import ModelFacts, UnknownModelError
from tests.blueprint.sizing.models import AT_ANY_SPEED, MODELS, facts_of

PUBLISHED = [name for name, model in MODELS.items() if "parameters" in model]
LLAMA = MODELS["Llama-3.1-8B"]["config"]


def test_the_fixture_has_enough_models_of_every_kind_each_with_its_source():
    facts = {name: facts_of(name) for name in MODELS}
    kinds = {group.kind for one in facts.values() for group in one.attention}
    assert len(PUBLISHED) >= 25
    assert kinds == {"full", "sliding", "mla", "state"}
    assert any(one.experts for one in facts.values())
    assert {one.quantization.method for one in facts.values() if one.quantization} >= {"fp8", "mxfp4", "modelopt"}
    assert all(model["configSource"] for model in MODELS.values())
    assert all(model["parametersSource"] for model in MODELS.values() if "parameters" in model)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_from_dimensions_agree_with_the_published_count(name):
    parts = facts_of(name).parts
    counted = parts.total + (parts.draft if MODELS[name].get("draftCounted") else 0)
    assert counted == pytest.approx(MODELS[name]["parameters"], rel=0.01)


@pytest.mark.parametrize(
    ("name", "active"),
    [("Qwen3-30B-A3B", 3.3e9), ("Qwen3-235B-A22B", 22e9), ("DeepSeek-V3", 37e9), ("Mixtral-8x7B", 12.9e9)],
)
def test_active_parameters_are_those_that_the_names_say(name, active):
    assert facts_of(name).active == pytest.approx(active, rel=0.03)


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("Llama-3.1-8B", {"full": 32}),
        ("Mistral-7B-v0.1", {"sliding": 32}),
        ("Mistral-7B-v0.3", {"full": 32}),
        ("Gemma-2-9B", {"sliding": 21, "full": 21}),
        ("Gemma-3-27B-text", {"sliding": 52, "full": 10}),
        ("gpt-oss-20b", {"sliding": 12, "full": 12}),
        ("DeepSeek-V3", {"mla": 61}),
        ("Qwen3-Next-80B-A3B", {"state": 36, "full": 12}),
        ("Nemotron-Nano-9B-v2", {"state": 27, "full": 4}),
    ],
)
def test_layers_are_told_apart_by_what_they_remember(name, layers):
    assert {group.kind: group.layers for group in facts_of(name).attention} == layers


def test_layer_types_win_over_the_interval():
    config = {**MODELS["Gemma-2-9B"]["config"], "layer_types": ["full_attention"] * 42}
    assert [group.kind for group in read_config(config).attention] == ["full"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "hal9000"}, "hal9000 is no architecture that sizing knows"),
        ({"model_type": None}, "no model_type is no architecture"),
        ({"hidden_size": None}, "config.json has no hidden_size"),
        ({"vocab_size": "many"}, "vocab_size of config.json is no whole number"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers of config.json is no number of layers"),
        ({"num_attention_heads": True}, "num_attention_heads of config.json is no whole number"),
    ],
)
def test_what_the_config_does_not_say_is_unknown_and_named(change, said):
    with pytest.raises(UnknownModelError, match=re.escape(said)):
        read_config({**LLAMA, **change})


def test_layer_types_that_nobody_knows_are_unknown():
    config = {**MODELS["gpt-oss-20b"]["config"], "layer_types": ["full_attention"] * 23 + ["holographic"]}
    with pytest.raises(UnknownModelError, match=re.escape("layer_types of config.json has holographic")):
        read_config(config)


_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=3))


@AT_ANY_SPEED
@given(st.sampled_from(sorted(MODELS)), st.dictionaries(st.sampled_from(sorted(LLAMA)), _VALUES, max_size=4))
def test_garbage_in_a_config_is_refused_with_a_reason_or_read(name, change):
    with contextlib.suppress(UnknownModelError):
        assert read_config({**MODELS[name]["config"], **change}).parameters > 0


@pytest.mark.parametrize("name", sorted(MODELS))
def test_facts_come_back_from_the_lock_as_they_went_in(name):
    facts = facts_of(name)
    assert ModelFacts.model_validate(facts.model_dump(exclude_none=True)) == facts


@pytest.mark.parametrize(
    ("quantization", "bits"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, 4 + 20 / 128),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1}, 8),
        ({"quant_method": "fp8"}, 8),
        ({"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 8}}}}, 8),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, 4.5),
        ({"quant_method": "awq"}, None),
        ({"quant_method": "compressed-tensors", "config_groups": {}}, None),
        ({"quant_method": "magic"}, None),
    ],
)
def test_bits_of_a_parameter_follow_from_the_quantisation_or_are_unknown(quantization, bits):
    assert read_config({**LLAMA, "quantization_config": quantization}).quantization.bits == bits
