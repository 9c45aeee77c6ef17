"""Rules about how many replicas the workloads of a stack come to, and the GPUs for all of them."""

from collections.abc import Mapping

from policy.reading import UNKNOWN, get, number
from policy.stack import Breaches, Resource, Stack, StackRule, together
from policy.workloads import gpus_of_replica, most_replicas, scalers, surge, workloads


def _contested(stack: Stack) -> Breaches:
    for workload in workloads(stack):
        found = list(scalers(stack, workload))
        if len(found) > 1:
            names = " and ".join(one.called for one in found)
            yield workload.resource, f"{names} both scale {workload.resource.called}"
        fixed = number(get(workload.resource.properties, "spec", "replicas"))
        if found and fixed is not None:
            yield workload.resource, f"{workload.resource.called} has {fixed} replicas, and {found[0].called} scales it"


def _beyond(stack: Stack) -> Breaches:
    for quota in stack.of("ResourceQuota"):
        hard = get(quota.properties, "spec", "hard")
        for key in list(hard) if isinstance(hard, Mapping) else []:
            resource, limit = str(key).removeprefix("requests."), _count(get(hard, key))
            if not str(key).startswith("requests.") or limit is None:
                continue
            terms = list(_terms(stack, quota, resource))
            wanted = sum(count for count, _ in terms)
            if wanted > limit:
                sum_of = " + ".join(term for _, term in terms)
                held = f"and in a rollout at their maximum the workloads hold {wanted} ({sum_of})"
                yield quota, f"{quota.called} allows {limit} {resource}, {held}"


def _terms(stack: Stack, quota: Resource, resource: str) -> list[tuple[int, str]]:
    """What each workload of the quota's namespace holds at most, with how it comes about."""
    found = []
    for workload in workloads(stack):
        each_holds = gpus_of_replica(workload).get(resource, 0)
        replicas = most_replicas(stack, workload)
        if not each_holds or replicas is None or not together(workload.resource.namespace, quota.namespace):
            continue
        more = surge(workload, replicas)
        pods = f"({replicas} + {more})" if more else f"{replicas}"
        name = workload.resource.live_name
        term = f"{workload.resource.name if name is UNKNOWN else name} {pods} x {each_holds}"
        found.append(((replicas + more) * each_holds, term))
    return found


def _count(value: object) -> int | None:
    text = str(value).removesuffix(".0")
    return int(text) if text.isdecimal() else None


RULES = (
    StackRule(
        name="one-writer-of-replicas",
        description="What is scaled sets no replicas of its own, and is scaled by one scaler.",
        why="Each `up` would throw away what the load asked for, and two scalers undo each other's work.",
        remedy="Leave replicas out, and one scaler in.",
        mandatory=True,
        of=_contested,
    ),
    StackRule(
        name="gpus-within-quota",
        description="All workloads at their maximum, in a rollout, fit the namespace's quota of GPUs.",
        why="Pods beyond it are refused when the load is highest, and a rollout stands still.",
        remedy="Raise the quota, or lower scaling.max, replicas or maxSurge.",
        mandatory=True,
        of=_beyond,
    ),
)
