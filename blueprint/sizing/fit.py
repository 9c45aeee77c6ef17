"""Whether a model fits: what is left for requests, at which length, for how many of them at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from blueprint.sizing.constants import GIB
from blueprint.sizing.engines import Run, budget, overheads, request_of
from blueprint.sizing.facts import ModelFacts
from blueprint.sizing.memory import Band, Request, weights

Verdict = Literal["fits", "tight", "does not fit", "unknown"]
"""fits: also when everything takes the most that was measured. tight: only when it takes the least. Or unknown."""

TYPICAL = 2048
"""Length of a typical request, prompt and answer, where nobody says another; no measurement, a figure to compare by."""

_LONGEST = 10**7


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What became of a model on some GPUs.

    run: with the engine's own choices filled in.
    reason: of a verdict that is no matter of memory: unknown, or a division that cannot be.
    terms: bytes of each GPU by what takes them.
    budget, kv: bytes that the engine divides up, and what of them is left for the KV cache, of each GPU.
    need: bytes that a request of the longest length takes there.
    fixed, per_token: need of any request is about fixed + per_token x length, at the longest length.
    """

    verdict: Verdict
    run: Run
    reason: str | None = None
    terms: Mapping[str, Band] | None = None
    budget: Band | None = None
    kv: Band | None = None
    need: float | None = None
    fixed: float | None = None
    per_token: float | None = None
    request: Request | None = None

    @property
    def tokens(self) -> Band | None:
        """Tokens that the KV cache holds in requests of the longest length, as engines print it."""
        if self.kv is None or not self.need:
            return None
        rate = self.run.max_model_len / self.need
        return Band(max(0.0, self.kv.low) * rate, max(0.0, self.kv.likely) * rate, max(0.0, self.kv.high) * rate)

    def concurrency(self, length: int | None = None) -> Band | None:
        """Requests of a length, by default the longest, that are held at once: never more than the engine takes."""
        if self.kv is None or self.request is None:
            return None
        need, most = self.request.bytes(length or self.run.max_model_len), self.run.sequences or _LONGEST
        found = [min(most, max(0.0, side) // need) if need else most for side in _sides(self.kv)]
        return Band(*found)

    def longest(self, context: int | None) -> Band | None:
        """The longest request that the KV cache holds, at most as long as the model was made for."""
        if self.kv is None or self.request is None:
            return None
        most = context or _LONGEST
        return Band(*(float(self.request.longest(side, most=most)) for side in _sides(self.kv)))

    @property
    def dominant(self) -> str | None:
        """What takes the most."""
        if self.terms is None:
            return None
        return max(self.terms, key=lambda name: self.terms[name].likely if self.terms else 0.0)

    @property
    def missing(self) -> float:
        """Bytes of each GPU that are missing for one request, if everything takes what is likely; 0 where none are."""
        if self.kv is None or self.need is None:
            return 0.0
        return max(0.0, self.need - self.kv.likely)


def fit(facts: ModelFacts, run: Run) -> Fit:
    """Whether the model runs there, and how much room requests get."""
    run = run.resolved()
    refusal = _refusal(facts, run)
    if refusal is not None:
        return Fit(verdict="does not fit", run=run, reason=refusal)
    held, beside, request = (
        weights(facts, tensor=run.tensor, pipeline=run.pipeline),
        overheads(facts, run),
        request_of(facts, run),
    )
    if beside is None:
        return Fit(verdict="unknown", run=run, reason=f"no measurement of {run.engine} {run.version} is known")
    if held is None:
        method = facts.quantization.method if facts.quantization else "none"
        why = f"the config does not say how many bits {method} takes; sizes of the weight files would"
        return Fit(verdict="unknown", run=run, reason=why)
    if request is None:
        return Fit(verdict="unknown", run=run, reason=f"kv_cache_dtype {run.kv_dtype} is not known to sizing")
    terms = {"weights": held, **beside}
    total = budget(run)
    taken = [sum(sides) for sides in zip(*(_sides(term) for term in terms.values()), strict=True)]
    # Low is where everything else takes the most.
    kv = Band(total.low - taken[2], total.likely - taken[1], total.high - taken[0])
    need = request.bytes(run.max_model_len)
    rate = (need - request.bytes(max(1, run.max_model_len // 2))) / (run.max_model_len - run.max_model_len // 2)
    verdict: Verdict = "fits" if need <= kv.low else "tight" if need <= kv.high else "does not fit"
    return Fit(
        verdict=verdict,
        run=run,
        terms=terms,
        budget=total,
        kv=kv,
        need=need,
        fixed=need - rate * run.max_model_len,
        per_token=rate,
        request=request,
    )


def _refusal(facts: ModelFacts, run: Run) -> str | None:
    if facts.heads % run.tensor:
        return f"{facts.heads} attention heads cannot be divided over {run.tensor} GPUs"
    if run.pipeline > facts.layers:
        return f"{facts.layers} layers are fewer than {run.pipeline} stages"
    return None


def _sides(band: Band) -> tuple[float, float, float]:
    return band.low, band.likely, band.high


def line(fitted: Fit, *, context: int | None) -> str:
    """One line for people: the verdict, and what is left or missing."""
    if fitted.kv is None or fitted.need is None:
        return f"{fitted.verdict}: {fitted.reason}"
    where = f"{fitted.run.gpus} x {fitted.run.memory:g} GiB"
    kv, need = fitted.kv, fitted.need / GIB
    span = f"KV cache {spread(kv, GIB, 1)} GiB of each GPU"
    wanted = f"one request of {fitted.run.max_model_len:,} tokens takes {need:.2f} GiB"
    if fitted.verdict == "does not fit":
        return (
            f"does not fit on {where}: {fitted.missing / GIB:.1f} GiB of each GPU are missing, most of it is "
            f"{fitted.dominant}; {span}, {wanted}"
        )
    full, longest = fitted.concurrency(), fitted.longest(context)
    if full is None or longest is None:
        return fitted.verdict
    reach = f"longest {spread(longest)} tokens"
    return f"{fitted.verdict} on {where}: {span}; {wanted}, {spread(full)} at once; {reach}"


def spread(band: Band, unit: float = 1.0, places: int = 0) -> str:
    """A band for people: what is likely, and in brackets the least and the most where they differ."""
    low, likely, high = (f"{side / unit:,.{places}f}" for side in _sides(band))
    return likely if low == high else f"{likely} ({low} to {high})"
