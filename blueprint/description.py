"""One stack's description: its settings beside the locks, as the checks and the resolution read them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from blueprint.canary import Canaries
from blueprint.locks import ImagesLock, ModelsLock
from blueprint.resources import Resolved
from blueprint.settings import EndpointModel, KubernetesModel, Settings
from blueprint.settings.stack import Namespace

LAB_ID = "lab"
"""Identity of the lab's cluster: the only one that takes unresolved locks and models without an owner."""

PART_OF = ("app.kubernetes.io/part-of", "llm-inference")
"""Label of everything that this project makes; a namespace without it is somebody else's."""

COLLECTOR = "llm-collector"
"""Name of the collector's objects, in a namespace of the stack's own."""

INSTANCE = "app.kubernetes.io/instance"
"""Key of the label that tells one model's pods from another's."""

_NO_NAME = re.compile("[^a-z0-9]+")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a stack file and the locks say, before anything is derived from it."""

    stack: str
    settings: Settings
    models_lock: ModelsLock
    images_lock: ImagesLock
    canaries: Canaries = field(default_factory=Canaries)

    @property
    def in_lab(self) -> bool:
        """Whether this stack deploys to the lab."""
        cluster = self.settings.cluster
        return cluster is not None and cluster.id == LAB_ID and cluster.context == LAB_ID

    @property
    def in_production(self) -> bool:
        """Whether an interruption of this stack has to be confirmed: what must not be deleted must not stop either."""
        return self.settings.deletion.protect

    @property
    def collector_name(self) -> str | None:
        """Name of its Service and of all its objects; None where there is none."""
        cluster, monitoring = self.settings.cluster, self.settings.monitoring
        if cluster is None or monitoring is None or monitoring.collector is None:
            return None
        return name_in(cluster.namespace, COLLECTOR, stack=self.stack)

    @property
    def endpoints_in_lab(self) -> bool:
        """Whether this stack's endpoints are those of the lab."""
        return self.settings.huggingface.api == "lab"

    def kubernetes_models(self) -> Iterator[tuple[str, KubernetesModel]]:
        """The models on the cluster's GPUs, by name, in order of name."""
        for name, model in sorted(self.settings.models.items()):
            if isinstance(model, KubernetesModel):
                yield name, model

    def endpoint_models(self) -> Iterator[tuple[str, EndpointModel]]:
        """The models on Inference Endpoints, by name, in order of name."""
        for name, model in sorted(self.settings.models.items()):
            if isinstance(model, EndpointModel):
                yield name, model


def own_labels(name: str) -> Mapping[str, str]:
    """Labels that select the pods of one thing of ours. They never change: a changed selector replaces its owner."""
    return {INSTANCE: name, PART_OF[0]: PART_OF[1]}


def name_in(namespace: Namespace, name: str, *, stack: str) -> str:
    """Name of an object of the whole stack: in a namespace of somebody else several stacks may live."""
    return name if namespace.create else f"{name}-{_NO_NAME.sub('-', stack.lower()).strip('-')}"


def object_name(name: str, formerly: list[str]) -> str:
    """Name of a model's live objects: its oldest, since renaming a Deployment, claim or Service replaces it."""
    return formerly[0] if formerly else name


def endpoint_name(name: str, model: EndpointModel) -> Resolved[str]:
    """Name of a model's endpoint: the one given, else its oldest, since another name replaces the endpoint."""
    if model.endpoint_name is not None:
        return Resolved(model.endpoint_name, "given: endpointName")
    if model.formerly:
        return Resolved(object_name(name, model.formerly), "the model's oldest name: another one replaces the endpoint")
    return Resolved(name, "the model's name")
