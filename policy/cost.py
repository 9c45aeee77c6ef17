"""Rules about what a stack costs at most."""

from collections.abc import Iterator
from dataclasses import dataclass

from blueprint.accelerators import HOURS_PER_MONTH
from policy.endpoints import KIND
from policy.reading import UNKNOWN, get, number
from policy.stack import Breaches, Resource, Stack, StackRule
from policy.workloads import Workload, accelerator, gpus_of_replica, kinds_of_gpu, most_replicas, workloads


@dataclass(frozen=True)
class _Cost:
    """What something costs in a month of 730 hours at its maximum; usd: None where that is not known, and why."""

    resource: Resource
    usd: float | None
    why: str = ""


def _costs(stack: Stack) -> Iterator[_Cost]:
    for workload in workloads(stack):
        # A Job ends; what it costs nobody can tell beforehand.
        if workload.resource.kind not in ("Job", "CronJob") and gpus_of_replica(workload):
            yield _of_workload(stack, workload)
    for endpoint in stack.of(KIND):
        yield _of_endpoint(stack, endpoint)


def _of_workload(stack: Stack, workload: Workload) -> _Cost:
    replicas, resource = most_replicas(stack, workload), workload.resource
    if replicas is None:
        return _Cost(resource, None, f"how many replicas {resource.called} has at most")
    asked = sorted({value for pod in workload.pods for value in kinds_of_gpu(pod)})
    if not asked:
        return _Cost(resource, None, f"which GPUs {resource.called} gets")
    prices = {value: stack.prices.gpu_hours.get(accelerator(value) or "") for value in asked}
    unpriced = [value for value, price in prices.items() if price is None]
    if unpriced:
        return _Cost(resource, None, f"what {' or '.join(unpriced)} for {resource.called} costs per hour")
    # Where it may run on several kinds, it may all run on the most expensive.
    price = max(one for one in prices.values() if one is not None)
    return _Cost(resource, replicas * sum(gpus_of_replica(workload).values()) * price * HOURS_PER_MONTH)


def _of_endpoint(stack: Stack, endpoint: Resource) -> _Cost:
    compute = get(endpoint.properties, "body", "compute")
    parts = [get(compute, key) for key in ("instanceType", "instanceSize")]
    replicas = number(get(compute, "scaling", "maxReplica"))
    if UNKNOWN in parts or None in parts:
        return _Cost(endpoint, None, "which instance it runs on")
    if replicas is None:
        return _Cost(endpoint, None, "how many replicas it has at most")
    instance = "/".join(map(str, parts))
    price = stack.prices.endpoint_hours.get(instance)
    if price is None:
        return _Cost(endpoint, None, f"what {instance} costs per hour")
    return _Cost(endpoint, replicas * price * HOURS_PER_MONTH)


def _over(stack: Stack) -> Breaches:
    budget = stack.prices.monthly_budget
    if budget is None:
        return
    costs = list(_costs(stack))
    total = sum(one.usd for one in costs if one.usd is not None)
    if total > budget:
        least = " at least" if any(one.usd is None for one in costs) else ""
        yield None, f"all replicas at their maximum cost{least} {total:,.0f} USD a month, above {budget:,.0f}"


def _unpriced(stack: Stack) -> Breaches:
    if stack.prices.monthly_budget is not None:
        for one in _costs(stack):
            if one.usd is None:
                yield one.resource, f"nobody says {one.why}"


def _dear(stack: Stack) -> Breaches:
    cap = stack.allowed.endpoint_monthly_usd
    if cap is None:
        return
    for endpoint in stack.of(KIND):
        one = _of_endpoint(stack, endpoint)
        if one.usd is None:
            yield endpoint, f"an endpoint may cost {cap:,.0f} USD a month, and nobody says {one.why}"
        elif one.usd > cap:
            yield endpoint, f"at its maximum it costs {one.usd:,.0f} USD a month, above {cap:,.0f}"


_PRICES = "GPUs have theirs in cluster.accelerators, endpoints' instances in policy/stacks.yaml."

RULES = (
    StackRule(
        name="cost-within-budget",
        description="All replicas at their maximum, for 730 hours, keep to budget.monthlyUsd, if there is one.",
        why="The bill comes a month later.",
        remedy="Raise the budget, or lower scaling.max.",
        mandatory=True,
        of=_over,
    ),
    StackRule(
        name="prices-known",
        description="Where there is a budget, everything has a price.",
        why="What has none is left out of the sum that is held against the budget.",
        remedy=_PRICES,
        mandatory=False,
        of=_unpriced,
    ),
    StackRule(
        name="endpoint-cost-capped",
        description="Each endpoint at its maximum costs no more than the stack allows.",
        why="An endpoint that something keeps busy is billed for all its replicas, day and night.",
        remedy=f"Lower scaling.max, choose a smaller instance, or say its price. {_PRICES}",
        mandatory=True,
        of=_dear,
    ),
)
