"""Command lines: what is rendered is what the engine's own parser takes, and says what the stack file says."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprint.engines import ENGINES, custom
from blueprint.engines.flags import flags_of
from blueprint.engines.process import EngineProcess
from blueprint.issues import DescriptionError
from tests.blueprint.engine_mistakes import ENGINES as LEAST
from tests.blueprint.engine_mistakes import LAB_STACK, STACK
from tests.blueprint.stack_files import LAB, MODELS_LOCK, REPOSITORY, edited, mistakes, resolve
from tests.engine_strategies import engines
from tests.engines.parsing import parse

SHA = MODELS_LOCK.pin(REPOSITORY, "main").sha
ADAPTER = {"adapters": {"legal": {"model": REPOSITORY}}}


def process(engine: str, options: Mapping[str, Any] | None = None, **model: Any) -> EngineProcess:
    """The process of a model on an engine, outside the lab."""
    edit = {f"models.m-{engine}.engine.{key}": value for key, value in (options or {}).items()}
    edit |= {f"models.m-{engine}.{key}": value for key, value in model.items()}
    return next(w.engine for w in resolve(edited(STACK, edit)).workloads if w.name == f"m-{engine}")


def in_lab(engine: Mapping[str, Any]) -> EngineProcess:
    (workload,) = resolve(edited(LAB, {"models.m.engine": engine}), "lab").workloads
    return workload.engine


def arguments(engine: str, options: Mapping[str, Any] | None = None, **model: Any) -> list[str]:
    return list(process(engine, options, **model).arguments)


@pytest.mark.parametrize("base", [STACK, LAB_STACK], ids=["outside the lab", "lab"])
def test_the_files_that_are_broken_elsewhere_are_valid(base):
    assert mistakes(base) == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(engine=engines())
def test_whatever_the_settings_are_the_engine_takes_its_arguments(engine):
    found = in_lab(engine)
    if found.name == "custom":
        assert not found.arguments
        return
    parse(found.name, found.version, list(found.arguments))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(engine=engines(), data=st.data())
def test_no_extra_flag_says_again_what_is_said(engine, data):
    """Whatever was rendered, by any spelling that the engine takes for it, is refused as an extra flag."""
    if engine["name"] == "custom":
        return
    facts = ENGINES[engine["name"]]
    rendered = [word for word in in_lab({**engine, "extraArgs": []}).arguments if word.startswith("--")]
    word = data.draw(st.sampled_from(rendered))
    name, equals, value = word.partition("=")
    flag = flags_of(engine["name"], in_lab(engine).version).get(name)
    assert flag
    spelt = data.draw(st.sampled_from([one for one in flag.names if one.startswith("--")]))
    if facts.underscores and data.draw(st.booleans()):
        spelt = "--" + spelt[2:].replace("-", "_")
    apart = [spelt, value] if equals and data.draw(st.booleans()) else [f"{spelt}{equals}{value}"]
    with pytest.raises(DescriptionError, match="extraArgs"):
        in_lab({**engine, "extraArgs": apart})


@pytest.mark.parametrize("engine", ENGINES)
def test_every_flag_that_can_be_written_is_one_of_every_version(engine):
    """So that a setting is refused only where its engine lacks it, and never by mistake."""
    facts = ENGINES[engine]
    for version in facts.versions:
        table = flags_of(engine, version)
        missing = [flag for typed in facts.typed for flag in typed.flags() if table.get(flag) is None]
        assert missing == []
        assert [flag for flag in facts.owned if table.get(flag) is None] == []
        assert [flag for flag in facts.words_of.values() if table.get(flag) is None] == []


def test_vllm_keeps_the_arguments_of_before_when_nothing_new_is_said():
    """A stack of yesterday does not restart its pods."""
    assert arguments("vllm") == [
        REPOSITORY,
        f"--revision={SHA}",
        "--served-model-name",
        "m-vllm",
        REPOSITORY,
        "--host=0.0.0.0",
        "--port=8000",
        "--max-model-len=8192",
        "--gpu-memory-utilization=0.9",
        "--max-num-seqs=256",
        "--tensor-parallel-size=1",
        "--shutdown-timeout=60",
    ]


def test_sglang_says_who_it_is_and_that_it_measures():
    assert arguments("sglang", lifecycle={"drainSeconds": 90, "allowOutage": True}) == [
        "--model-type=llm",
        f"--model-path={REPOSITORY}",
        f"--revision={SHA}",
        "--served-model-name=m-sglang",
        "--host=0.0.0.0",
        "--port=30000",
        "--enable-metrics",
        "--context-length=8192",
        "--tp-size=1",
    ]


def test_tgi_speaks_its_own_words():
    options = {"maxInputTokens": 4096, "quantize": "gptq", "lora": ADAPTER, "structuredOutput": False}
    accelerator = {"type": "nvidia-l4", "count": 4}
    assert arguments("tgi", options, accelerator=accelerator, lifecycle={"drainSeconds": 90, "allowOutage": True}) == [
        f"--model-id={REPOSITORY}",
        f"--revision={SHA}",
        "--hostname=0.0.0.0",
        "--port=8080",
        "--max-total-tokens=8192",
        "--max-input-tokens=4096",
        "--max-concurrent-requests=128",
        "--quantize=gptq",
        "--disable-grammar-support",
        "--num-shard=4",
        f"--lora-adapters=legal=/cache/adapters/Qwen--Qwen2.5-1.5B-Instruct/{SHA}",
        "--graceful-termination-timeout=90",
        "--usage-stats=off",
    ]


def test_a_custom_server_is_told_by_its_environment():
    found = process(
        "custom", {"servedName": "llama", "environment": {"LOG_LEVEL": "info"}}, lifecycle={"drainSeconds": 9}
    )
    assert not found.command
    assert not found.arguments
    assert found.environment == {
        "LOG_LEVEL": "info",
        "USER": "engine",
        "MODEL_ID": REPOSITORY,
        "MODEL_REVISION": SHA,
        "SERVED_NAME": "llama",
        "PORT": "8080",
        "METRICS_PORT": "8001",
        "DRAIN_SECONDS": "9",
    }
    assert set(custom.VARIABLES) == set(found.environment) - {"LOG_LEVEL"}


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tgi"])
def test_an_adapter_lies_where_only_its_commit_does(engine):
    """None of them can be told a revision: they would take the newest."""
    found = process(engine, {"lora": ADAPTER})
    (fetch,) = found.fetches
    assert (fetch.repository, fetch.revision) == (REPOSITORY, SHA)
    assert SHA in fetch.path
    assert any(f"legal={fetch.path}" in word for word in found.arguments)


def test_a_draft_model_is_read_at_its_commit():
    chosen = {"method": "draft_model", "model": REPOSITORY, "tokens": 5}
    (config,) = [
        word for word in arguments("vllm", {"speculative": chosen}) if word.startswith("--speculative-config=")
    ]
    assert json.loads(config.partition("=")[2]) == {
        "method": "draft_model",
        "model": REPOSITORY,
        "revision": SHA,
        "num_speculative_tokens": 5,
    }
    words = arguments("sglang", {"speculative": {"algorithm": "STANDALONE", "model": REPOSITORY}})
    assert f"--speculative-draft-model-revision={SHA}" in words


@pytest.mark.parametrize(
    ("engine", "given", "flag"),
    [
        ("vllm", True, "--enable-prefix-caching"),
        ("vllm", False, "--no-enable-prefix-caching"),
        ("sglang", False, "--disable-radix-cache"),
    ],
)
def test_prefix_caching_is_said_in_the_engines_words(engine, given, flag):
    assert flag in arguments(engine, {"prefixCaching": given})
    assert flag not in arguments(engine)


def test_prefix_caching_of_tgi_is_a_variable():
    assert "PREFIX_CACHING" not in process("tgi").environment
    assert process("tgi", {"prefixCaching": False}).environment["PREFIX_CACHING"] == "false"


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tgi"])
def test_code_from_a_repository_runs_only_where_somebody_says_so(engine):
    assert "--trust-remote-code" not in arguments(engine)
    assert "--trust-remote-code" not in arguments(engine, {"trustRemoteCode": False})
    assert "--trust-remote-code" in arguments(engine, {"trustRemoteCode": True})


def test_a_tool_parser_lets_the_model_choose_tools():
    words = arguments("vllm", {"toolCallParser": "hermes"})
    assert {"--tool-call-parser=hermes", "--enable-auto-tool-choice"} <= set(words)


def test_extra_flags_come_last_as_they_are_written():
    assert arguments("vllm", {"extraArgs": ["--seed", "1", "--enforce-eager"]})[-3:] == [
        "--seed",
        "1",
        "--enforce-eager",
    ]


def test_a_later_versions_opposite_of_a_switch_is_known():
    """From 0.33 on, every --enable-x has a --disable-x."""
    engine = {"name": "vllm", "version": "0.33.0", "maxModelLen": 8192, "extraArgs": ["--disable-prefix-caching"]}
    with pytest.raises(DescriptionError, match=r"Use engine\.prefixCaching"):
        in_lab(engine)


def test_a_stack_of_the_registry_says_where_its_images_are_from():
    lab = {w.name: w for w in resolve(LAB_STACK, "lab").workloads}
    assert lab["m-sglang"].image.value == "docker.io/lmsysorg/sglang:v0.5.23"
    assert "only the lab" in lab["m-sglang"].image.why
    given_one = {w.name: w for w in resolve(STACK).workloads}["m-sglang"]
    assert (given_one.image.value, given_one.image.why) == (LEAST["sglang"]["image"], "given: engine.image")
    # What CUDA an image of somebody's own was built with, nobody here knows.
    assert given_one.engine.cuda_major is None


def test_tgi_is_warned_of_with_the_way_out():
    (warning,) = [text for text in resolve(STACK).warnings if "tgi" in text]
    assert warning.startswith("Pulumi.prod.yaml: models.m-tgi.engine.name: tgi only gets bug fixes")
    assert "docs/engines/tgi.md" in warning
