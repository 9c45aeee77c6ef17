"""What an engine does with a GPU's memory before requests get any of it."""

from dataclasses import dataclass, replace

from blueprint.sizing.constants import CONSTANTS, GIB, Constant
from blueprint.sizing.facts import ModelFacts
from blueprint.sizing.memory import KV_BYTES, Band, Request, scaled

OLDEST = (0, 8)
"""vLLM's first version with the engine (V1) that the constants were measured with."""

_GRAPHS_COUNTED = (0, 21)
"""Since then vLLM takes its estimate of CUDA graphs out of the budget: vllm-project/vllm issue 45178."""

_SECOND_RUNNER = (0, 22)

_LARGE_GIB = 70
"""From here on vLLM takes more tokens and sequences at once, except on an A100.

Source: test_defaults_with_usage_context in vLLM's tests/engine/test_arg_utils.py, read 2026-11-22.
"""

_FLOAT = 4
_ACTIVATION = 2

_DRAFT_ROUND = 1


@dataclass(frozen=True, kw_only=True)
class Run:
    """An engine on some GPUs. memory: of one GPU as CUDA reports it, in GiB. What is None is the engine's own choice.

    utilisation: gpu_memory_utilization of vLLM, mem_fraction_static of SGLang.
    draft_tokens: tokens that speculative decoding drafts in one step.
    """

    engine: str
    version: str
    memory: float
    accelerator: str | None = None
    tensor: int = 1
    pipeline: int = 1
    max_model_len: int
    sequences: int | None = None
    batched: int | None = None
    utilisation: float | None = None
    kv_dtype: str | None = None
    eager: bool = False
    draft_tokens: int = 0

    @property
    def gpus(self) -> int:
        """GPUs of one replica."""
        return self.tensor * self.pipeline

    def resolved(self) -> "Run":
        """With the engine's own choices for what was not given."""
        large = self.memory >= _LARGE_GIB and "a100" not in (self.accelerator or "")
        if self.engine == "sglang":
            chunk, _ = _sglang_sizes(self.memory, self.tensor)
            return replace(
                self,
                batched=self.batched or chunk,
                sequences=self.sequences or 256,
                utilisation=self.utilisation or sglang_fraction(self),
            )
        return replace(
            self,
            batched=self.batched or (8192 if large else 2048),
            sequences=self.sequences or (1024 if large else 256),
            # 0.90 before 0.22: docs.vllm.ai, config/cache, read 2026-11-22.
            utilisation=self.utilisation or (0.92 if version_of(self.version) >= _SECOND_RUNNER else 0.90),
        )


def version_of(text: str) -> tuple[int, ...]:
    """A version as numbers: (0, 31) of 0.31.0; (0,) of what has none."""
    numbers: list[int] = []
    for part in text.lstrip("v").split(".")[:2]:
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers) or (0,)


def request_of(facts: ModelFacts, run: Run) -> Request | None:
    """What a request keeps; None for a kv_cache_dtype that is not known."""
    word = run.kv_dtype or "auto"
    if word == "auto":
        size: float | None = facts.kv_cache_bits / 8 if facts.kv_cache_bits else 2.0
    else:
        size = next((bytes_of for name, bytes_of in KV_BYTES.items() if word.startswith(name)), None)
    if size is None:
        return None
    states = any(group.kind == "state" for group in facts.attention)
    return Request(
        facts=facts,
        tensor=run.tensor,
        pipeline=run.pipeline,
        kv_bytes=size,
        batched=run.batched or 2048,
        sliding=0.8 if run.engine == "sglang" else None,
        # Prefix caching aligns states to blocks and keeps two: mamba_cache_mode align, vllm/v1/kv_cache_interface.py.
        states=2 + run.draft_tokens if states else 1,
    )


def overheads(facts: ModelFacts, run: Run) -> dict[str, Band] | None:
    """What is neither weights nor KV cache, by name; None where the engine or its version is not known.

    run: resolved.
    """
    if run.engine == "sglang":
        return {"context": scaled(CONSTANTS["sglang.context"], GIB)}
    if run.engine != "vllm" or version_of(run.version) < OLDEST:
        return None
    non_torch = CONSTANTS["vllm.non_torch.one" if run.gpus == 1 else "vllm.non_torch.many"]
    return {
        "non-torch": scaled(non_torch, GIB),
        "activation": _activation(facts, run),
        "graphs": _graphs(facts, run),
    }


def _activation(facts: ModelFacts, run: Run) -> Band:
    """The peak of a profiled step: the sampler's copies of the logits, or the forward pass's widest tensors."""
    name = "vllm.sampler" if version_of(run.version) < _SECOND_RUNNER else "vllm.sampler.unprofiled"
    logits = (run.sequences or 0) * (run.draft_tokens + _DRAFT_ROUND) * facts.vocabulary * _FLOAT
    sampler = scaled(CONSTANTS[name], logits)
    forward = scaled(CONSTANTS["vllm.forward"], forward_bytes(facts, run))
    beside = scaled(CONSTANTS["vllm.activation"], GIB)
    return beside + Band(
        max(sampler.low, forward.low), max(sampler.likely, forward.likely), max(sampler.high, forward.high)
    )


def forward_bytes(facts: ModelFacts, run: Run) -> float:
    """Bytes of the widest tensors of one layer for all tokens of a step: gate and up, their product, the residuals."""
    width = facts.feed_forward / run.tensor
    visited = (facts.experts_per_token or 1) * facts.hidden
    return _ACTIVATION * (run.batched or 0) * (max(2 * width, visited) + width + 6 * facts.hidden)


def _graphs(facts: ModelFacts, run: Run) -> Band:
    if run.eager or version_of(run.version) < _GRAPHS_COUNTED:
        return Band(0.0, 0.0, 0.0)
    wide = facts.experts is not None or any(group.kind == "state" for group in facts.attention)
    return scaled(CONSTANTS["vllm.graphs.layers" if wide else "vllm.graphs"], GIB)


def budget(run: Run) -> Band:
    """Bytes of a GPU that weights, KV cache and overheads share. run: resolved."""
    share, memory = run.utilisation or 0.0, run.memory * GIB
    if run.engine != "sglang":
        return Band(memory * share, memory * share, memory * share)
    # Whether it was given or chosen by the engine is not told here, and a given one is exact.
    spread = CONSTANTS["sglang.fraction"] if abs(share - sglang_fraction(run)) < 1e-9 else _EXACT  # noqa: PLR2004
    return Band(memory * (share + spread.low), memory * (share + spread.likely), memory * (share + spread.high))


_EXACT = Constant(low=0.0, likely=0.0, high=0.0, unit="", source="", date="")


def sglang_fraction(run: Run) -> float:
    """The mem_fraction_static that SGLang chooses.

    Source: the rule of 0.5.16, as aiconfigurator's sdk/backends/sglang_backend.py repeats it, read 2026-11-22.
    """
    chunk, graphs = _sglang_sizes(run.memory, run.tensor)
    reserved = 512 + 1.5 * chunk + run.gpus / 8 * 1024 + 2 * graphs
    if run.memory > 60:  # noqa: PLR2004  GiB, of the rule
        reserved = max(reserved, 10 * 1024)
    return max(0.0, 1 - reserved / (run.memory * 1024))


def _sglang_sizes(memory: float, tensor: int) -> tuple[int, int]:
    """Tokens of a chunk of a prompt and the largest batch of a CUDA graph, by memory in GiB. Source: as above."""
    many = tensor >= 4  # noqa: PLR2004  GPUs, of the rule
    for below, chunk, graphs in ((20, 2048, 8), (35, 2048, 80 if many else 24), (60, 4096, 160 if many else 32)):
        if memory < below:
            return chunk, graphs
    return (8192, 512 if many else 256) if memory < 160 else (16_384, 512)  # noqa: PLR2004
