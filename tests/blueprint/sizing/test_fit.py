"""Whether a model fits: the arithmetic of one GPU and of many, and what must hold of any."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprint.sizing.advice import changes
from blueprint.sizing.config import quantized, read_config
from blueprint.sizing.constants import CONSTANTS, GIB
from blueprint.sizing.engines import Run, request_of
from blueprint.sizing.fit import fit, line
from blueprint.sizing.memory import Request, stored, weights
from tests.blueprint.sizing.models import AT_ANY_SPEED, MODELS, facts_of

L4 = Run(
    engine="vllm", version="0.31.0", memory=21.96, max_model_len=8192, sequences=256, batched=2048, utilisation=0.9
)
RANK = {"does not fit": 0, "tight": 1, "fits": 2}
NAMES = st.sampled_from(sorted(MODELS))


def test_every_constant_says_where_it_was_read_and_when_and_spreads_around_what_is_likely():
    for constant in CONSTANTS.values():
        assert constant.source
        assert constant.date.startswith("2026-")
        assert constant.low <= constant.likely <= constant.high


def test_weights_of_a_checkpoint_are_what_its_files_hold():
    facts = read_config(MODELS["Llama-3.1-8B"]["config"], checkpoint_bytes=16_060_556_376)
    assert stored(facts) == pytest.approx(16_060_556_376)
    assert stored(facts, tensor=2) == pytest.approx(16_060_556_376 / 2, rel=0.001)


def test_draft_layers_are_in_the_files_and_not_in_memory():
    facts = read_config(MODELS["DeepSeek-V3"]["config"], checkpoint_bytes=688_586_727_753)
    assert stored(facts) == pytest.approx(688_586_727_753 * 0.98, rel=0.01)


def test_weights_are_unknown_where_nothing_says_how_many_bits_they_take():
    config = {**MODELS["Llama-3.1-8B"]["config"], "quantization_config": {"quant_method": "magic"}}
    assert weights(read_config(config)) is None
    fitted = fit(read_config(config), L4)
    assert (fitted.verdict, fitted.kv) == ("unknown", None)
    assert "how many bits magic takes" in fitted.reason
    assert fit(read_config(config, checkpoint_bytes=8 * GIB), L4).verdict == "fits"


@pytest.mark.parametrize(
    ("name", "length", "expected"),
    [
        # 2 x 32 layers x 8 heads x 128 x 2 bytes for each token.
        ("Llama-3.1-8B", 8192, 8192 * 131_072),
        # 61 layers of one vector of 576.
        ("DeepSeek-V3", 32_768, 32_768 * 61 * 576 * 2),
        # Half of the layers hold the window, one step and a block.
        ("gpt-oss-20b", 131_072, 12 * 2048 * (131_072 + (127 + 2048 + 1) + 16)),
    ],
)
def test_a_request_keeps_what_each_kind_of_layer_keeps(name, length, expected):
    assert Request(facts=facts_of(name)).bytes(length) == expected


def test_states_do_not_grow_with_length():
    facts = facts_of("Nemotron-Nano-9B-v2")
    only = facts.model_copy(update={"attention": [group for group in facts.attention if group.kind == "state"]})
    assert Request(facts=only).bytes(100) == Request(facts=only).bytes(100_000) > 0


def test_a_few_kv_heads_are_repeated_and_not_divided_further():
    facts = facts_of("Qwen3-30B-A3B")
    four, eight = (Request(facts=facts, tensor=tensor).bytes(1024) for tensor in (4, 8))
    assert four == eight


def test_verdicts_of_an_8b_on_an_l4():
    facts = facts_of("Llama-3.1-8B")
    verdicts = [fit(facts, replace(L4, max_model_len=length)).verdict for length in (8192, 24_576, 131_072)]
    assert verdicts == ["fits", "tight", "does not fit"]


@pytest.mark.parametrize(
    ("run", "verdict", "said"),
    [
        (replace(L4, tensor=3), "does not fit", "32 attention heads cannot be divided over 3 GPUs"),
        (replace(L4, pipeline=33), "does not fit", "32 layers are fewer than 33 stages"),
        (replace(L4, engine="tgi", version="3.3.5"), "unknown", "no measurement of tgi 3.3.5 is known"),
        (replace(L4, version="0.6.4"), "unknown", "no measurement of vllm 0.6.4 is known"),
        (replace(L4, kv_dtype="octonion"), "unknown", "kv_cache_dtype octonion is not known"),
    ],
)
def test_what_is_not_known_is_said_and_not_guessed(run, verdict, said):
    fitted = fit(facts_of("Llama-3.1-8B"), run)
    assert (fitted.verdict, fitted.terms) == (verdict, None)
    assert said in line(fitted, context=None)


def test_the_line_for_people_says_what_is_left_or_missing():
    facts = facts_of("Llama-3.1-8B")
    assert line(fit(facts, L4), context=facts.context).startswith(
        "fits on 1 x 21.96 GiB: KV cache 3.3 (1.6 to 4.6) GiB of "
    )
    short = line(fit(facts, replace(L4, max_model_len=131_072)), context=facts.context)
    assert "12.7 GiB of each GPU are missing, most of it is weights" in short


def test_each_change_that_is_offered_makes_it_fit_and_free_ones_come_first():
    facts = facts_of("Llama-3.1-8B")
    fitted = fit(facts, replace(L4, max_model_len=32_768))
    found = changes(facts, fitted)
    assert [change.text for change in found] == [
        "maxModelLen: 13312",
        "quantization: fp8",
        "accelerator.count: 2",
    ]
    assert {change.fit.verdict for change in found} == {"fits"}
    assert changes(facts, fit(facts, L4)) == []


def test_a_model_that_is_quantised_is_not_quantised_again():
    facts = facts_of("gpt-oss-20b")
    assert quantized(facts, "fp8", 8.0) is facts


def test_speculative_tokens_cost_copies_of_the_logits():
    facts, drafting = facts_of("Llama-3.1-8B"), replace(L4, draft_tokens=5)
    assert fit(facts, drafting).terms["activation"].likely > 5 * fit(facts, L4).terms["activation"].likely


def _runs(draw):
    return Run(
        engine=draw(st.sampled_from(["vllm", "sglang"])),
        version="0.31.0",
        memory=draw(st.floats(8, 300)),
        tensor=draw(st.sampled_from([1, 2, 4, 8])),
        pipeline=draw(st.integers(1, 4)),
        max_model_len=draw(st.integers(16, 262_144)),
        sequences=draw(st.integers(1, 2048)),
        batched=draw(st.integers(16, 32_768)),
        utilisation=draw(st.floats(0.1, 0.98)),
        kv_dtype=draw(st.sampled_from([None, "fp8", "bfloat16"])),
    )


RUNS = st.composite(_runs)()


@AT_ANY_SPEED
@given(NAMES, RUNS, st.floats(0, 200))
def test_more_memory_never_fits_less(name, run, more):
    facts = facts_of(name)
    before, after = fit(facts, run), fit(facts, replace(run, memory=run.memory + more))
    assert RANK.get(after.verdict, 3) >= RANK.get(before.verdict, 3)
    if before.kv is not None:
        assert after.kv.low >= before.kv.low


@AT_ANY_SPEED
@given(NAMES, RUNS, st.integers(0, 200_000))
def test_a_longer_context_never_leaves_more_sequences(name, run, more):
    facts = facts_of(name)
    before, after = fit(facts, run), fit(facts, replace(run, max_model_len=run.max_model_len + more))
    if before.kv is None:
        assert after.kv is None
        return
    assert after.need >= before.need
    assert after.concurrency().likely <= before.concurrency().likely
    assert RANK[after.verdict] <= RANK[before.verdict]


@AT_ANY_SPEED
@given(NAMES, st.sampled_from([1, 2, 4, 8, 16]), st.integers(1, 16), st.integers(1, 300_000))
def test_sharding_never_costs_less_memory_in_sum(name, tensor, pipeline, length):
    facts = facts_of(name)
    gpus = tensor * pipeline
    assert stored(facts, tensor=tensor, pipeline=pipeline) * gpus >= stored(facts) * (1 - 1e-9)
    shared = Request(facts=facts, tensor=tensor, pipeline=pipeline).bytes(length)
    assert shared * gpus >= Request(facts=facts).bytes(length) * (1 - 1e-9)


@AT_ANY_SPEED
@given(NAMES, RUNS)
def test_the_longest_request_is_the_last_that_the_memory_holds(name, run):
    facts = facts_of(name)
    fitted = fit(facts, run)
    if fitted.kv is None or fitted.kv.likely <= 0:
        return
    longest, request = int(fitted.longest(10**6).likely), request_of(facts, fitted.run)
    assert longest == 0 or request.bytes(longest) <= fitted.kv.likely
    assert longest == 10**6 or request.bytes(longest + 1) > fitted.kv.likely
