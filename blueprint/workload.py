"""A model on the cluster's GPUs, resolved: everything its objects need, each decision with its reason."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from blueprint.accelerators import ACCELERATORS, LABEL_KEYS
from blueprint.description import Description, object_name
from blueprint.engines import vllm
from blueprint.engines.process import EngineProcess
from blueprint.lifecycle import Times, resolve_times
from blueprint.llm_d import Delivery, resolve_delivery
from blueprint.pins import pinned_image, pinned_revision
from blueprint.resources import Resolved, cpu, memory_gib, shm_gib
from blueprint.rollout import Rollout, resolve_rollout
from blueprint.settings import KubernetesModel
from blueprint.weights import Storage, resolve_storage


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One model, ready to be described to Kubernetes.

    object_name: name of its live objects; the oldest name of the model.
    gpu_label: key of the node label that tells the GPU type, and the values that are this accelerator.
    llm_d: the chart that runs the replicas; None where a Deployment of this project does.
    """

    name: str
    formerly: Sequence[str]
    object_name: str
    owner: str | None
    engine: EngineProcess
    gpu_resource: str
    gpu_count: int
    gpu_label: tuple[str, Sequence[str]]
    runtime_class: str | None
    replicas: int
    image: Resolved[str]
    revision: Resolved[str]
    cpu: Resolved[int]
    memory_gib: Resolved[int]
    shm_gib: Resolved[int]
    storage: Resolved[Storage]
    rollout: Resolved[Rollout]
    times: Resolved[Times]
    llm_d: Resolved[Delivery] | None

    def decisions(self) -> Mapping[str, Resolved[object]]:
        """What was derived, for people who ask why."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Resolved)}

    @property
    def rollout_seconds(self) -> int:
        """Longest time that a rollout of all replicas may take while it still advances."""
        step = max(self.rollout.value.max_surge, self.rollout.value.max_unavailable)
        return math.ceil(self.replicas / step) * self.times.value.progress_deadline


def resolve_workload(description: Description, name: str, model: KubernetesModel) -> Workload:
    """Derive one model's workload from a description that passed its checks."""
    cluster = description.settings.cluster
    if cluster is None:
        raise ValueError(f"models.{name}: a description without cluster has no workloads")
    accelerator = ACCELERATORS[model.accelerator.type]
    revision = pinned_revision(description, model.model, model.revision)
    live_name = object_name(name, model.formerly)
    storage = resolve_storage(model.cache, live_name)
    engine = vllm.process(model, name=name, revision=revision.value)
    return Workload(
        name=name,
        formerly=model.formerly,
        object_name=live_name,
        owner=model.owner,
        engine=engine,
        gpu_resource=accelerator.resource,
        gpu_count=model.accelerator.count,
        gpu_label=(LABEL_KEYS[cluster.node_labels], accelerator.labels[cluster.node_labels]),
        runtime_class=cluster.runtime_class,
        replicas=model.scaling.max,
        image=pinned_image(description, engine.image),
        revision=revision,
        cpu=cpu(model),
        memory_gib=memory_gib(model),
        shm_gib=shm_gib(model),
        storage=storage,
        rollout=resolve_rollout(description, cluster, model, storage.value),
        times=resolve_times(model.lifecycle),
        llm_d=resolve_delivery(model.llm_d, model.model, storage.value),
    )
