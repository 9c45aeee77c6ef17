"""Settings of Text Generation Inference on a cluster."""

from typing import Literal

from pydantic import Field

from blueprint.engines import TGI_DEFAULT_VERSION
from blueprint.settings.engine import (
    Adapters,
    EngineVersionName,
    ExtraArgs,
    OptionName,
    OwnImage,
    Tokens,
    TrustRemoteCode,
)


class ClusterTgi(OwnImage):
    """Text Generation Inference, legacy: it only gets bug fixes. Options that are absent are its own choice."""

    name: Literal["tgi"] = Field(description="The engine, legacy: vllm and sglang serve what it serves.")
    version: EngineVersionName = TGI_DEFAULT_VERSION
    max_total_tokens: int = Field(
        ge=16, le=10_000_000, description="Longest request the engine accepts, prompt and answer together, in tokens."
    )
    max_input_tokens: Tokens | None = Field(
        default=None, description="Longest prompt, in tokens; below maxTotalTokens. Was --max-input-length."
    )
    max_batch_prefill_tokens: Tokens | None = Field(default=None, description="Most prompt tokens in one step.")
    max_batch_total_tokens: Tokens | None = Field(
        default=None, description="Most tokens of all requests that are worked on together."
    )
    # TGI's own default, written out: beyond it, callers get 429 at once.
    max_concurrent_requests: int = Field(
        default=128,
        ge=1,
        le=100_000,
        description="Most requests in one replica, waiting or running; further ones get 429 at once.",
    )
    max_waiting_tokens: Tokens | None = Field(
        default=None, description="Tokens after which waiting requests join the batch at the latest."
    )
    waiting_served_ratio: float | None = Field(
        default=None, gt=0, le=100, description="Waiting to running requests from which waiting ones join the batch."
    )
    dtype: OptionName | None = Field(
        default=None, description="Number format of weights and activations; not with quantize."
    )
    quantize: OptionName | None = Field(
        default=None, description="How the weights are quantised; read from the model's own configuration when absent."
    )
    kv_cache_dtype: OptionName | None = Field(default=None, description="Number format of the KV cache.")
    cuda_memory_fraction: float | None = Field(
        default=None, ge=0.05, le=1.0, description="Share of each GPU's memory that the engine may use, 0 to 1."
    )
    prefix_caching: bool | None = Field(
        default=None, description="Reuse the KV cache of equal prompt beginnings, across requests and users."
    )
    lora: Adapters | None = None
    speculate: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Tokens drafted in one step: by Medusa heads, or by n-grams without them.",
    )
    # TGI's own; without it a client that asks for a schema is refused.
    structured_output: bool = Field(
        default=True, description="Answers by a JSON schema or a regular expression, where a client asks for them."
    )
    tokenizer_config_path: str | None = Field(
        default=None,
        pattern=r"^/[A-Za-z0-9_./-]+$",
        max_length=512,
        description="File in the image whose chat_template is used; the model's own when absent.",
    )
    disable_custom_kernels: bool = Field(
        default=False, description="Do without the engine's own CUDA kernels, for hardware that lacks them."
    )
    trust_remote_code: TrustRemoteCode
    extra_args: ExtraArgs
