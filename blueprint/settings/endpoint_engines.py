"""Settings of the engines that an Inference Endpoint can run; `name` tells which."""

from typing import Annotated, Literal

from pydantic import Field

from blueprint.settings.base import HttpPath, ImageReference, SecretName, SettingsModel
from blueprint.settings.engine import VllmEngine

Port = Annotated[int, Field(ge=1, le=65_535, description="Port that the server in the container listens on.")]
_TOKENS = 100_000_000


class EndpointVllm(VllmEngine):
    """vLLM, of the same versions and images as on a cluster."""

    name: Literal["vllm"] = Field(description="The engine.")
    tensor_parallel_size: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="GPUs that one copy of the model is spread over; by default all of the instance that "
        "dataParallelSize leaves. Both multiplied are the GPUs of the instance.",
    )
    data_parallel_size: int | None = Field(
        default=None, ge=1, le=64, description="Copies of the model in one replica; 1 by default."
    )
    max_num_batched_tokens: int | None = Field(
        default=None, ge=1, le=_TOKENS, description="Most tokens in one step of the engine; its own choice by default."
    )
    kv_cache_dtype: Literal["auto", "fp8", "fp8_e4m3", "fp8_e5m2"] | None = Field(
        default=None, description="Number format of the KV cache; auto is that of the model."
    )


class _Container(SettingsModel):
    """A server in an image that the stack file names."""

    image: ImageReference
    # What the API itself takes a container's port to be.
    port: Port = 80
    health_route: HttpPath = Field(default="/health", description="Path that answers 200 when the server is ready.")


class EndpointSglang(_Container):
    """SGLang, in an image of your choice."""

    name: Literal["sglang"] = Field(description="The engine.")
    # SGLang's own.
    port: Port = 30_000
    tensor_parallel_size: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="GPUs that the model is spread over: all of the instance, which is the default.",
    )
    max_model_len: int | None = Field(
        default=None,
        ge=16,
        le=10_000_000,
        description="Longest request, prompt and answer together, in tokens; the model's own by default.",
    )
    mem_fraction_static: float | None = Field(
        default=None,
        ge=0.05,
        le=0.99,
        description="Share of each GPU's memory for weights and KV cache, 0 to 1; SGLang's own choice by default.",
    )
    max_running_requests: int | None = Field(
        default=None, ge=1, le=8192, description="Most requests that one replica works on at the same time."
    )


class EndpointTgi(_Container):
    """Text Generation Inference: for endpoints that have it. It only gets bug fixes; move them to vllm or sglang.

    Its maintenance mode: https://huggingface.co/docs/inference-endpoints/engines/tgi. The engine of an endpoint cannot
    be changed: the way out is a second model with its own endpointName, and to remove the first once callers moved.
    """

    name: Literal["tgi"] = Field(
        description="The engine, legacy. The way out: a second model with engine vllm or sglang and its own "
        "endpointName, then remove this one; an endpoint's engine cannot be changed."
    )
    max_input_length: int | None = Field(default=None, ge=1, le=_TOKENS, description="Longest prompt, in tokens.")
    max_total_tokens: int | None = Field(
        default=None, ge=2, le=_TOKENS, description="Longest request, prompt and answer together, in tokens."
    )
    max_batch_prefill_tokens: int | None = Field(
        default=None, ge=1, le=_TOKENS, description="Most prompt tokens in one step."
    )
    max_batch_total_tokens: int | None = Field(
        default=None, ge=1, le=_TOKENS, description="Most tokens of all requests that are worked on together."
    )
    quantize: Literal["awq", "bitsandbytes", "eetq", "gptq"] | None = Field(
        default=None, description="How the weights are quantised; none by default."
    )
    disable_custom_kernels: bool = Field(
        default=False, description="Do without the engine's own CUDA kernels, for hardware that lacks them."
    )


Pooling = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z][A-Za-z-]*$",
        max_length=32,
        description="How token vectors become one, in the engine's own word, such as mean or cls.",
    ),
]


class EndpointTei(_Container):
    """Text Embeddings Inference: embeddings, reranking and classification."""

    name: Literal["tei"] = Field(description="The engine.")
    max_batch_tokens: int | None = Field(default=None, ge=1, le=_TOKENS, description="Most tokens in one batch.")
    max_concurrent_requests: int | None = Field(
        default=None, ge=1, le=100_000, description="Most requests that are accepted at the same time."
    )
    pooling: Pooling | None = None


GgufPath = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*\.gguf$",
        max_length=512,
        description="A GGUF file, by its path in the repository.",
    ),
]


class EndpointLlamacpp(_Container):
    """llama.cpp, for models in the GGUF format, on CPUs too."""

    name: Literal["llamacpp"] = Field(description="The engine.")
    model_path: GgufPath | None = Field(
        default=None, description="The GGUF file to serve, by its path in the repository; found by itself when alone."
    )
    variant: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="Pattern of the files to fetch, such as *Q4_K_M.gguf: what does not match is not on the disk.",
    )
    mmproj_model_path: GgufPath | None = Field(
        default=None, description="GGUF file of the projector of a model that sees or hears."
    )
    spec_model_path: GgufPath | None = Field(
        default=None, description="GGUF file of the small model that drafts for speculative decoding."
    )
    ctx_size: int | None = Field(
        default=None, ge=16, le=10_000_000, description="Context of all parallel requests together, in tokens."
    )
    n_parallel: int | None = Field(
        default=None, ge=1, le=1024, description="Requests that are worked on at the same time; they share ctxSize."
    )
    n_gpu_layers: int | None = Field(default=None, ge=0, le=10_000, description="Layers of the model on the GPU.")
    threads_http: int | None = Field(default=None, ge=1, le=1024, description="Threads that answer HTTP requests.")
    mode: Literal["embeddings", "reranking"] | None = Field(
        default=None, description="Serve vectors or ranks instead of text."
    )
    pooling: Pooling | None = None


class EndpointHuggingFace(SettingsModel):
    """Hugging Face's own server, in an image that Hugging Face chooses and updates."""

    name: Literal["huggingface"] = Field(description="The engine.")


class Registry(SettingsModel):
    """Access to the registry of a private image."""

    username: str = Field(min_length=1, max_length=256, pattern=r"^\S+$", description="User at the registry.")
    password: SecretName


class EndpointCustom(_Container):
    """Any server in any image; the model's files lie at /repository."""

    name: Literal["custom"] = Field(description="The engine.")
    # Required: without one an endpoint counts as ready as soon as its container starts, and answers with errors.
    health_route: HttpPath = Field(description="Path that answers 200 when the server is ready, such as /health.")
    command: list[str] | None = Field(
        default=None, min_length=1, description="What runs in place of the image's entry point, one item per word."
    )
    args: list[str] | None = Field(
        default=None, min_length=1, description="Arguments of the entry point, one item per word."
    )
    registry: Registry | None = None


EndpointEngine = (
    EndpointVllm | EndpointSglang | EndpointTgi | EndpointTei | EndpointLlamacpp | EndpointHuggingFace | EndpointCustom
)
