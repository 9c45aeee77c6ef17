"""Settings of the inference engine that serves a model, and what several engines share."""

from typing import Annotated

from pydantic import Field, StringConstraints

from blueprint.engines import VLLM_DEFAULT_VERSION
from blueprint.settings.base import HubRepository, HubRevision, ImageReference, LabelValue, SettingsModel

EngineVersionName = Annotated[
    str,
    Field(description="Version of the engine; the image's tag follows from it, images.lock.yaml pins that tag."),
]

Tokens = Annotated[int, Field(ge=1, le=100_000_000)]

MaxModelLen = Annotated[
    int,
    Field(
        ge=16,
        le=10_000_000,
        description="Longest request the engine accepts, prompt and answer together, in tokens.",
    ),
]

OptionName = Annotated[
    str,
    # Of the engine's own words, none of which has a space or could be taken for another flag.
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=64),
]

AdapterName = Annotated[
    str,
    # '=', ',' and '@' have a meaning in the engines' own flags.
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=63),
    Field(description="What clients call the adapter: letters, digits, '-', '_', '.'; at most 63 characters."),
]

ExtraArgs = Annotated[
    list[str],
    Field(
        default_factory=list,
        max_length=200,
        description="Flags of the engine that have no setting here, one item per word, in their long form. Refused: "
        "flags that have a setting, keys and tokens, flags that this version does not have.",
    ),
]

TrustRemoteCode = Annotated[
    bool,
    Field(
        default=False,
        description="Run Python code from the model's repository, at the commit of the lock, with the pod's rights.",
    ),
]


class VllmEngine(SettingsModel):
    """vLLM: which version, and how it divides one replica's memory."""

    version: EngineVersionName = VLLM_DEFAULT_VERSION
    max_model_len: MaxModelLen
    gpu_memory_utilization: float = Field(
        default=0.90,
        ge=0.05,
        le=0.99,
        description="Share of each GPU's memory that the engine takes for weights, activations and KV cache, 0 to 1.",
    )
    max_num_seqs: int = Field(
        default=256,
        ge=1,
        le=8192,
        description="Most requests that one replica works on at the same time.",
    )


class Adapter(SettingsModel):
    """A LoRA adapter on the Hub."""

    model: HubRepository
    revision: HubRevision = "main"


class Adapters(SettingsModel):
    """LoRA adapters, loaded when the engine starts; clients ask for one by its name in place of the model's."""

    adapters: dict[AdapterName, Adapter] = Field(min_length=1, description="The adapters, by name.")


class Lora(Adapters):
    """LoRA adapters, and the room that the engine keeps for them."""

    max_rank: int | None = Field(
        default=None, ge=1, le=4096, description="Highest rank of the adapters; the engine's own default when absent."
    )
    max_per_batch: int | None = Field(
        default=None, ge=1, le=1024, description="Most adapters in one batch; the engine's own default when absent."
    )


class OwnImage(SettingsModel):
    """An image of your own in place of the engine's, and the user that it runs as."""

    image: ImageReference | None = Field(
        default=None, description="An image of your own in place of the engine's, with its digest outside the lab."
    )
    user_id: int | None = Field(
        default=None,
        ge=1,
        le=2_000_000_000,
        description="The user, as a number and not root, under which you have seen the image start. Needed outside "
        "the lab: the engine's own images start as root.",
    )


ServedName = Annotated[
    LabelValue | None,
    Field(default=None, description="What clients call the model, and what its metrics say; the model's name here."),
]
