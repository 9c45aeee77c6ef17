"""Why a model does not have the replicas that it should: what stands in the way, and what to do."""

import datetime
from collections.abc import Iterator

from blueprint.workload import Workload
from ops.cluster.reading import Unread
from ops.status.facts import Pod, Replicas, Seen

_PULL = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName")


def missing(workload: Workload, replicas: Replicas | None, pods: list[Pod], seen: Seen) -> Iterator[str]:
    """Reasons that concern the model as a whole."""
    if replicas is None:
        yield "not deployed: `up` has not made it, or it was deleted"
        return
    if replicas.refused:
        yield f"the API server takes no more pods: {replicas.refused.rstrip('.')}. {_quota_remedy(replicas.refused)}"
    if not replicas.wanted:
        yield "scaled to zero"
    leaving = [pod for pod in pods if pod.deleting]
    if leaving and any(pod.unscheduled is not None for pod in pods):
        yield f"{len(leaving)} of its pods are stopping, and hold their GPUs until they have drained"
    if isinstance(seen.claims, Unread):
        return
    claim = workload.storage.value.claim_name
    if claim is not None and claim not in seen.claims and workload.storage.value.kind in ("claim", "node"):
        yield f"its claim {claim} is missing: run `up`"


def waiting(workload: Workload, pod: Pod, seen: Seen, now: datetime.datetime) -> str | None:
    """Why one pod is not ready; None when it is."""
    if pod.deleting:
        return f"stopping: it has up to {workload.times.value.grace} s to finish its requests"
    if pod.ready:
        return None
    if pod.unscheduled is not None:
        return _unscheduled(workload, pod, seen)
    if pod.scheduled is None:
        return "the scheduler has not looked at it yet"
    return _unbound(pod, seen) or _container(pod) or _loading(workload, pod, now, pod.scheduled)


def _unbound(pod: Pod, seen: Seen) -> str | None:
    if isinstance(seen.claims, Unread):
        return None
    for name in pod.claims:
        if (phase := seen.claims.get(name, "missing")) != "Bound":
            return f"its claim {name} is {phase}: see `kubectl describe pvc {name}`"
    return None


def _loading(workload: Workload, pod: Pod, now: datetime.datetime, since: datetime.datetime) -> str:
    budget = span(workload.times.value.startup)
    why = f"loading for {span((now - since).total_seconds())}; restarted after {budget} (lifecycle.startupMinutes)"
    if pod.restarts:
        why += f"; {pod.restarts} restarts"
    return f"{why}. Last end: {_told(pod.ended)}" if pod.ended else why


def _unscheduled(workload: Workload, pod: Pod, seen: Seen) -> str:
    """The scheduler's words, with who holds the GPUs when that is why."""
    said = " ".join((pod.unscheduled or "").split()).rstrip(".")
    if f"Insufficient {workload.gpu_resource}" not in said:
        return f"no node takes it: {said}"
    if isinstance(seen.gpu_nodes, Unread) or isinstance(seen.pods, Unread):
        return f"no free GPU: {said}"
    nodes = {name: devices for name, (accelerator, devices) in seen.gpu_nodes.items() if accelerator}
    held: dict[str, int] = {}
    for other in seen.pods:
        if other.node in nodes:
            held[other.instance] = held.get(other.instance, 0) + other.gpus
    elsewhere = 0 if isinstance(seen.others, Unread) else sum(seen.others.get(node, 0) for node in nodes)
    holders = [f"{name} {count}" for name, count in sorted(held.items()) if count]
    if elsewhere:
        holders.append(f"other namespaces {elsewhere}")
    return (
        f"waits for {pod.gpus} free GPU{'s' if pod.gpus > 1 else ''}; held now: {', '.join(holders) or 'none'}. {said}"
    )


def _container(pod: Pod) -> str | None:
    """What keeps a container from running, where it is more than its start."""
    reason, message = pod.waiting or ("", "")
    if reason in _PULL:
        return f"its image cannot be pulled: {message or reason}"
    if reason == "CreateContainerConfigError":
        return f"its configuration is not there: {message}"
    if reason == "CrashLoopBackOff":
        return f"it has died {pod.restarts} times. Last end: {_told(pod.ended)}"
    return None


def _told(ended: tuple[str, str] | None) -> str:
    """An end's reason and the last line of what the container said."""
    reason, message = ended or ("unknown", "")
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return f"{reason}: {lines[-1]}" if lines else reason


def _quota_remedy(said: str) -> str:
    if "exceeded quota" in said:
        return "Raise cluster.accelerators.*.available, or lower scaling or accelerator.count."
    return "`kubectl describe` of its set shows more."


def span(seconds: float) -> str:
    """A time for people."""
    if seconds < 120:  # noqa: PLR2004  two minutes
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 2 * 86_400 else f"{seconds / 86_400:.0f} days"
