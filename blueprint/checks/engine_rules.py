"""Engines: what options of one engine mean for each other, and for the image that runs."""

import re
from collections.abc import Iterator

from blueprint.checks.images import unpinned
from blueprint.engines import ENGINES, custom
from blueprint.issues import Issue, KeyPath, looks_like_token
from blueprint.settings import KubernetesModel
from blueprint.settings.engine_custom import ClusterCustom
from blueprint.settings.engine_sglang import ClusterSglang
from blueprint.settings.engine_tgi import ClusterTgi
from blueprint.settings.engine_vllm import ClusterVllm

_KEY = re.compile(r"(^|_)(KEY|TOKEN|PASSWORD|SECRET)$")

_DRAFTS_ITSELF = ("ngram", "ngram_gpu", "suffix")
_NEEDS_DRAFT = ("draft_model", "eagle", "eagle3")
"""Methods of vLLM without and with a model of their own (vllm/config/speculative.py)."""

_CHAINS = ("EAGLE", "EAGLE3", "NEXTN", "STANDALONE")
"""Algorithms of SGLang whose steps, topK and draftTokens are chosen together (srt/arg_groups/speculative_hook.py)."""


def check(path: KeyPath, name: str, model: KubernetesModel, *, in_lab: bool) -> Iterator[Issue]:
    """Mistakes in the options of one model's engine."""
    engine = model.engine
    if isinstance(engine, ClusterVllm):
        yield from _vllm(path, engine)
    else:
        yield from _image(path, engine, in_lab=in_lab)
    if isinstance(engine, ClusterSglang):
        yield from _sglang(path, engine)
    if isinstance(engine, ClusterTgi):
        yield from _tgi(path, engine)
    if isinstance(engine, ClusterCustom):
        yield from _custom(path, engine)
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


def _image(path: KeyPath, engine: ClusterSglang | ClusterTgi | ClusterCustom, *, in_lab: bool) -> Iterator[Issue]:
    at = (*path, "engine")
    place = (("cluster", "context"), ("cluster", "id"))
    if engine.image is not None:
        yield from unpinned((*at, "image"), engine.image, in_lab=in_lab, reads=place)
    if in_lab or (engine.image is not None and engine.user_id is not None):
        return
    reads = ((*at, "image"), (*at, "name"), *place)
    if engine.image is None and not isinstance(engine, ClusterCustom):
        version = ENGINES[engine.name].versions.get(engine.version)
        if version is None or version.user_known:
            return
        if version.root_only is not None:
            yield Issue(
                path=(*at, "image"),
                problem=f"this key is missing, and {version.image} runs as root only: {version.root_only}; it deploys "
                "to the lab only",
                remedy=f"Build one that does not, and give image and userId; docs/engines/{engine.name}.md says how.",
                reads=(*reads, (*at, "version")),
            )
            return
    if engine.user_id is None:
        yield Issue(
            path=(*at, "userId"),
            problem="this key is missing, and it is not known under which user other than root the image runs; it "
            "deploys to the lab only",
            remedy="Give the number of a user under which you have seen it start.",
            reads=reads,
        )


def _custom(path: KeyPath, engine: ClusterCustom) -> Iterator[Issue]:
    for variable, text in engine.environment.items():
        at = (*path, "engine", "environment", variable)
        if variable in custom.VARIABLES:
            yield Issue(path=at, problem="every server is told this by the program", remedy="Remove it.")
        elif _KEY.search(variable.upper()) or looks_like_token(text):
            yield Issue(
                path=at,
                problem="a key would stand there in clear text, and in the state",
                remedy="Remove it: the pod gets HF_TOKEN by huggingface.hubReadSecret.",
            )
