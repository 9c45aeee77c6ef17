"""How a rollout replaces replicas when GPUs are scarce."""

from dataclasses import dataclass

from blueprint.description import Description
from blueprint.resources import Resolved
from blueprint.settings import Cluster, KubernetesModel
from blueprint.weights import Storage


@dataclass(frozen=True)
class Rollout:
    """How many replicas a rollout adds before, or takes away first."""

    max_surge: int
    max_unavailable: int


def spare_gpus(description: Description, cluster: Cluster, accelerator: str) -> int:
    """GPUs of a type that no replica takes at the models' maximum."""
    taken = sum(
        model.scaling.max * model.accelerator.count
        for _, model in description.kubernetes_models()
        if model.accelerator.type == accelerator
    )
    return cluster.accelerators[accelerator].available - taken


def resolve_rollout(
    description: Description, cluster: Cluster, model: KubernetesModel, storage: Storage
) -> Resolved[Rollout]:
    """Surge where a whole replica is spare and can mount the weights; else the old replica goes first."""
    choice = model.accelerator
    spare = spare_gpus(description, cluster, choice.type)
    outage = "; one replica: no answer while it restarts" if model.scaling.max == 1 else ""
    if storage.kind == "claimPerReplica":
        return Resolved(Rollout(0, 1), f"a StatefulSet takes the old replica away first, one at a time{outage}")
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
