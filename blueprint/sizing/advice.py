"""The smallest changes with which a model would clearly fit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from blueprint.sizing.config import quantized
from blueprint.sizing.engines import Run
from blueprint.sizing.facts import ModelFacts
from blueprint.sizing.fit import Fit, fit

_FEWER = (256, 128, 64, 32, 16)
_ROUND = 1024
_HIGH = 0.95
_FP8_BITS = 8.0

_FP8_GPUS = ("nvidia-l4", "nvidia-l40s", "nvidia-h100", "nvidia-h200", "nvidia-b200")
"""GPUs that calculate in FP8: Ada, Hopper and Blackwell. On older ones vLLM offers it in part, or not at all."""


@dataclass(frozen=True)
class Change:
    """A change of one setting, in the words of the stack file, and what would become of the model then."""

    text: str
    fit: Fit


def changes(facts: ModelFacts, fitted: Fit, *, counts: Sequence[int] = (2, 4, 8)) -> list[Change]:
    """Changes of one setting each with which it fits, those that need no further GPU first.

    counts: GPUs that one node of this accelerator may have.
    """
    if fitted.verdict not in ("tight", "does not fit"):
        return []
    tried = (Change(text, fit(changed, run)) for text, changed, run in _candidates(facts, fitted, counts))
    found: list[Change] = []
    for change in tried:
        # The first of a kind is the smallest.
        kind = change.text.partition(":")[0]
        if change.fit.verdict == "fits" and all(kind != one.text.partition(":")[0] for one in found):
            found.append(change)
    return found


def _candidates(facts: ModelFacts, fitted: Fit, counts: Sequence[int]) -> Iterator[tuple[str, ModelFacts, Run]]:
    run = fitted.run
    sglang = run.engine == "sglang"
    for sequences in _FEWER:
        if not sglang and sequences < (run.sequences or 0):
            yield f"maxNumSeqs: {sequences}", facts, replace(run, sequences=sequences)
    if not sglang and (run.utilisation or 1.0) < _HIGH:
        yield f"gpuMemoryUtilization: {_HIGH}", facts, replace(run, utilisation=_HIGH)
    longest = fitted.longest(facts.context)
    shorter = int(longest.low) // _ROUND * _ROUND if longest else 0
    if 0 < shorter < run.max_model_len:
        yield f"maxModelLen: {shorter}", facts, replace(run, max_model_len=shorter)
    fp8 = run.accelerator is None or run.accelerator in _FP8_GPUS
    if fp8 and (run.kv_dtype or "auto") == "auto" and not facts.kv_cache_bits:
        yield "kvCacheDtype: fp8", facts, replace(run, kv_dtype="fp8")
    if fp8 and facts.quantization is None:
        yield "quantization: fp8", quantized(facts, "fp8", _FP8_BITS), run
    for count in counts:
        if count > run.tensor and run.pipeline == 1:
            yield f"accelerator.count: {count}", facts, replace(run, tensor=count)
