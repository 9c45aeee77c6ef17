"""The GPUs of a model: how many its pods hold, how full and how busy they are, what they cost."""

from collections.abc import Iterator

from blueprint.metrics import dcgm, kube_state
from blueprint.monitoring import recorded
from blueprint.monitoring.rule import Recording
from blueprint.monitoring.subject import Subject

_MIB_PARTS = (dcgm.FB_USED, dcgm.FB_FREE, dcgm.FB_RESERVED)


def recordings(subject: Subject) -> Iterator[Recording]:
    """Nothing of a model on processors."""
    workload = subject.workload
    if workload.gpu_resource is None:
        return
    held = held_gpus(subject)
    yield Recording(record=recorded.GPUS, expr=held, labels=subject.labels)
    used, free, reserved = (f"max by (pod, gpu) ({subject.of_pods(name)})" for name in _MIB_PARTS)
    yield Recording(
        record=recorded.GPU_MEMORY,
        # Exporters before 3.1 have no series of what the driver reserves.
        expr=f"{used} / ({used} + {free} + ({reserved} or 0 * {used}) > 0)",
        labels=subject.labels,
    )
    yield Recording(
        record=recorded.GPU_BUSY,
        expr=f"max by (pod, gpu) ({subject.of_pods(dcgm.GPU_UTIL)}) / 100",
        labels=subject.labels,
    )
    if workload.hourly_usd is not None:
        yield from _cost(subject, held, workload.hourly_usd)


def held_gpus(subject: Subject) -> str:
    """GPUs of the pods that have a node and have not ended: the others hold none."""
    requests = subject.of_pods(kube_state.POD_RESOURCE_REQUESTS, f'resource="{kube_state.GPU_RESOURCE}"', 'node!=""')
    phases = subject.of_pods(kube_state.POD_PHASE, 'phase=~"Pending|Running"')
    return f"sum(max by (pod, container) ({requests}) and on (pod) (max by (pod) ({phases}) > 0))"


def _cost(subject: Subject, held: str, hourly_usd: float) -> Iterator[Recording]:
    yield Recording(record=recorded.COST, expr=f"{held} * {hourly_usd!r}", labels=subject.labels)
    if "generation_tokens" not in subject.metrics:
        return
    # Sums over the same samples, idle ones among them: a rate over an hour is too low for a model of half an hour.
    cost, tokens = (
        f"sum_over_time({subject.recorded(name)}[1h])" for name in (recorded.COST, recorded.GENERATION_TOKENS)
    )
    yield Recording(
        record=recorded.COST_PER_MILLION_TOKENS, expr=f"1e6 * {cost} / (3600 * {tokens} > 0)", labels=subject.labels
    )
