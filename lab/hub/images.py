"""The engines: the variants of model.image, which fields each declares, and what each serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

_LLAMACPP_RESERVED = (
    "MODEL",
    "HTTP_THREADS",
    "N_GPU_LAYERS",
    "EMBEDDINGS",
    "HOST",
    "PORT",
    "NO_MMAP",
    "CTX_SIZE",
    "N_PARALLEL",
    "ENDPOINT_METRICS",
)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """An engine.

    fields: what it declares beside url, port and healthRoute; anything else is dropped without a word.
    defaults: what the service adds to what is echoed.
    serves: the kinds of routes its container has.
    reserved: environment variables that cannot be set.
    """

    fields: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] | None = None
    container: bool = True
    parallel: tuple[str, ...] = ()
    serves: frozenset[Literal["openai", "tgi", "root", "embed"]] = frozenset({"openai"})
    reserved: tuple[str, ...] = ()


_TGI = frozenset({"maxBatchPrefillTokens", "maxBatchTotalTokens", "maxInputLength", "maxTotalTokens"})
_VLLM = frozenset({"kvCacheDtype", "maxNumBatchedTokens", "maxNumSeqs", "tensorParallelSize", "dataParallelSize"})
_PARALLEL = ("tensorParallelSize", "dataParallelSize")
VARIANTS: Mapping[str, Variant] = {
    "custom": Variant(fields=frozenset({"credentials"}), serves=frozenset({"openai", "tgi", "root", "embed"})),
    "huggingface": Variant(container=False, serves=frozenset({"openai", "root"})),
    "huggingfaceNeuron": Variant(
        container=False,
        fields=frozenset({"batchSize", "neuronCache", "sequenceLength"}),
        serves=frozenset({"root"}),
    ),
    "tgi": Variant(
        fields=_TGI | {"disableCustomKernels", "quantize"},
        defaults={"disableCustomKernels": False},
        serves=frozenset({"openai", "tgi", "root"}),
    ),
    "tgiNeuron": Variant(
        fields=_TGI | {"hfAutoCastType", "hfNumCores"},
        serves=frozenset({"openai", "tgi", "root"}),
    ),
    "tei": Variant(
        fields=frozenset({"maxBatchTokens", "maxConcurrentRequests", "pooling"}), serves=frozenset({"embed"})
    ),
    "llamacpp": Variant(
        fields=frozenset(
            {"ctxSize", "modelPath", "mode", "nGpuLayers", "nParallel", "pooling", "threadsHttp", "variant"}
            | {"mmprojModelPath", "specModelPath"}
        ),
        reserved=tuple(f"LLAMA_ARG_{name}" for name in _LLAMACPP_RESERVED),
    ),
    "vLLM": Variant(fields=_VLLM, parallel=_PARALLEL),
    "vLLMOmni": Variant(fields=_VLLM, parallel=_PARALLEL),
    "vLLMNeuron": Variant(fields=_VLLM),
    "sGLang": Variant(fields=frozenset({"tensorParallelSize"}), parallel=("tensorParallelSize",)),
    "hfServe": Variant(),
}


def engine(config: Mapping[str, Any]) -> str:
    """The engine of an endpoint's configuration."""
    return str(next(iter(config["model"]["image"])))


def health_route(config: Mapping[str, Any]) -> str:
    """Where its container answers health checks."""
    image = next(iter(config["model"]["image"].values()))
    return str((image or {}).get("healthRoute") or "/health")
