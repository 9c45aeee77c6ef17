"""Settings of how one replica divides a model over its GPUs."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import SettingsModel


class Parallel(SettingsModel):
    """How one replica divides the model: tensor x pipeline is its GPUs, accelerator.count x nodes."""

    tensor: Literal[1, 2, 4, 8, 16, 32, 64] | None = Field(
        default=None,
        description="GPUs that share every layer; accelerator.count when absent. Fastest within a node, because each "
        "layer of each token waits for all of them. The model's attention heads must be divisible by it.",
    )
    pipeline: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Stages that the layers are cut into, one after the other; as many as nodes when absent. Between "
        "stages little data passes, so stages may be on several nodes.",
    )
    nodes: int = Field(
        default=1,
        ge=1,
        le=16,
        description="Nodes of one replica, each with accelerator.count GPUs. More than 1 needs the controller of "
        "LeaderWorkerSet in the cluster.",
    )
