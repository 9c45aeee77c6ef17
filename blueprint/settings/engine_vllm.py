"""Settings of vLLM on a cluster."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import HubRepository, HubRevision, SettingsModel
from blueprint.settings.engine import ExtraArgs, Lora, OptionName, ServedName, Tokens, TrustRemoteCode, VllmEngine


class VllmSpeculative(SettingsModel):
    """Speculative decoding: something cheap drafts tokens, the model accepts or refuses them."""

    method: OptionName = Field(description="How tokens are drafted, such as ngram, eagle3, mtp or draft_model.")
    model: HubRepository | None = None
    revision: HubRevision = "main"
    tokens: int = Field(ge=1, le=64, description="Tokens drafted in one step.")


class ClusterVllm(VllmEngine):
    """vLLM. Options that are absent are the engine's own choice."""

    name: Literal["vllm"] = Field(description="The engine.")
    served_name: ServedName
    kv_offload_gib: int | None = Field(
        default=None,
        alias="kvOffloadGiB",
        ge=1,
        le=1000,
        description="Memory of each node that takes KV cache which no longer fits the GPUs, in GiB, for all its GPUs "
        "together. None when absent. vLLM keeps it in /dev/shm.",
    )
    max_num_batched_tokens: Tokens | None = Field(default=None, description="Most tokens in one step of the engine.")
    dtype: OptionName | None = Field(default=None, description="Number format of weights and activations.")
    quantization: OptionName | None = Field(
        default=None, description="How the weights are quantised; read from the model's own configuration when absent."
    )
    kv_cache_dtype: OptionName | None = Field(default=None, description="Number format of the KV cache.")
    prefix_caching: bool | None = Field(
        default=None, description="Reuse the KV cache of equal prompt beginnings, across requests and users."
    )
    lora: Lora | None = None
    speculative: VllmSpeculative | None = None
    structured_output_backend: OptionName | None = Field(
        default=None, description="What holds answers to a JSON schema, a grammar or a regular expression."
    )
    chat_template: str | None = Field(
        default=None,
        min_length=1,
        max_length=20_000,
        description="Chat template: Jinja on one line, or a file's path in the image; the model's own when absent.",
    )
    tool_call_parser: OptionName | None = Field(
        default=None, description="Reads tool calls out of the model's text; lets the model choose tools by itself."
    )
    reasoning_parser: OptionName | None = Field(
        default=None, description="Tells the model's reasoning from its answer."
    )
    max_queued_requests: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="Most requests in one replica, waiting or running; further ones get 503 at once. No limit when "
        "absent.",
    )
    max_queued_tokens: Tokens | None = Field(
        default=None,
        description="Most prompt tokens that wait for their first answer; further requests get 503. No limit when "
        "absent.",
    )
    trust_remote_code: TrustRemoteCode
    extra_args: ExtraArgs
