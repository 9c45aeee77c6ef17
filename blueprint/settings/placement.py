"""Settings of where replicas run: which GPUs, and what else of their node."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import SettingsModel


class AcceleratorChoice(SettingsModel):
    """The GPUs of one replica."""

    type: str = Field(description="An accelerator that the stack declares under cluster.accelerators.")
    count: Literal[1, 2, 4, 8] = Field(
        default=1,
        description="GPUs of one replica, or of each of its nodes where parallel.nodes is above 1; the engine shards "
        "the model over them, which needs a power of two.",
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
