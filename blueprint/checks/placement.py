"""Placement: GPUs that the stack declares, memory that suffices, somebody who is called."""

from collections.abc import Iterator

from blueprint.accelerators import ACCELERATORS
from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.resources import memory_gib, shm_gib
from blueprint.settings import KubernetesModel


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of what each model asks of its nodes."""
    cluster = description.settings.cluster
    for name, model in description.kubernetes_models():
        path = ("models", name)
        if cluster is not None:
            yield from _accelerator(path, model, list(cluster.accelerators))
        yield from _memory(path, model)
        if model.owner is None and not description.in_lab:
            yield Issue(
                path=(*path, "owner"),
                problem="this key is missing, and the stack is not the lab",
                remedy="Name the team that is called at night about this model.",
                reads=(("cluster", "context"), ("cluster", "id")),
            )


def _accelerator(path: KeyPath, model: KubernetesModel, declared: list[str]) -> Iterator[Issue]:
    choice = model.accelerator
    if choice.type not in declared:
        known = "" if choice.type in ACCELERATORS else " nor known to the accelerator registry"
        yield Issue(
            path=(*path, "accelerator", "type"),
            problem=f"{choice.type!r} is not declared under cluster.accelerators{known}",
            remedy=f"Use {' or '.join(declared)}, or declare it there with what is available.",
            reads=(("cluster", "accelerators"),),
        )
    elif choice.type in ACCELERATORS and choice.count > ACCELERATORS[choice.type].max_per_node:
        yield Issue(
            path=(*path, "accelerator", "count"),
            problem=f"no machine carries {choice.count} {choice.type}",
            remedy=f"Use at most {ACCELERATORS[choice.type].max_per_node}.",
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
