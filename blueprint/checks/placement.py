"""Placement: GPUs that the stack declares, memory that suffices, somebody who is called."""

from collections.abc import Iterator

from blueprint.accelerators import ACCELERATORS
from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.lifecycle import resolve_times
from blueprint.placement import spot_notice
from blueprint.resources import memory_gib, shm_gib
from blueprint.rollout import available_gpus
from blueprint.settings import Cluster, KubernetesModel
from blueprint.settings.placement import AcceleratorChoice


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of what each model asks of its nodes."""
    cluster = description.settings.cluster
    for name, model in description.kubernetes_models():
        path = ("models", name)
        if model.accelerator is None:
            yield from _processors(path, model)
        elif cluster is not None:
            yield from _accelerators(path, model, model.accelerator, cluster)
        if cluster is not None:
            yield from _spot(description, path, model, cluster)
        yield from _memory(path, model)
        if model.owner is None and not description.in_lab:
            yield Issue(
                path=(*path, "owner"),
                problem="this key is missing, and the stack is not the lab",
                remedy="Name the team that is called at night about this model.",
                reads=(("cluster", "context"), ("cluster", "id")),
            )


def _processors(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    if model.engine.name != "custom":
        yield Issue(
            path=(*path, "accelerator"),
            problem=f"this key is missing, and the image of {model.engine.name} needs a GPU",
            remedy="Give type and count, or use engine custom with an image that runs on processors.",
            reads=((*path, "engine"),),
        )


def _accelerators(
    path: KeyPath, model: KubernetesModel, choice: AcceleratorChoice, cluster: Cluster
) -> Iterator[Issue]:
    declared = list(cluster.accelerators)
    use = f"Use {' or '.join(declared)}, or declare it" if declared else "Declare it"
    at = (*path, "accelerator")
    places = [(*at, "type"), *((*at, "alternatives", str(index)) for index in range(len(choice.alternatives)))]
    refused = False
    for place, name in zip(places, choice.types, strict=True):
        if name not in declared:
            known = "" if name in ACCELERATORS else " nor known to the accelerator registry"
            yield Issue(
                path=place,
                problem=f"{name!r} is not declared under cluster.accelerators{known}",
                remedy=f"{use} there with what is available.",
                reads=(("cluster", "accelerators"),),
            )
            refused = True
        elif choice.types.index(name) != places.index(place):
            yield Issue(
                path=place,
                problem=f"{name} is already among the accelerators of this model",
                remedy="Name each once, the most wanted first.",
                reads=((*at, "type"), (*at, "alternatives")),
            )
            refused = True
        elif name in ACCELERATORS and choice.count > ACCELERATORS[name].max_per_node:
            yield Issue(
                path=(*at, "count"),
                problem=f"no machine carries {choice.count} {name}",
                remedy=f"Use at most {ACCELERATORS[name].max_per_node}.",
                reads=(place,),
            )
            refused = True
        elif choice.count > (cluster.accelerators[name].gpus_per_node or choice.count):
            per_node = cluster.accelerators[name].gpus_per_node
            key = ("cluster", "accelerators", name, "gpusPerNode")
            yield Issue(
                path=(*at, "count"),
                problem=f"a pod of {choice.count} GPUs fits no node with {per_node} {name} ({'.'.join(key)})",
                remedy=f"Use at most {per_node}, on several nodes with parallel.nodes, or correct gpusPerNode.",
                reads=(place, key),
            )
            refused = True
    if not refused:
        yield from _whole_replicas(path, model, choice, cluster)


def _whole_replicas(
    path: KeyPath, model: KubernetesModel, choice: AcceleratorChoice, cluster: Cluster
) -> Iterator[Issue]:
    """GPUs of two types make no replica together."""
    fits = sum(cluster.accelerators[name].available // choice.count for name in choice.types)
    if len(choice.types) > 1 and fits < model.scaling.max <= available_gpus(cluster, choice.types) // choice.count:
        yield Issue(
            path=(*path, "accelerator", "alternatives"),
            problem=f"{fits} replicas fit, since the {choice.count} GPUs of a replica are of one type, and scaling.max "
            f"is {model.scaling.max}",
            remedy=f"Declare a multiple of {choice.count} as available, or lower scaling.max.",
            reads=((*path, "accelerator"), (*path, "scaling"), ("cluster", "accelerators")),
        )


def _spot(description: Description, path: KeyPath, model: KubernetesModel, cluster: Cluster) -> Iterator[Issue]:
    if model.placement.spot is None:
        return
    at, notice = (*path, "placement", "spot", "noticeSeconds"), spot_notice(cluster, model)
    if notice is None:
        yield Issue(
            path=at,
            problem=f"this key is missing, and nodes labelled by {cluster.node_labels} are of any cloud",
            remedy="Give what a spot node that is taken back leaves its pods: 120 on AWS; on GKE 15, or what the node "
            "pool says.",
            reads=(("cluster", "nodeLabels"),),
        )
        return
    grace = resolve_times(description, model).value.grace
    if grace > notice.value:
        longest = notice.value - (grace - model.lifecycle.drain_seconds)
        remedy = (
            f"Use lifecycle.drainSeconds: {longest} or less, or on-demand nodes."
            if longest >= 0
            else f"Have the nodes give {grace} and say so here (on GKE, graceful termination of the node pool), lower "
            "lifecycle.drainSeconds, or use on-demand nodes."
        )
        yield Issue(
            path=at,
            problem=f"a node that is taken back leaves {notice.value} s ({notice.why}) and a replica needs {grace} to "
            "stop: what it still answers would be cut",
            remedy=remedy,
            reads=((*path, "lifecycle", "drainSeconds"), ("cluster", "nodeLabels")),
        )


def _memory(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    shm, memory = shm_gib(model), memory_gib(model)
    if shm.value >= memory.value:
        # Shared memory that follows from the GPU count is nothing that somebody wrote.
        key = "shmGiB" if model.resources.shm_gib is not None else "memoryGiB"
        yield Issue(
            path=(*path, "resources", key),
            problem=f"shared memory of {shm.value} GiB counts as memory and leaves nothing of {memory.value} GiB",
            remedy=f"Use shmGiB below {memory.value}, or memoryGiB above {shm.value}.",
            reads=((*path, "resources"), (*path, "accelerator")),
        )
