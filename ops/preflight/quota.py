"""Quotas of a namespace that belongs to somebody else, against what the stack's models ask for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from blueprint.stack import Stack
from blueprint.workload import Workload
from ops.cluster.quantity import GIB, Quantity, show
from ops.cluster.reading import Unread
from ops.preflight.facts import Finding, Quota, unchecked

_SYNONYMS = {
    "cpu": "requests.cpu",
    "memory": "requests.memory",
    "count/pods": "pods",
    "count/services": "services",
    "count/persistentvolumeclaims": "persistentvolumeclaims",
}

_OURS = ("NotTerminating", "NotBestEffort")
"""Scopes that our pods are in: they run for ever, and they have requests."""

_NEVER_SET = ("limits.cpu", "requests.ephemeral-storage", "limits.ephemeral-storage")
"""What our containers do not state. A quota on it refuses pods that are silent about it."""


def check(stack: Stack, quotas: Sequence[Quota] | Unread) -> Iterator[Finding]:
    """One finding per quota that does not suffice, or one that all do."""
    if isinstance(quotas, Unread):
        yield unchecked("quota", quotas)
        return
    steady, rolling = _needs(stack.workloads, rollout=False), _needs(stack.workloads, rollout=True)
    findings = [
        finding
        for quota in quotas
        if all(scope in _OURS for scope in quota.scopes)
        for finding in _judge(quota, steady, rolling)
    ]
    yield from findings or [Finding("quota", "ok", f"{len(quotas)} here, none too small")]


def _judge(quota: Quota, steady: Mapping[str, Quantity], rolling: Mapping[str, Quantity]) -> Iterator[Finding]:
    name = f"quota {quota.name}"
    for key, hard in sorted(quota.hard.items()):
        if key in _NEVER_SET and steady:
            yield Finding(
                name,
                "warn",
                f"limits {key}, which our pods do not state: they are refused unless a LimitRange gives a default. "
                "Ask the namespace's owner.",
            )
        wanted = steady.get(_SYNONYMS.get(key, key))
        if wanted is None:
            continue
        peak, used = rolling[_SYNONYMS.get(key, key)], quota.used.get(key, Decimal(0))
        about = f"{key} {show(hard)}, {show(used)} of it taken / {show(wanted)} for all replicas"
        if hard < wanted:
            yield Finding(name, "FAIL", f"{about}. Ask for more, or lower the models' replicas or GPUs.")
        elif hard < peak:
            yield Finding(name, "warn", f"{about}, {show(peak)} while rolling out: rollouts will wait. Ask for more.")
        elif hard - used < wanted:
            yield Finding(name, "warn", f"{about}. Enough only if what is taken are this stack's own pods.")


def _needs(workloads: Sequence[Workload], *, rollout: bool) -> Mapping[str, Quantity]:
    needs: Counter[str] = Counter()
    for workload in workloads:
        pods = workload.rollout_pods if rollout else workload.replicas * workload.nodes
        replicas = pods // workload.nodes
        memory = workload.memory_gib.value * GIB
        needs["pods"] += pods
        needs["requests.cpu"] += pods * workload.cpu.value
        if workload.gpu_resource:
            needs[f"requests.{workload.gpu_resource}"] += pods * workload.gpu_count
        needs["services"] += 1
        if workload.kind == "Deployment":
            needs["count/deployments.apps"] += 1
        else:
            # The controller makes a Service for each group, a StatefulSet for all leaders, and one for its workers.
            needs["services"] += replicas
            needs["count/statefulsets.apps"] += 1 + replicas
            needs["count/leaderworkersets.leaderworkerset.x-k8s.io"] += 1
        storage = workload.storage.value
        if storage.kind == "claim" and storage.size_gib is not None:
            needs["persistentvolumeclaims"] += 1
            needs["requests.storage"] += int(storage.size_gib * GIB)
        for key in ("requests.memory", "limits.memory"):
            needs[key] += int(pods * memory)
    return {key: Decimal(amount) for key, amount in needs.items()}
