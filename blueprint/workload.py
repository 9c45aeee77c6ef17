"""A model on the cluster's GPUs, resolved: everything its objects need, each decision with its reason."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from blueprint.accelerators import ACCELERATORS
from blueprint.description import Description, object_name
from blueprint.engines.parallel import Parallel
from blueprint.engines.process import EngineProcess
from blueprint.exposure import EngineKeys, Exposure, resolve_exposure, resolve_keys, splitter_of
from blueprint.images import image_of
from blueprint.lifecycle import Times, resolve_outage, resolve_times
from blueprint.llm_d import Delivery, resolve_delivery
from blueprint.monitoring.tracing import resource_attributes, sends_traces
from blueprint.network import Flows, download_flows, serving_flows
from blueprint.parallel import resolve_parallel
from blueprint.pins import pinned_revision
from blueprint.placement import Placement, resolve_placement
from blueprint.processes.resolve import fetched_beside, resolve_engine, resolve_image, served_name
from blueprint.resources import Resolved, cpu, memory_gib, shm_gib
from blueprint.rollout import Rollout, resolve_rollout
from blueprint.scaling import Autoscaling, resolve_scaling
from blueprint.settings import Cluster, KubernetesModel
from blueprint.settings.objectives import Objectives
from blueprint.weights import Storage, Weights, resolve_compile_cache, resolve_storage, resolve_weights


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One model, ready to be described to Kubernetes.

    object_name: name of its live objects; the oldest name of the model.
    stable: of a canary, the name of the model that it is tried beside; None for any other.
    replicas: at most. Where something scales, how many there are is the scaler's to write, and nobody else's.
    image: what runs; of one that is built the tag, and up puts its digest there. image_name: what the stack calls it;
        None for an image that no name stands for.
    pull_secret: existing Secret with which nodes pull it, if any.
    gpu_resource, gpu_count: GPUs of one pod; None and 0 on processors. A replica has a pod on each of its nodes.
    warm_up: whether a replica is ready only once it has generated a token.
    outage: how long a rollout leaves callers without an answer, in seconds; 0 where another replica answers.
    llm_d: the chart that runs the replicas; None where an object of this project does.
    exposure: its publication, and keys: what its callers must show; None where it has none.
    objectives: what it promises.
    traces: what its traces say of the pod they come from, as OTEL_RESOURCE_ATTRIBUTES; None where it sends none.
    hourly_usd: price of one of its GPUs for an hour; None where nobody gave one, or where it may get GPUs of several
        prices.
    flows: what its replicas may do on the network, and download_flows: the Job that fills its cache, if any.
    """

    name: str
    formerly: Sequence[str]
    object_name: str
    owner: str | None
    stable: str | None
    engine: EngineProcess
    gpu_resource: str | None
    gpu_count: int
    accelerators: Sequence[str]
    placement: Placement
    runtime_class: str | None
    replicas: int
    image: Resolved[str]
    image_name: str | None
    pull_secret: str | None
    revision: Resolved[str]
    parallel: Resolved[Parallel]
    cpu: Resolved[int]
    memory_gib: Resolved[int]
    shm_gib: Resolved[int]
    storage: Resolved[Storage]
    weights: Resolved[Weights]
    compile_cache: Resolved[str | None]
    rollout: Resolved[Rollout]
    scaling: Resolved[Autoscaling | None]
    times: Resolved[Times]
    outage: Resolved[int]
    warm_up: bool
    llm_d: Resolved[Delivery] | None
    exposure: Resolved[Exposure] | None
    keys: Resolved[EngineKeys] | None
    objectives: Objectives
    traces: str | None
    hourly_usd: float | None
    flows: Flows
    download_flows: Flows | None

    def decisions(self) -> Mapping[str, Resolved[object]]:
        """What was derived, for people who ask why."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Resolved)}

    @property
    def nodes(self) -> int:
        """Nodes of one replica, with one pod on each."""
        return self.parallel.value.nodes

    @property
    def gpus_per_replica(self) -> int:
        """GPUs that all pods of one replica hold together."""
        return self.gpu_count * self.nodes

    @property
    def kind(self) -> Literal["Deployment", "StatefulSet", "LeaderWorkerSet"]:
        """What runs the replicas, under object_name."""
        if self.nodes > 1:
            return "LeaderWorkerSet"
        return "StatefulSet" if self.storage.value.kind == "claimPerReplica" else "Deployment"

    @property
    def rollout_pods(self) -> int:
        """Most pods that exist at once while a rollout replaces all replicas."""
        return (self.replicas + self.rollout.value.surplus(self.replicas)) * self.nodes

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
    revision = pinned_revision(description, model.model, model.revision)
    live_name = object_name(name, model.formerly)
    storage = resolve_storage(model, live_name)
    engine = resolve_engine(
        description, model, name=name, revision=revision.value, other_names=_other_names(description, name)
    )
    weights = resolve_weights(model, revision.value, beside=fetched_beside(description, model, engine))
    rollout = resolve_rollout(description, cluster, model, storage.value)
    image = image_of(description, model)
    times = resolve_times(description, model)
    return Workload(
        name=name,
        formerly=model.formerly,
        object_name=live_name,
        owner=model.owner,
        stable=description.canaries.stable.get(name),
        engine=engine,
        gpu_resource=ACCELERATORS[model.accelerator.type].resource if model.accelerator else None,
        gpu_count=model.gpus_per_pod,
        accelerators=model.gpu_types,
        placement=resolve_placement(cluster, model),
        runtime_class=cluster.runtime_class,
        replicas=model.scaling.max,
        image=resolve_image(description, model, engine),
        image_name=image.name if image else None,
        pull_secret=image.pull_secret if image else None,
        revision=revision,
        parallel=resolve_parallel(model),
        cpu=cpu(model),
        memory_gib=memory_gib(model),
        shm_gib=shm_gib(model),
        storage=storage,
        weights=weights,
        compile_cache=resolve_compile_cache(model, engine),
        rollout=rollout,
        scaling=resolve_scaling(description, model, times.value),
        times=times,
        outage=resolve_outage(model, rollout.value, times.value),
        warm_up=model.lifecycle.warm_up,
        llm_d=resolve_delivery(model.llm_d, model.model, storage.value),
        exposure=resolve_exposure(description, cluster, name, model, engine),
        keys=resolve_keys(description, name, model, engine, rollout.value),
        objectives=model.objectives,
        traces=resource_attributes(name) if sends_traces(description) else None,
        hourly_usd=_hourly_usd(cluster, model),
        flows=serving_flows(description, cluster, model, name=name, engine=engine, weights=weights.value),
        download_flows=download_flows(description, weights.value),
    )


def _hourly_usd(cluster: Cluster, model: KubernetesModel) -> float | None:
    prices = {cluster.accelerators[name].hourly_usd for name in model.gpu_types}
    return prices.pop() if len(prices) == 1 else None


def _other_names(description: Description, name: str) -> Sequence[str]:
    """What requests call a model that another one shares out to it: the other's name."""
    other = splitter_of(description, name)
    model = description.settings.models.get(other or "")
    return [served_name(other, model)] if other is not None and isinstance(model, KubernetesModel) else []
