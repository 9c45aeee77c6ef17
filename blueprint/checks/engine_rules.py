"""Engines: what options of one engine mean for each other."""

from collections.abc import Iterator

from blueprint.engines import custom
from blueprint.issues import Issue, KeyPath, names_a_secret
from blueprint.settings import KubernetesModel
from blueprint.settings.engine_custom import OWN_SERVER, ClusterCustom
from blueprint.settings.engine_sglang import ClusterSglang
from blueprint.settings.engine_tgi import ClusterTgi
from blueprint.settings.engine_vllm import ClusterVllm

_DRAFTS_ITSELF = ("ngram", "ngram_gpu", "suffix")
_NEEDS_DRAFT = ("draft_model", "eagle", "eagle3")
"""Methods of vLLM without and with a model of their own (vllm/config/speculative.py)."""

_CHAINS = ("EAGLE", "EAGLE3", "NEXTN", "STANDALONE")
"""Algorithms of SGLang whose steps, topK and draftTokens are chosen together (srt/arg_groups/speculative_hook.py)."""


def check(path: KeyPath, name: str, model: KubernetesModel) -> Iterator[Issue]:
    """Mistakes in the options of one model's engine."""
    engine = model.engine
    if isinstance(engine, ClusterVllm):
        yield from _vllm(path, engine)
    if isinstance(engine, ClusterSglang):
        yield from _sglang(path, engine)
    if isinstance(engine, ClusterTgi):
        yield from _tgi(path, engine)
    if isinstance(engine, ClusterCustom):
        yield from _custom(path, engine, model.gpus_per_pod)
    else:
        served = name if isinstance(engine, ClusterTgi) else engine.served_name or name
        for adapter in engine.lora.adapters if engine.lora else {}:
            if adapter in (served, model.model):
                yield Issue(
                    path=(*path, "engine", "lora", "adapters", adapter),
                    problem=f"{adapter} is what clients call the model itself",
                    remedy="Give the adapter another name.",
                    reads=((*path, "engine", "servedName"), (*path, "model")),
                )


def _vllm(path: KeyPath, engine: ClusterVllm) -> Iterator[Issue]:
    chosen = engine.speculative
    if chosen is None:
        return
    at = (*path, "engine", "speculative", "model")
    reads = ((*path, "engine", "speculative", "method"),)
    if chosen.model is not None and chosen.method in _DRAFTS_ITSELF:
        problem = f"{chosen.method} drafts from the text and takes no model"
        yield Issue(path=at, problem=problem, remedy="Remove model.", reads=reads)
    if chosen.model is None and chosen.method in _NEEDS_DRAFT:
        problem = f"this key is missing, and {chosen.method} drafts with a model"
        yield Issue(path=at, problem=problem, remedy="Name its repository.", reads=reads)


def _sglang(path: KeyPath, engine: ClusterSglang) -> Iterator[Issue]:
    chosen = engine.speculative
    if chosen is None:
        return
    at = (*path, "engine", "speculative")
    reads = ((*at, "algorithm"),)
    if chosen.model is not None and chosen.algorithm == "NGRAM":
        problem = "NGRAM drafts from the text and takes no model"
        yield Issue(path=(*at, "model"), problem=problem, remedy="Remove model.", reads=reads)
    if chosen.model is None and chosen.algorithm in ("STANDALONE", "EAGLE3"):
        problem = f"this key is missing, and {chosen.algorithm} drafts with a model"
        yield Issue(path=(*at, "model"), problem=problem, remedy="Name its repository.", reads=reads)
    given = {"steps": chosen.steps, "topK": chosen.top_k, "draftTokens": chosen.draft_tokens}
    missing = [key for key, value in given.items() if value is None]
    if chosen.algorithm in _CHAINS and 0 < len(missing) < len(given):
        yield Issue(
            path=(*at, missing[0]),
            problem=f"this key is missing, and {chosen.algorithm} chooses steps, topK and draftTokens together",
            remedy="Give all three, or none.",
            reads=(*reads, *((*at, key) for key in given)),
        )


def _tgi(path: KeyPath, engine: ClusterTgi) -> Iterator[Issue]:
    at = (*path, "engine")
    if engine.max_input_tokens is not None and engine.max_input_tokens >= engine.max_total_tokens:
        yield Issue(
            path=(*at, "maxInputTokens"),
            problem=f"{engine.max_input_tokens} leaves nothing of maxTotalTokens, {engine.max_total_tokens}, for the "
            "answer",
            remedy="Lower it, or raise maxTotalTokens.",
            reads=((*at, "maxTotalTokens"),),
        )
    if engine.dtype is not None and engine.quantize is not None:
        yield Issue(
            path=(*at, "dtype"),
            problem=f"{engine.dtype} contradicts quantize: {engine.quantize}, which decides the number format",
            remedy="Remove one of the two.",
            reads=((*at, "quantize"),),
        )


def _custom(path: KeyPath, engine: ClusterCustom, gpus: int) -> Iterator[Issue]:
    own, image = engine.is_own_server, (*path, "engine", "image")
    if own and gpus > 1:
        yield Issue(
            path=(*path, "accelerator", "count"),
            problem=f"{gpus} GPUs, and the server of this project uses one of them",
            remedy="Use count: 1 and more replicas, or vllm or sglang, which spread a model.",
            reads=(image, (*path, "engine", "name")),
        )
    for key, word in custom.OPTIONS.items():
        # Of any server it may be said for the autoscaler.
        if not own and key != "maxRunningRequests" and engine.model_dump(by_alias=True)[key] is not None:
            yield Issue(
                path=(*path, "engine", key),
                problem="only the server of this project is known to have it, and this is another image",
                remedy="Remove it, and say it in environment, in that server's words; or use the image called "
                f"{OWN_SERVER}.",
                reads=(image,),
            )
        elif own and word in engine.environment:
            yield Issue(
                path=(*path, "engine", "environment", word),
                problem="it has a setting of its own",
                remedy=f"Use engine.{key}.",
                reads=(image,),
            )
    for variable, text in engine.environment.items():
        at = (*path, "engine", "environment", variable)
        if variable in custom.VARIABLES:
            yield Issue(path=at, problem="every server is told this by the program", remedy="Remove it.")
        elif own and variable == custom.KEYS.keys_variable:
            yield Issue(path=at, problem="its keys come from a Secret", remedy="Use expose.keys.", reads=(image,))
        elif names_a_secret(variable, text):
            yield Issue(
                path=at,
                problem="a key would stand there in clear text, and in the state",
                remedy="Remove it: the pod gets HF_TOKEN by huggingface.hubReadSecret.",
            )
