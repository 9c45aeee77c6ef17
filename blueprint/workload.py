"""A model on the cluster's GPUs, resolved: everything its objects need, each decision with its reason."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from blueprint.accelerators import ACCELERATORS, LABEL_KEYS
from blueprint.description import Description, object_name
from blueprint.engines import VLLM_VERSIONS, vllm, vllm_arguments
from blueprint.pins import pinned_image, pinned_revision
from blueprint.resources import Resolved, cpu, memory_gib, shm_gib
from blueprint.settings import Cluster, KubernetesModel
from blueprint.settings.kubernetes import Cache

IMAGE_PULL_SECONDS = 900
"""Budget for pulling an engine's image. About 10 GB compressed; published pulls take 5 to 10 minutes."""

PRE_STOP_SECONDS = 15
"""How long a stopping pod still serves, until every proxy has dropped it from its endpoints."""

GRACE_MARGIN_SECONDS = 15
"""From the end of the drain to SIGKILL: the engine's processes exit and free the GPU."""

STARTUP_PERIOD_SECONDS = 10


@dataclass(frozen=True)
class Rollout:
    """How many replicas a rollout adds before, or takes away first."""

    max_surge: int
    max_unavailable: int


@dataclass(frozen=True)
class Times:
    """A replica's life, in seconds."""

    startup: int
    pre_stop: int
    drain: int

    @property
    def grace(self) -> int:
        """From the decision to stop until SIGKILL: preStop, drain and a margin."""
        return self.pre_stop + self.drain + GRACE_MARGIN_SECONDS

    @property
    def progress_deadline(self) -> int:
        """Until a rollout that does not advance is called failed: pull, load, and a predecessor that drains first."""
        return IMAGE_PULL_SECONDS + self.startup + self.grace


@dataclass(frozen=True)
class Storage:
    """The weights' place: a claim that is made, a claim that exists, or an empty directory."""

    kind: Literal["claim", "existingClaim", "emptyDir"]
    size_gib: int | None = None
    access_mode: str | None = None
    storage_class: str | None = None
    claim_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One model, ready to be described to Kubernetes.

    object_name: name of its live objects; the oldest name of the model.
    gpu_label: key of the node label that tells the GPU type, and the values that are this accelerator.
    """

    name: str
    formerly: Sequence[str]
    object_name: str
    owner: str | None
    engine_version: str
    port: int
    health_path: str
    metrics_path: str
    user_id: int
    home: str
    command: Sequence[str]
    arguments: Sequence[str]
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
    storage = _storage(model.cache, live_name)
    times = Resolved(
        Times(
            startup=model.lifecycle.startup_minutes * 60,
            pre_stop=PRE_STOP_SECONDS,
            drain=model.lifecycle.drain_seconds,
        ),
        "startup and drain: lifecycle; a stopping pod serves on for preStop, until proxies have dropped it",
    )
    return Workload(
        name=name,
        formerly=model.formerly,
        object_name=live_name,
        owner=model.owner,
        engine_version=model.engine.version,
        port=vllm.PORT,
        health_path=vllm.HEALTH_PATH,
        metrics_path=vllm.METRICS_PATH,
        user_id=vllm.USER_ID,
        home=vllm.HOME,
        command=vllm.COMMAND,
        arguments=vllm_arguments(
            model=model.model,
            revision=revision.value,
            # The first is the name in metrics; clients may use either.
            served_names=[name, model.model],
            max_model_len=model.engine.max_model_len,
            gpu_memory_utilization=model.engine.gpu_memory_utilization,
            max_num_seqs=model.engine.max_num_seqs,
            tensor_parallel=model.accelerator.count,
            drain_seconds=model.lifecycle.drain_seconds,
        ),
        gpu_resource=accelerator.resource,
        gpu_count=model.accelerator.count,
        gpu_label=(LABEL_KEYS[cluster.node_labels], accelerator.labels[cluster.node_labels]),
        runtime_class=cluster.runtime_class,
        replicas=model.scaling.max,
        image=pinned_image(description, VLLM_VERSIONS[model.engine.version].image),
        revision=revision,
        cpu=cpu(model),
        memory_gib=memory_gib(model),
        shm_gib=shm_gib(model),
        storage=storage,
        rollout=_rollout(description, cluster, model, storage.value),
        times=times,
    )


def _storage(cache: Cache, live_name: str) -> Resolved[Storage]:
    if cache.mode == "none":
        return Resolved(Storage("emptyDir", size_gib=cache.size_gib), "cache.mode none: each start downloads the model")
    if cache.existing_claim is not None:
        return Resolved(
            Storage("existingClaim", access_mode=cache.access_mode, claim_name=cache.existing_claim),
            "given: cache.existingClaim; it outlives this stack",
        )
    return Resolved(
        Storage(
            "claim",
            size_gib=cache.size_gib,
            access_mode=cache.access_mode,
            storage_class=cache.storage_class,
            claim_name=f"{live_name}-cache",
        ),
        f"cache.mode shared: one claim, {cache.access_mode}",
    )


def spare_gpus(description: Description, cluster: Cluster, accelerator: str) -> int:
    """GPUs of a type that no replica takes at the models' maximum."""
    taken = sum(
        model.scaling.max * model.accelerator.count
        for _, model in description.kubernetes_models()
        if model.accelerator.type == accelerator
    )
    return cluster.accelerators[accelerator].available - taken


def _rollout(description: Description, cluster: Cluster, model: KubernetesModel, storage: Storage) -> Resolved[Rollout]:
    choice = model.accelerator
    spare = spare_gpus(description, cluster, choice.type)
    outage = "; one replica: no answer while it restarts" if model.scaling.max == 1 else ""
    if storage.access_mode == "ReadWriteOnce":
        return Resolved(Rollout(0, 1), f"a second node could not mount the cache: the old replica goes first{outage}")
    if spare < choice.count:
        return Resolved(
            Rollout(0, 1),
            f"{spare} of {cluster.accelerators[choice.type].available} {choice.type} are spare and a replica needs "
            f"{choice.count}: the old one goes first{outage}",
        )
    return Resolved(
        Rollout(1, 0),
        f"{spare} {choice.type} are spare: the new replica comes first, no outage; models that roll out at the same "
        "time take turns",
    )
