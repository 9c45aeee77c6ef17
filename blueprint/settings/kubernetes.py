"""Settings of a model that runs on the cluster's own GPUs."""

from typing import Annotated, Literal

from pydantic import Field

from blueprint.settings.base import (
    HostName,
    HubRepository,
    HubRevision,
    LabelValue,
    ModelName,
    ObjectName,
    SettingsModel,
)
from blueprint.settings.engine import VllmEngine


class AcceleratorChoice(SettingsModel):
    """The GPUs of one replica."""

    type: str = Field(description="An accelerator that the stack declares under cluster.accelerators.")
    count: Literal[1, 2, 4, 8] = Field(
        default=1,
        description="GPUs of one replica; the engine shards the model over them, which needs a power of two.",
    )


class Cache(SettingsModel):
    """Where downloaded weights live between restarts."""

    mode: Literal["shared", "perReplica", "node", "none"] = Field(
        default="shared",
        description="shared: one claim for all replicas. none: an empty directory, downloaded again at each start.",
    )
    size_gib: int | None = Field(
        default=None,
        alias="sizeGiB",
        ge=1,
        le=100_000,
        description="Size of the claim or of the empty directory, in GiB. Not with existingClaim.",
    )
    access_mode: Literal["ReadWriteMany", "ReadWriteOnce"] = Field(
        default="ReadWriteMany",
        description="How the claim is mounted. ReadWriteOnce ties all replicas to one node: one replica only.",
    )
    storage_class: ObjectName | None = Field(
        default=None, description="Storage class of the claim; the cluster's default class when absent."
    )
    existing_claim: ObjectName | None = Field(
        default=None,
        description="An existing claim to use instead of making one; it is never deleted from here.",
    )


class Resources(SettingsModel):
    """What one replica asks of its node besides GPUs. Each follows from the GPU count when absent."""

    cpu: int | None = Field(default=None, ge=1, le=512, description="Processor cores requested; no limit is set.")
    memory_gib: int | None = Field(
        default=None,
        alias="memoryGiB",
        ge=2,
        le=8192,
        description="Memory in GiB, request and limit alike. Includes shared memory.",
    )
    shm_gib: int | None = Field(
        default=None, alias="shmGiB", ge=1, le=1024, description="Size of /dev/shm in GiB; counts as memory."
    )


class Scaling(SettingsModel):
    """Bounds of the number of replicas."""

    min: int = Field(default=1, ge=0, le=1000, description="Fewest replicas.")
    max: int = Field(default=1, ge=1, le=1000, description="Most replicas.")


class Lifecycle(SettingsModel):
    """How long a replica may take to come, and to go."""

    startup_minutes: int = Field(
        default=30,
        ge=1,
        le=240,
        description="Time a replica may take to download and load the model before it is restarted, in minutes.",
    )
    drain_seconds: int = Field(
        default=60,
        ge=0,
        le=3600,
        description="Time that requests in flight get to finish when a replica stops, in seconds.",
    )


class Expose(SettingsModel):
    """Publication of a model outside the cluster."""

    host: HostName = Field(description="Public host name.")
    tls_secret: ObjectName | None = Field(default=None, description="Existing Secret with the certificate of the host.")
    auth: Literal["engineKey", "gateway", "none"] = Field(
        description="Who checks callers: the engine by its key, the gateway, or nobody (needs allowPublic: true)."
    )
    allow_public: bool = Field(default=False, description="Confirms auth: none.")


class KubernetesModel(SettingsModel):
    """One model served by replicas on the cluster's own GPUs."""

    target: Literal["kubernetes"] = Field(description="Where the model runs.")
    model: HubRepository
    revision: HubRevision = "main"
    owner: LabelValue | None = Field(
        default=None, description="Team that is called about this model. Required outside the lab."
    )
    engine: VllmEngine
    accelerator: AcceleratorChoice
    cache: Cache = Field(default_factory=lambda: Cache(sizeGiB=100))
    resources: Resources = Field(default_factory=Resources)
    scaling: Scaling = Field(default_factory=Scaling)
    lifecycle: Lifecycle = Field(default_factory=Lifecycle)
    expose: Expose | None = None
    formerly: Annotated[
        list[ModelName],
        Field(
            default_factory=list,
            description="Names this model had before, oldest first. Live objects keep the oldest name.",
        ),
    ]
