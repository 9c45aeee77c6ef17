"""What start-up logs of engines say of memory. Their lines are as vLLM 0.8 to 0.31 and SGLang write them."""

import pytest

from blueprint.sizing.engines import Run
from blueprint.sizing.logs import differences, read_log, with_log
from tests.blueprint.sizing.models import facts_of

VLLM_31 = """\
(EngineCore pid=1) INFO [core.py:114] Initializing a V1 LLM engine (v0.31.0) with config: model='m', \
max_seq_len=131072, tensor_parallel_size=1, \
pipeline_parallel_size=1, enforce_eager=False, kv_cache_dtype=auto
(EngineCore pid=1) INFO [model_runner.py:407] Model loading took 15.0 GiB memory and 5.420225 seconds
(EngineCore pid=1) INFO [gpu_worker.py:692] Available KV cache memory: 56.21 GiB
(EngineCore pid=1) INFO [kv_cache_utils.py:2464] GPU KV cache size: 460,496 tokens, Maximum concurrency for 131,072 \
tokens per request: 3.51x
(EngineCore pid=1) INFO [gpu_worker.py:955] Free memory on device (78.84/79.25 GiB) on startup. Desired GPU memory \
utilization is (0.92, 72.91 GiB). Actual usage is 15.26 GiB for consumed memory (weights + non-torch), 1.44 GiB \
for peak activation, and 0.23 GiB for CUDAGraph memory.
"""

VLLM_10 = """\
INFO [scheduler.py:222] Chunked prefill is enabled with max_num_batched_tokens=16384.
(EngineCore_DP0 pid=3021) INFO [gpu_worker.py:298] Available KV cache memory: 55.15 GiB
(EngineCore_DP0 pid=3021) INFO [gpu_worker.py:391] Free memory on device (78.66/79.19 GiB) on startup. Desired GPU \
memory utilization is (0.9, 71.27 GiB). Actual usage is 14.08 GiB for weight, 1.97 GiB for peak activation, \
0.07 GiB for non-torch memory, and 0.67 GiB for CUDAGraph memory.
"""

VLLM_OLD = """\
INFO [worker.py:267] the current vLLM instance can use total_gpu_memory (44.42GiB) x \
gpu_memory_utilization (0.90) = 39.98GiB
INFO [worker.py:267] model weights take 30.71GiB; non_torch_memory takes 0.30GiB; PyTorch activation peak memory takes \
1.26GiB; the rest of the memory reserved for KV Cache is 7.71GiB.
"""

SGLANG = """\
[2026-07-15 13:14:53] Load weight end. elapsed=19.09 s, type=Qwen3MoeForCausalLM, avail mem=230.20 GB, \
mem usage=56.98 GB.
[2026-07-15 13:14:54] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 1669816, K size: 76.44 GB, V size: 76.44 GB
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            VLLM_31,
            {
                "engine": "vllm",
                "version": "0.31.0",
                "memory": 79.25,
                "utilisation": 0.92,
                "length": 131_072,
                "weights": 15.0,
                "activation": 1.44,
                "graphs": 0.23,
                "kv": 56.21,
                "tokens": 460_496,
                "concurrency": 3.51,
            },
        ),
        (VLLM_10, {"weights": 14.08, "non_torch": 0.07, "batched": 16_384, "kv": 55.15, "memory": 79.19}),
        (VLLM_OLD, {"weights": 30.71, "non_torch": 0.30, "activation": 1.26, "kv": 7.71, "memory": 44.42}),
        (SGLANG, {"engine": "sglang", "weights": 56.98, "tokens": 1_669_816, "kv": 152.88}),
    ],
)
def test_a_log_is_read(text, expected):
    log = read_log(text)
    assert {name: pytest.approx(value) if isinstance(value, float) else value for name, value in expected.items()} == {
        name: getattr(log, name) for name in expected
    }


def test_a_log_of_something_else_says_nothing():
    assert not read_log("hello\nAvailable KV cache memory: ... GiB\n").measured


def test_negative_memory_is_read_too():
    assert read_log("Available KV cache memory: -2.14 GiB").kv == -2.14


def test_the_run_is_as_the_log_says_and_else_as_it_was():
    run = with_log(Run(engine="vllm", version="0.33.0", memory=1.0, max_model_len=16, sequences=256), read_log(VLLM_31))
    assert (run.version, run.memory, run.utilisation, run.max_model_len) == ("0.31.0", 79.25, 0.92, 131_072)
    assert run.sequences == 256


def test_differences_name_what_is_off_and_what_to_correct():
    run = with_log(
        Run(engine="vllm", version="0.31.0", memory=0.0, max_model_len=16, sequences=256, batched=2048),
        read_log(VLLM_31),
    )
    found = {one.name: one for one in differences(facts_of("Llama-3.1-8B"), run, read_log(VLLM_31))}
    assert list(found) == ["weights", "activation", "graphs", "KV cache", "KiB per token"]
    assert all(one.inside for one in found.values())
    wrong = read_log(VLLM_31.replace("1.44 GiB for peak", "5.00 GiB for peak"))
    activation = next(one for one in differences(facts_of("Llama-3.1-8B"), run, wrong) if one.name == "activation")
    assert not activation.inside
    assert "vllm.sampler" in activation.constants
