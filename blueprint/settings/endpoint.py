"""Settings of a model that runs on Hugging Face Inference Endpoints."""

from typing import Annotated, Literal

from pydantic import Field

from blueprint.settings.base import (
    EndpointName,
    HostName,
    HttpPath,
    HubRepository,
    HubRevision,
    LabelValue,
    ModelName,
    SecretName,
    SettingsModel,
    VariableName,
)
from blueprint.settings.endpoint_engines import EndpointEngine
from blueprint.settings.load import Load
from blueprint.settings.smoke import Smoke


class Instance(SettingsModel):
    """The machine shape that Hugging Face rents out."""

    vendor: Literal["aws", "azure", "gcp"] = Field(description="Cloud that the instance runs in.")
    region: str = Field(pattern=r"^[a-z0-9-]+$", max_length=64, description="Region of that cloud.")
    type: str = Field(
        pattern=r"^[a-z0-9-]+$",
        max_length=64,
        description="Instance type, such as nvidia-l4 or intel-spr; the kind of accelerator follows from it.",
    )
    size: str = Field(
        pattern=r"^x[1-9][0-9]{0,2}$", description="Instance size: x and the number of accelerators, such as x4."
    )


class EndpointScaling(SettingsModel):
    """Bounds of the endpoint's replicas, what they follow, and when it sleeps."""

    # 0: an endpoint that nobody calls costs nothing. The first call after a sleep waits for a start.
    min: int = Field(default=0, ge=0, le=1000, description="Fewest replicas; 0 lets the endpoint sleep.")
    max: int = Field(default=1, ge=1, le=1000, description="Most replicas.")
    scale_to_zero_minutes: int | None = Field(
        default=None,
        ge=1,
        le=10_080,
        description="Idle time before it sleeps, in minutes; 15 by default with min: 0, and only with it.",
    )
    pending_requests: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="Add a replica when more requests than this wait per replica. Not with hardwareUsagePercent.",
    )
    hardware_usage_percent: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Add a replica when the GPU, or else the CPU, is busier than this, in percent.",
    )


class Route(SettingsModel):
    """A name of your own for the endpoint."""

    domain: HostName = Field(description="Host name that points to the endpoint, such as llm.example.com.")
    path: HttpPath | None = Field(default=None, description="Path below which the endpoint answers there.")


class PrivateService(SettingsModel):
    """A way in from your own network (AWS PrivateLink), and none from the internet."""

    account_id: str = Field(
        pattern=r"^[0-9]{12}$", description="AWS account that may connect: 12 digits, in quotes, since it is a text."
    )
    region: Literal["us-east-1", "eu-west-1"] = Field(description="AWS region of the way in.")


class EndpointModel(SettingsModel):
    """One model served by a Hugging Face Inference Endpoint."""

    target: Literal["endpoint"] = Field(description="Where the model runs.")
    model: HubRepository
    revision: HubRevision = "main"
    owner: LabelValue | None = Field(
        default=None, description="Team that is called about this model. Required outside the lab."
    )
    endpoint_name: EndpointName | None = Field(
        default=None,
        description="Name at Hugging Face, at most 32 characters; by default the model's oldest name. A change "
        "replaces the endpoint.",
    )
    engine: EndpointEngine = Field(
        discriminator="name", description="What serves the model. A change to another engine replaces the endpoint."
    )
    task: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        max_length=64,
        description="The Hub's word for what the model does; text-generation by default where the engine only "
        "generates text, else the server's choice.",
    )
    framework: Literal["pytorch", "llamacpp", "custom"] | None = Field(
        default=None,
        description="What the model's files are for; follows from the engine: llamacpp, custom, else pytorch.",
    )
    instance: Instance
    access: Literal["private", "authenticated", "public"] = Field(
        default="private",
        description="private: tokens of the organisation. authenticated: anyone with a Hugging Face account. "
        "public: anyone.",
    )
    allow_authenticated: bool = Field(default=False, description="Confirms access: authenticated.")
    allow_public: bool = Field(default=False, description="Confirms access: public.")
    scaling: EndpointScaling = Field(default_factory=EndpointScaling)
    state: Literal["running", "paused"] = Field(
        default="running", description="paused: stopped, without cost, until it says running again."
    )
    environment: dict[VariableName, str] = Field(
        default_factory=dict, description="Environment of the container, in clear text."
    )
    secrets: dict[VariableName, SecretName] = Field(
        default_factory=dict,
        description="Secret environment of the container: the variable, and the name of its value under "
        "llm-inference-secrets.",
    )
    tags: list[
        Annotated[
            str,
            Field(
                pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/=-]*$",
                max_length=64,
                description="A tag: letters, digits and '_.:/=-'; at most 64 characters.",
            ),
        ]
    ] = Field(default_factory=list, description="Tags at Hugging Face, beside the owner's and those of this project.")
    route: Route | None = None
    private_service: PrivateService | None = None
    cache_http_responses: bool = Field(default=False, description="Answer equal requests from a cache.")
    adopt: bool = Field(
        default=False,
        description="Take over an endpoint of this name that exists already, if its settings are as asked and no stack "
        "of another name has made it. Without it that is an error.",
    )
    smoke: Smoke = Field(default_factory=Smoke)
    load: Load | None = None
    ready_minutes: int | None = Field(
        default=None,
        ge=1,
        le=240,
        description="Time the endpoint may take until it answers, in minutes. Without it 30, or what the worst start "
        "needs and a fifth more where that is longer and the lock has the model's size.",
    )
    formerly: Annotated[
        list[ModelName],
        Field(
            default_factory=list,
            description="Names this model had before, oldest first. The endpoint keeps the oldest name.",
        ),
    ]
