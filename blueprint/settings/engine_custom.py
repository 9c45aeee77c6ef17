"""Settings of the custom server on a cluster."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import ImageReference, VariableName
from blueprint.settings.engine import MaxModelLen, OwnImage, ServedName, Tokens

OWN_SERVER = "server"
"""The name under `images` of the server of this project, of which more is known than of any other."""


class ClusterCustom(OwnImage):
    """The server of this project, or one of your own that keeps to docs/engines/custom.md."""

    name: Literal["custom"] = Field(description="The engine.")
    image: ImageReference | None = Field(
        default=None,
        description="A name under images, or an image with its digest; only the lab takes one without. The image "
        "called server under images when absent: the server of this project.",
    )
    served_name: ServedName
    dtype: Literal["auto", "float32", "float16", "bfloat16"] | None = Field(
        default=None,
        description="Number format of the weights; as they are stored when absent. Of this project's server.",
    )
    quantization: Literal["none", "bitsandbytes-8bit", "bitsandbytes-4bit"] | None = Field(
        default=None,
        description="How the weights are quantised while they are loaded; not at all when absent. Of this project's "
        "server.",
    )
    max_model_len: MaxModelLen | None = Field(
        default=None,
        description="Longest request, prompt and answer together, in tokens; the model's own when absent. Of this "
        "project's server.",
    )
    max_running_requests: int | None = Field(
        default=None,
        ge=1,
        le=8192,
        description="Most requests that one replica works on at the same time. This project's server is told it; of "
        "another it is what is known.",
    )
    max_queued_requests: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Most requests that wait; further ones get 429 at once. Of this project's server.",
    )
    max_queued_tokens: Tokens | None = Field(
        default=None,
        description="Most tokens of all waiting prompts; further requests get 429. No limit when absent. Of this "
        "project's server.",
    )
    environment: dict[VariableName, str] = Field(
        default_factory=dict, description="Further variables of the server, in clear text. No keys, no tokens."
    )

    @property
    def is_own_server(self) -> bool:
        """Whether it is the server of this project, whose user, metrics, keys and options are known."""
        return self.image in (None, OWN_SERVER)
