"""Settings of where replicas run: which GPUs, what else of their node, and nodes that may be taken away."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import ObjectName, SettingsModel


class AcceleratorChoice(SettingsModel):
    """The GPUs of one replica."""

    type: str = Field(description="An accelerator that the stack declares under cluster.accelerators.")
    alternatives: list[str] = Field(
        default_factory=list,
        description="Further declared accelerators that will do, the most wanted first. Their memory differs: "
        "the engine's settings must fit the smallest.",
    )
    count: Literal[1, 2, 4, 8] = Field(
        default=1,
        description="GPUs of one replica, or of each of its nodes where parallel.nodes is above 1; the engine shards "
        "the model over them, which needs a power of two.",
    )

    @property
    def types(self) -> tuple[str, ...]:
        """Every accelerator that will do, the most wanted first."""
        return (self.type, *self.alternatives)


class Spot(SettingsModel):
    """Nodes that the cloud sells for less and may take back."""

    notice_seconds: int | None = Field(
        default=None,
        ge=1,
        le=120,
        description="What a node that is taken back leaves its pods, in seconds. Follows from cluster.nodeLabels when "
        "absent: 15 on gke, where a node pool may say up to 120; 120 on AWS.",
    )


class Placement(SettingsModel):
    """What else decides where replicas run, and which come first."""

    priority_class: ObjectName | None = Field(
        default=None, description="An existing PriorityClass; the cluster's default when absent."
    )
    spot: Spot | None = Field(
        default=None, description="Prefers spot nodes, and tolerates their taint. On-demand nodes where it is absent."
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
