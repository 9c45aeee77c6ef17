"""How a rollout replaces replicas when GPUs are scarce."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from blueprint.description import Description
from blueprint.parallel import gpus_per_replica
from blueprint.resources import Resolved
from blueprint.settings import Cluster, KubernetesModel
from blueprint.weights import Storage


@dataclass(frozen=True)
class Rollout:
    """How many replicas a rollout adds before, or takes away first.

    max_unavailable: of scaling.max replicas.
    unavailable_percent: says the same as a share of the replicas there are, for a model that an autoscaler shrinks.
    """

    max_surge: int
    max_unavailable: int
    unavailable_percent: int | None = None

    def surplus(self, replicas: int) -> int:
        """Most pods beyond its replicas that a rollout has at once.

        Those that it adds, as many again that drain while their successors are made already, and those that drain
        because they went first. There are never more than an old and a new pod for each replica.
        """
        return min(2 * self.max_surge + self.max_unavailable, replicas)


def available_gpus(cluster: Cluster, types: Collection[str]) -> int:
    """GPUs of these types that the stack may use."""
    return sum(pool.available for name, pool in cluster.accelerators.items() if name in types)


def wanted_gpus(model: KubernetesModel) -> int:
    """GPUs of all replicas at their maximum."""
    return model.scaling.max * gpus_per_replica(model)


def spare_gpus(description: Description, cluster: Cluster, types: Collection[str]) -> int:
    """GPUs of these types that nobody takes at the models' maximum; negative where they do not suffice.

    A model with further types may sit on any of them: the scheduler moves no replica to make room for another.
    """
    offered = frozenset(types)
    taken = sum(_most_taken(cluster, model, offered) for _, model in description.kubernetes_models())
    return available_gpus(cluster, offered) - taken


def _most_taken(cluster: Cluster, model: KubernetesModel, offered: frozenset[str]) -> int:
    accepted = frozenset(model.gpu_types)
    if accepted <= offered:
        return wanted_gpus(model)
    return min(wanted_gpus(model), available_gpus(cluster, accepted & offered))


def resolve_rollout(
    description: Description, cluster: Cluster, model: KubernetesModel, storage: Storage
) -> Resolved[Rollout]:
    """Surge where a whole replica is spare and can mount the weights; else the old replica goes first."""
    types, scaling = model.gpu_types, model.scaling
    if storage.kind == "claimPerReplica":
        return Resolved(Rollout(0, 1), "a StatefulSet takes the old replica away first, one at a time")
    if storage.access_mode == "ReadWriteOnce":
        return Resolved(Rollout(0, 1), "a second node could not mount the cache: the old replica goes first")
    if not types:
        return Resolved(Rollout(1, 0), "no GPU is needed: the new replica comes first, no outage")
    spare, needed, names = spare_gpus(description, cluster, types), gpus_per_replica(model), " and ".join(types)
    # Spare GPUs of several types may be one here and one there, where no replica fits.
    if spare - (len(types) - 1) * (model.gpus_per_pod - 1) >= needed:
        return Resolved(
            Rollout(1, 0),
            f"{spare} {names} are spare: the new replica comes first, no outage; models that roll out at the same "
            "time take turns",
        )
    scarce = f"{spare} of {available_gpus(cluster, types)} {names} are spare and a replica needs {needed}"
    if scaling.min < scaling.max:
        # The smallest share that is one whole replica of the most there can be, and of fewer none.
        percent = math.ceil(100 / scaling.max)
        return Resolved(
            Rollout(1, scaling.max * percent // 100, unavailable_percent=percent),
            f"{scarce} at scaling.max, where an old one goes first; with fewer replicas the new one comes first",
        )
    return Resolved(Rollout(0, 1), f"{scarce}: the old one goes first")
