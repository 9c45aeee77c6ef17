"""The cluster: accelerators that exist, quota that suffices, a budget that can be computed and is kept."""

import difflib
from collections.abc import Iterator

from blueprint.accelerators import ACCELERATORS
from blueprint.description import Description
from blueprint.issues import Issue
from blueprint.parallel import gpus_per_replica
from blueprint.settings import Cluster

HOURS_PER_MONTH = 730
"""365 x 24 / 12; what cloud price lists call a month."""


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of the cluster and of what all models together ask of it."""
    cluster = description.settings.cluster
    if cluster is None:
        yield from _missing_cluster(description)
        return
    yield from _unknown_accelerators(cluster)
    yield from _quota(description, cluster)
    yield from _budget(description, cluster)


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


def _quota(description: Description, cluster: Cluster) -> Iterator[Issue]:
    for name, pool in cluster.accelerators.items():
        users = [
            (model_name, model)
            for model_name, model in description.kubernetes_models()
            if model.accelerator.type == name
        ]
        wanted = sum(model.scaling.max * gpus_per_replica(model) for _, model in users)
        if wanted <= pool.available:
            continue
        terms = " + ".join(f"{n} {m.scaling.max} x {gpus_per_replica(m)}" for n, m in users)
        yield Issue(
            path=("cluster", "accelerators", name, "available"),
            problem=f"{pool.available} GPUs cannot hold all replicas at their maximum, {wanted} ({terms})",
            remedy=f"Raise it to {wanted}, or lower scaling.max or accelerator.count of these models.",
            reads=tuple(("models", n, key) for n, _ in users for key in ("scaling", "accelerator", "parallel")),
        )


def _budget(description: Description, cluster: Cluster) -> Iterator[Issue]:
    budget = description.settings.budget
    if budget is None:
        return
    total = 0.0
    unpriced: set[str] = set()
    reads: list[tuple[str, ...]] = []
    for name, model in description.kubernetes_models():
        pool = cluster.accelerators.get(model.accelerator.type)
        if pool is None:
            continue
        reads += [("models", name, key) for key in ("scaling", "accelerator", "parallel")]
        if pool.hourly_usd is None:
            if model.accelerator.type in unpriced:
                continue
            unpriced.add(model.accelerator.type)
            yield Issue(
                path=("cluster", "accelerators", model.accelerator.type, "hourlyUsd"),
                problem=f"this key is missing, so the budget cannot be checked for models.{name}",
                remedy="Add what one GPU costs per hour, or remove budget.",
                reads=(("models", name, "accelerator"), ("budget",)),
            )
            continue
        total += model.scaling.max * gpus_per_replica(model) * pool.hourly_usd * HOURS_PER_MONTH
    if total > budget.monthly_usd and not unpriced:
        yield Issue(
            path=("budget", "monthlyUsd"),
            problem=f"all replicas at their maximum cost {total:,.0f} USD in {HOURS_PER_MONTH} hours, above "
            f"{budget.monthly_usd:,.0f}",
            remedy="Raise the budget, or lower scaling.max or accelerator.count.",
            reads=(*reads, ("cluster", "accelerators")),
        )
