"""Settings of a model that runs on Hugging Face Inference Endpoints."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import HubRepository, HubRevision, LabelValue, SettingsModel
from blueprint.settings.engine import VllmEngine


class Instance(SettingsModel):
    """The machine shape that Hugging Face rents out."""

    vendor: Literal["aws", "azure", "gcp"] = Field(description="Cloud that the instance runs in.")
    region: str = Field(pattern=r"^[a-z0-9-]+$", description="Region of that cloud.")
    type: str = Field(pattern=r"^[a-z0-9-]+$", description="Instance type, such as nvidia-l4.")
    size: str = Field(pattern=r"^x[0-9]+$", description="Instance size: x and the number of accelerators.")


class EndpointScaling(SettingsModel):
    """Bounds of the endpoint's replicas, and when it sleeps."""

    min: int = Field(default=0, ge=0, le=1000, description="Fewest replicas; 0 lets the endpoint sleep.")
    max: int = Field(default=1, ge=1, le=1000, description="Most replicas.")
    scale_to_zero_minutes: int | None = Field(
        default=None, ge=1, le=10_080, description="Idle time before it sleeps, in minutes. Needs min: 0."
    )


class EndpointModel(SettingsModel):
    """One model served by a Hugging Face Inference Endpoint."""

    target: Literal["endpoint"] = Field(description="Where the model runs.")
    model: HubRepository
    revision: HubRevision = "main"
    owner: LabelValue | None = Field(
        default=None, description="Team that is called about this model. Required outside the lab."
    )
    engine: VllmEngine
    instance: Instance
    access: Literal["private", "authenticated", "public"] = Field(
        default="private",
        description="private: tokens of the organisation. authenticated: anyone with a Hugging Face account. "
        "public: anyone.",
    )
    allow_authenticated: bool = Field(default=False, description="Confirms access: authenticated.")
    allow_public: bool = Field(default=False, description="Confirms access: public.")
    scaling: EndpointScaling = Field(default_factory=EndpointScaling)
    state: Literal["running", "paused"] = Field(default="running", description="Whether the endpoint runs.")
