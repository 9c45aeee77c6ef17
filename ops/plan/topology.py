"""A plan's section about place: which models run where, and how many GPUs of those that are there they hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from blueprint.cost.stack import ModelCost
from blueprint.stack import Stack
from blueprint.timing.gpus import fewest_replicas
from blueprint.workload import Workload
from ops.plan.section import Section, Subject

_HEAD = ("where", "models", "GPUs, fewest", "GPUs, most", "available")


@dataclass(frozen=True, kw_only=True)
class Pool:
    """GPUs that the same models may get: of one kind, or of kinds of which each will do for a model.

    available: by kind. fewest, most: held at the fewest and at the most replicas.
    """

    available: dict[str, int]
    models: Sequence[str]
    fewest: int
    most: int

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "accelerators": list(self.available),
            "models": list(self.models),
            "usedMin": self.fewest,
            "usedMax": self.most,
            "available": sum(self.available.values()),
        }


def section(subject: Subject) -> Section:
    """Where each model runs."""
    stack = subject.stack
    found = pools(stack)
    rows = [
        (" or ".join(one.available), ", ".join(one.models), str(one.fewest), str(one.most), str(_sum(one)))
        for one in found
    ]
    rows += [(where, ", ".join(names), "", "", "") for where, names in _elsewhere(stack.cost.models)]
    cluster = stack.cluster
    return Section(
        key="topology",
        title="Where it runs",
        data={
            "cluster": {"id": cluster.id, "namespace": cluster.namespace.name} if cluster else None,
            "pools": [one.data() for one in found],
            "models": [
                {"model": one.name, "target": one.target, "hardware": one.hardware, "min": one.min, "max": one.max}
                for one in stack.cost.models
            ],
        },
        head=_HEAD,
        rows=rows,
        right=(2, 3, 4),
        remarks=["GPUs of the cluster, at the fewest and the most replicas; a rollout may need more meanwhile."]
        if found
        else [],
    )


def pools(stack: Stack) -> list[Pool]:
    """The GPUs of the cluster. Kinds between which a model may choose are one pool."""
    if stack.cluster is None:
        return []
    groups = [{kind} for kind in stack.cluster.accelerators]
    for workload in stack.workloads:
        joined = [group for group in groups if group & {*workload.accelerators}]
        groups = [group for group in groups if group not in joined] + ([set().union(*joined)] if joined else [])
    kinds = {name: pool.available for name, pool in stack.cluster.accelerators.items()}
    found = [_pool({kind: kinds[kind] for kind in kinds if kind in group}, stack.workloads) for group in groups]
    return sorted(found, key=lambda pool: list(kinds).index(next(iter(pool.available))))


def _pool(available: dict[str, int], workloads: Iterable[Workload]) -> Pool:
    users = [one for one in workloads if available.keys() & {*one.accelerators}]
    return Pool(
        available=available,
        models=sorted(one.name for one in users),
        fewest=sum(fewest_replicas(one) * one.gpus_per_replica for one in users),
        most=sum(one.replicas * one.gpus_per_replica for one in users),
    )


def _sum(pool: Pool) -> int:
    return sum(pool.available.values())


def _elsewhere(models: Iterable[ModelCost]) -> list[tuple[str, list[str]]]:
    """What holds no GPU of the cluster: endpoints, and models on processors."""
    found: dict[str, list[str]] = {}
    for model in models:
        if model.target == "endpoint" or model.hardware == "processors":
            where = f"endpoint: {model.hardware}" if model.target == "endpoint" else model.hardware
            found.setdefault(where, []).append(model.name)
    return sorted(found.items())
