"""Settings of a model that runs on the cluster's own GPUs."""

from typing import Annotated, Literal

from pydantic import Field

from blueprint.settings.base import HubRepository, HubRevision, LabelValue, ModelName, SettingsModel
from blueprint.settings.canary import Canary
from blueprint.settings.engines import ClusterEngine
from blueprint.settings.exposure import Expose
from blueprint.settings.lifecycle import Lifecycle
from blueprint.settings.llm_d import LlmD
from blueprint.settings.load import Load
from blueprint.settings.objectives import Objectives
from blueprint.settings.parallel import Parallel
from blueprint.settings.placement import AcceleratorChoice, Placement, Resources
from blueprint.settings.scaling import Scaling
from blueprint.settings.smoke import Smoke
from blueprint.settings.weights import Cache, Source


class KubernetesModel(SettingsModel):
    """One model served by replicas on the cluster's own GPUs."""

    target: Literal["kubernetes"] = Field(description="Where the model runs.")
    model: HubRepository
    revision: HubRevision = "main"
    owner: LabelValue | None = Field(
        default=None, description="Team that is called about this model. Required outside the lab."
    )
    engine: ClusterEngine
    accelerator: AcceleratorChoice | None = Field(
        default=None, description="The GPUs of one replica. Without it the model runs on processors, by engine custom."
    )
    parallel: Parallel = Field(default_factory=Parallel)
    placement: Placement = Field(default_factory=Placement)
    cache: Cache = Field(default_factory=lambda: Cache(sizeGiB=100))
    source: Source | None = Field(
        default=None,
        description="Weights from elsewhere than the Hub; model is their name then. Nothing pins a bucket's content.",
    )
    resources: Resources = Field(default_factory=Resources)
    scaling: Scaling = Field(default_factory=Scaling)
    lifecycle: Lifecycle = Field(default_factory=Lifecycle)
    expose: Expose | None = None
    canary: Canary | None = None
    llm_d: LlmD | None = None
    objectives: Objectives = Field(default_factory=Objectives)
    smoke: Smoke = Field(default_factory=Smoke)
    load: Load | None = None
    formerly: Annotated[
        list[ModelName],
        Field(
            default_factory=list,
            description="Names this model had before, oldest first. Live objects keep the oldest name.",
        ),
    ]

    @property
    def gpus_per_pod(self) -> int:
        """GPUs of one pod; 0 for a model on processors."""
        return self.accelerator.count if self.accelerator else 0

    @property
    def gpu_types(self) -> tuple[str, ...]:
        """Every accelerator that will do, the most wanted first; none for a model on processors."""
        return self.accelerator.types if self.accelerator else ()
