"""Every number of sizing that was measured and not derived: low, likely and high, where it was read and when.

docs/foresight.md says how to correct one; bench/fit.py shows how wrong they are on published measurements.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Constant:
    """A measured number with its spread. source: where it was read, and what it was read from. date: the day."""

    low: float
    likely: float
    high: float
    unit: str
    source: str
    date: str


_LLM_D = "llm-d-incubation/llm-d-planner docs/empirical-vllm-memory-results.md at e50305af (vLLM on an H100)"

CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {
        "loaded": Constant(
            low=0.998,
            likely=1.002,
            high=1.01,
            unit="of the checkpoint's bytes, in 16 bits",
            source=f"Llama-3.1-8B 14.99 of 14.96 GiB, Qwen3-32B 61.03 of 61.02: {_LLM_D}",
            date="2026-11-30",
        ),
        "loaded.quantized": Constant(
            low=0.99,
            likely=1.005,
            high=1.06,
            unit="of the checkpoint's bytes, quantised",
            source=f"Llama-3.3-70B-FP8 67.72 of 67.66 GiB: {_LLM_D}; DeepSeek-R1 83.88 of 78.8: a start-up log of 0.7",
            date="2026-11-30",
        ),
        "loaded.mxfp4": Constant(
            low=1.0,
            likely=1.06,
            high=1.09,
            unit="of the checkpoint's bytes, MXFP4, which kernels repack and pad",
            source=f"gpt-oss-120b 64.38 of 60.77 GiB: {_LLM_D}; 65.97: vllm-project/vllm issue 23278",
            date="2026-11-30",
        ),
        "vllm.non_torch.one": Constant(
            low=0.03,
            likely=0.13,
            high=0.30,
            unit="GiB outside torch, one GPU",
            source=f"0.13 to 0.14: {_LLM_D}; 0.07 and 0.26 in start-up logs of 0.10.2 and 0.31",
            date="2026-11-30",
        ),
        "vllm.non_torch.many": Constant(
            low=0.25,
            likely=0.55,
            high=1.6,
            unit="GiB outside torch, each of several GPUs",
            source=f"0.54 and 0.55: {_LLM_D}; 1.38 of two H200 in a start-up log of 0.11",
            date="2026-11-30",
        ),
        "vllm.sampler": Constant(
            low=3.5,
            likely=9.7,
            high=12.0,
            unit="times sequences x vocabulary x 4 bytes, while the sampler is profiled",
            source=f"9.6 to 9.7: {_LLM_D}; 3.7 with FlashInfer's sampler, 11.8 in a start-up log of 0.31",
            date="2026-11-30",
        ),
        "vllm.sampler.unprofiled": Constant(
            low=1.5,
            likely=9.7,
            high=12.0,
            unit="as vllm.sampler, since 0.22, whose second model runner may leave the sampler out of the profile",
            source="1.6: vllm-project/vllm issue 48601",
            date="2026-11-22",
        ),
        "vllm.forward": Constant(
            low=0.5,
            likely=1.0,
            high=1.5,
            unit="times the forward pass's widest tensors",
            source="2.12 GiB of 1.97 for Mistral-Small-24B, 1.97 of 1.81 for a 7B at 16,384 tokens: start-up logs",
            date="2026-11-30",
        ),
        "vllm.activation": Constant(
            low=0.0,
            likely=0.05,
            high=0.25,
            unit="GiB of activation beside both",
            source="1.44 GiB where the sampler takes 1.19: a start-up log of 0.31 on an A100",
            date="2026-11-30",
        ),
        "vllm.graphs": Constant(
            low=0.0,
            likely=0.1,
            high=1.0,
            unit="GiB of CUDA graphs, which the budget counts since 0.21",
            source="vllm-project/vllm issue 45178 for what it does; 0.23 to 0.67 in start-up logs",
            date="2026-11-30",
        ),
        "vllm.graphs.layers": Constant(
            low=0.0,
            likely=0.3,
            high=2.4,
            unit="as vllm.graphs, of models with experts or state layers",
            source="2.37 GiB of Qwen3-Next in a start-up log of 0.11; vllm-project/vllm issue 48601",
            date="2026-11-30",
        ),
        "sglang.context": Constant(
            low=0.0,
            likely=1.0,
            high=2.5,
            unit="GiB of each GPU in use before the weights load",
            source="1.77 to 2.01 of eight GPUs: sgl-project/sglang pull request 11716",
            date="2026-11-30",
        ),
        "sglang.fraction": Constant(
            low=-0.03,
            likely=0.0,
            high=0.03,
            unit="of memory, around the fraction that SGLang chooses by itself",
            source="assumed: the rule of 0.5.16 was read (aiconfigurator sdk/backends/sglang_backend.py), 0.5.23's not",
            date="2026-11-22",
        ),
    }
)
"""By name. A number of the spread is never taken without its name, so that each can be corrected in one place."""
