"""Settings of SGLang on a cluster."""

from typing import Literal

from pydantic import Field

from blueprint.engines import SGLANG_DEFAULT_VERSION
from blueprint.settings.base import HubRepository, HubRevision, SettingsModel
from blueprint.settings.engine import (
    EngineVersionName,
    ExtraArgs,
    Lora,
    MaxModelLen,
    OptionName,
    OwnImage,
    ServedName,
    Tokens,
    TrustRemoteCode,
)


class SglangSpeculative(SettingsModel):
    """Speculative decoding: something cheap drafts tokens, the model accepts or refuses them."""

    # The parser takes any word, since plug-ins add some. Source: srt/arg_groups/fields/spec.py, 0.5.23.
    algorithm: Literal["EAGLE", "EAGLE3", "NEXTN", "STANDALONE", "NGRAM", "DFLASH", "DSPARK", "UNO"] = Field(
        description="How tokens are drafted."
    )
    model: HubRepository | None = None
    revision: HubRevision = "main"
    steps: int | None = Field(default=None, ge=1, le=64, description="Steps of the draft model.")
    top_k: int | None = Field(default=None, ge=1, le=64, description="Branches at each step of the draft.")
    draft_tokens: int | None = Field(default=None, ge=1, le=1024, description="Tokens drafted in one round.")


class ClusterSglang(OwnImage):
    """SGLang. Options that are absent are the engine's own choice."""

    name: Literal["sglang"] = Field(description="The engine.")
    version: EngineVersionName = SGLANG_DEFAULT_VERSION
    served_name: ServedName
    max_model_len: MaxModelLen
    mem_fraction_static: float | None = Field(
        default=None,
        ge=0.05,
        le=0.99,
        description="Share of each GPU's memory for weights and KV cache, 0 to 1; activations come on top.",
    )
    max_running_requests: int | None = Field(
        default=None, ge=1, le=8192, description="Most requests that one replica works on at the same time."
    )
    max_queued_requests: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Most requests that wait; further ones are refused at once."
    )
    chunked_prefill_size: Tokens | None = Field(
        default=None, description="Most prompt tokens of one request in one step."
    )
    max_prefill_tokens: Tokens | None = Field(default=None, description="Most prompt tokens in one step.")
    dtype: OptionName | None = Field(default=None, description="Number format of weights and activations.")
    quantization: OptionName | None = Field(
        default=None, description="How the weights are quantised; read from the model's own configuration when absent."
    )
    kv_cache_dtype: OptionName | None = Field(default=None, description="Number format of the KV cache.")
    # True is what the engine does by itself, and there is no flag that says it.
    prefix_caching: bool = Field(
        default=True, description="Reuse the KV cache of equal prompt beginnings, across requests and users."
    )
    lora: Lora | None = None
    speculative: SglangSpeculative | None = None
    structured_output_backend: OptionName | None = Field(
        default=None, description="What holds answers to a JSON schema, a grammar or a regular expression."
    )
    chat_template: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9/][A-Za-z0-9_./-]*$",
        max_length=512,
        description="Chat template: the name of a built-in one, or the path of a file in the image.",
    )
    tool_call_parser: OptionName | None = Field(
        default=None, description="Reads tool calls out of the model's text; auto finds it by the chat template."
    )
    reasoning_parser: OptionName | None = Field(
        default=None, description="Tells the model's reasoning from its answer; auto finds it by the chat template."
    )
    trust_remote_code: TrustRemoteCode
    extra_args: ExtraArgs
