"""The cluster: accelerators that exist, quota that suffices."""

import difflib
from collections.abc import Iterator

from blueprint.accelerators import ACCELERATORS
from blueprint.description import Description
from blueprint.issues import Issue
from blueprint.parallel import gpus_per_replica
from blueprint.rollout import available_gpus, spare_gpus, wanted_gpus
from blueprint.settings import Cluster


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of the cluster and of what all models together ask of it."""
    cluster = description.settings.cluster
    if cluster is None:
        yield from _missing_cluster(description)
        return
    yield from _unknown_accelerators(cluster)
    yield from _nodes(cluster)
    yield from _quota(description, cluster)


def _missing_cluster(description: Description) -> Iterator[Issue]:
    for name, _ in description.kubernetes_models():
        yield Issue(
            path=("cluster",),
            problem=f"this key is missing, and models.{name} has target: kubernetes",
            remedy="Add cluster with context, id, namespace and accelerators.",
            reads=(("models", name, "target"),),
        )
        return


def _unknown_accelerators(cluster: Cluster) -> Iterator[Issue]:
    for name in cluster.accelerators:
        path = ("cluster", "accelerators", name)
        accelerator = ACCELERATORS.get(name)
        if accelerator is None:
            near = difflib.get_close_matches(name, ACCELERATORS, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}? " if near else ""
            yield Issue(
                path=path,
                problem="unknown accelerator",
                remedy=f"{hint}Known: {', '.join(ACCELERATORS)}. CONTRIBUTING.md says how to add one.",
            )
        elif cluster.node_labels not in accelerator.labels:
            yield Issue(
                path=path,
                problem=f"nodes labelled by {cluster.node_labels} never carry this type",
                remedy=f"Use nodeLabels: {' or '.join(accelerator.labels)}, or another accelerator.",
                reads=(("cluster", "nodeLabels"),),
            )


def _nodes(cluster: Cluster) -> Iterator[Issue]:
    for name, pool in cluster.accelerators.items():
        most = ACCELERATORS[name].max_per_node if name in ACCELERATORS else None
        if most is not None and pool.gpus_per_node is not None and pool.gpus_per_node > most:
            yield Issue(
                path=("cluster", "accelerators", name, "gpusPerNode"),
                problem=f"no machine carries {pool.gpus_per_node} {name}",
                remedy=f"Use at most {most}, or leave it out where nodes are not billed as a whole.",
            )


def _quota(description: Description, cluster: Cluster) -> Iterator[Issue]:
    models = list(description.kubernetes_models())
    told: list[frozenset[str]] = []
    for types in sorted({model.gpu_types for _, model in models}, key=lambda types: (len(types), types)):
        # Too little of one type is told once, not again for that and another. What is not declared is told elsewhere.
        if any(less <= {*types} for less in told) or not cluster.accelerators.keys() >= {*types}:
            continue
        if spare_gpus(description, cluster, types) >= 0:
            continue
        told.append(frozenset(types))
        offered, users = (
            available_gpus(cluster, types),
            [(n, m) for n, m in models if {*m.gpu_types} & {*types}],
        )
        wanted = sum(wanted_gpus(model) for _, model in users)
        terms = " + ".join(f"{n} {m.scaling.max} x {gpus_per_replica(m)}" for n, m in users)
        of_all = f" of {' and '.join(types)}" if len(types) > 1 else ""
        enough = cluster.accelerators[types[0]].available + wanted - offered
        yield Issue(
            path=("cluster", "accelerators", types[0], "available"),
            problem=f"{offered} GPUs{of_all} cannot hold all replicas at their maximum, {wanted} ({terms})",
            remedy=f"Raise it to {enough}, or lower scaling.max or accelerator.count of these models"
            + (", or remove the canary." if any(n in description.canaries.stable for n, _ in users) else "."),
            reads=(
                *(("models", n, key) for n, _ in users for key in ("scaling", "accelerator", "parallel")),
                *(("cluster", "accelerators", name) for name in types[1:]),
            ),
        )
