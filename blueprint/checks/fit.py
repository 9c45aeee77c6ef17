"""Fit: whether each model has room on the GPUs that its stack gives it, where the lock has its facts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from blueprint.accelerators import ACCELERATORS
from blueprint.description import Description
from blueprint.instances import instance_count
from blueprint.issues import Issue, KeyPath
from blueprint.parallel import resolve_parallel
from blueprint.settings import EndpointModel, KubernetesModel
from blueprint.settings.endpoint_engines import EndpointVllm
from blueprint.settings.engine_sglang import ClusterSglang
from blueprint.settings.engine_vllm import ClusterVllm
from blueprint.sizing.advice import changes
from blueprint.sizing.config import quantized
from blueprint.sizing.engines import Run
from blueprint.sizing.facts import ModelFacts
from blueprint.sizing.fit import Fit, fit, line

_FP8_BITS = 8.0

_COUNTS = (2, 4, 8)


@dataclass(frozen=True)
class Judged:
    """A model on the GPUs of its kinds where it has the least room."""

    name: str
    facts: ModelFacts
    accelerator: str
    fitted: Fit
    whole: bool


def advise(description: Description) -> Iterator[Issue]:
    """Models that have no room, or whose room depends on what was measured least surely."""
    for one in judged(description):
        if one.fitted.verdict not in ("tight", "does not fit"):
            continue
        counts = tuple(count for count in _COUNTS if count <= ACCELERATORS[one.accelerator].max_per_node)
        ways = [change.text for change in changes(one.facts, one.fitted, counts=counts if one.whole else ())]
        where: KeyPath = ("models", one.name)
        yield Issue(
            path=where,
            problem=said(one),
            remedy=f"Clearly fits with {' or '.join(ways)}. `llm fit` has the table of GPUs."
            if ways
            else "No single setting makes it fit: take more or larger GPUs. `llm fit` has the table.",
        )


def notes(fits: Iterable[Judged]) -> Iterator[str]:
    """Of each model that clearly fits, how much room there is, in one line."""
    for one in fits:
        if one.fitted.verdict == "fits":
            yield f"models.{one.name}: {said(one)}."


def said(judged: Judged) -> str:
    """How a model fits, in one line."""
    return f"{judged.accelerator}, {line(judged.fitted, context=judged.facts.context)}"


def judged(description: Description) -> Iterator[Judged]:
    """The models whose facts and engine are known, on their GPUs."""
    for name, model in description.kubernetes_models():
        facts = description.models_lock.pin(model.model, model.revision).facts
        run = _run(model)
        # Weights from elsewhere need not be what the lock knows.
        if facts is None or run is None or model.source is not None:
            continue
        facts = _as_loaded(facts, model)
        if facts is not None:
            yield from _worst(name, facts, run, model.gpu_types, whole=model.parallel.nodes == 1)
    for name, endpoint in description.endpoint_models():
        facts = description.models_lock.pin(endpoint.model, endpoint.revision).facts
        run = _endpoint_run(endpoint)
        if facts is not None and run is not None:
            yield from _worst(name, facts, run, (endpoint.instance.type,), whole=False)


def _worst(name: str, facts: ModelFacts, run: Run, types: tuple[str, ...], *, whole: bool) -> Iterator[Judged]:
    known = [ACCELERATORS[kind] for kind in types if kind in ACCELERATORS]
    if not known:
        return
    smallest = min(known, key=lambda accelerator: accelerator.memory_gib)
    here = replace(run, memory=smallest.memory_gib, accelerator=smallest.name)
    yield Judged(name, facts, smallest.name, fit(facts, here), whole)


def _as_loaded(facts: ModelFacts, model: KubernetesModel) -> ModelFacts | None:
    """The facts of what the engine loads; None where a setting quantises in a way that sizing does not know."""
    engine = model.engine
    word = engine.quantization if isinstance(engine, ClusterVllm | ClusterSglang) else None
    if word is None or facts.quantization is not None:
        return facts
    return quantized(facts, word, _FP8_BITS) if word == "fp8" else None


def _run(model: KubernetesModel) -> Run | None:
    """The engine on no GPU yet; None for one that sizing does not know."""
    engine, parallel = model.engine, resolve_parallel(model).value
    if not isinstance(engine, ClusterVllm | ClusterSglang):
        return None
    run = Run(
        engine=engine.name,
        version=engine.version,
        memory=0.0,
        tensor=parallel.tensor,
        pipeline=parallel.pipeline,
        max_model_len=engine.max_model_len,
        kv_dtype=engine.kv_cache_dtype,
    )
    if isinstance(engine, ClusterSglang):
        return replace(
            run,
            sequences=engine.max_running_requests,
            batched=engine.chunked_prefill_size,
            utilisation=engine.mem_fraction_static,
        )
    return replace(
        run,
        sequences=engine.max_num_seqs,
        batched=engine.max_num_batched_tokens,
        utilisation=engine.gpu_memory_utilization,
        eager="--enforce-eager" in engine.extra_args,
        draft_tokens=engine.speculative.tokens if engine.speculative else 0,
    )


def _endpoint_run(endpoint: EndpointModel) -> Run | None:
    engine = endpoint.engine
    if not isinstance(engine, EndpointVllm):
        return None
    copies = engine.data_parallel_size or 1
    return Run(
        engine=engine.name,
        version=engine.version,
        memory=0.0,
        tensor=engine.tensor_parallel_size or max(1, instance_count(endpoint.instance.size) // copies),
        max_model_len=engine.max_model_len,
        sequences=engine.max_num_seqs,
        batched=engine.max_num_batched_tokens,
        utilisation=engine.gpu_memory_utilization,
        kv_dtype=engine.kv_cache_dtype,
    )
