"""Rules about what a stack costs at most."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from blueprint.accelerators import HOURS_PER_MONTH
from blueprint.canary import TRACK, canary_name
from blueprint.cost.amounts import monthly, parts, times, total
from blueprint.cost.nodes import Held, idle_on
from policy.endpoints import KIND
from policy.reading import UNKNOWN, each, get, number
from policy.stack import Breaches, Resource, Stack, StackRule
from policy.workloads import Workload, accelerator, gpus_of_replica, kinds_of_gpu, most_replicas, pods_held, workloads

_MODEL, _OWNER = "llm-inference/model", "llm-inference/owner"


@dataclass(frozen=True, kw_only=True)
class _Cost:
    """What something costs in a month of 730 hours at its maximum; usd: None where that is not known, and why.

    model: whose it is; of a canary its model. owner: of that model. None: nobody says.
    """

    resource: Resource
    usd: float | None
    why: str = ""
    model: str | None
    owner: str | None


def _costs(stack: Stack) -> Iterator[_Cost]:
    for workload in _lasting(stack):
        if gpus_of_replica(workload):
            usd, why = _of_workload(stack, workload)
            model, owner = _whose(workload)
            yield _Cost(resource=workload.resource, usd=usd, why=why, model=model, owner=owner)
    for endpoint in stack.of(KIND):
        usd, why = _of_endpoint(stack, endpoint)
        tags = (str(tag) for tag in each(endpoint.properties, "body", "tags"))
        owner = next((tag.removeprefix("owner:") for tag in tags if tag.startswith("owner:")), None)
        model = endpoint.name.removesuffix("-endpoint")
        yield _Cost(resource=endpoint, usd=usd, why=why, model=model, owner=owner)


def _lasting(stack: Stack) -> Iterator[Workload]:
    # A Job ends; what it costs nobody can tell beforehand.
    return (workload for workload in workloads(stack) if workload.resource.kind not in ("Job", "CronJob"))


def _whose(workload: Workload) -> tuple[str | None, str | None]:
    # A chart has no labels of its own to give: llm-d's has annotations.
    said = [
        *(get(workload.resource.properties, "metadata", where) for where in ("labels", "annotations")),
        *(where for pod in workload.pods for where in (pod.labels, pod.annotations)),
    ]
    found = []
    for key in (_MODEL, _OWNER):
        values = (get(one, key) for one in said)
        found.append(next((value for value in values if isinstance(value, str)), None))
    model, owner = found
    if model is not None and any(get(one, TRACK[0]) == TRACK[1] for one in said):
        model = model.removesuffix(canary_name(""))
    return model, owner


def _of_workload(stack: Stack, workload: Workload) -> tuple[float | None, str]:
    replicas, resource = most_replicas(stack, workload), workload.resource
    if replicas is None:
        return None, f"how many replicas {resource.called} has at most"
    asked = sorted({value for pod in workload.pods for value in kinds_of_gpu(pod)})
    if not asked:
        return None, f"which GPUs {resource.called} gets"
    # A value that no accelerator has stays, and has no price.
    names = {value: accelerator(value) or value for value in asked}
    prices = stack.money.prices
    unpriced = [value for value, name in names.items() if name not in prices.gpus]
    if unpriced:
        return None, f"what {' or '.join(unpriced)} for {resource.called} costs per hour"
    # Where it may run on several kinds, it may all run on the most expensive.
    _, price = prices.of_gpus(list(names.values()), sum(gpus_of_replica(workload).values()))
    return monthly(price, replicas), ""


def _of_endpoint(stack: Stack, endpoint: Resource) -> tuple[float | None, str]:
    compute = get(endpoint.properties, "body", "compute")
    parts = [get(compute, key) for key in ("instanceType", "instanceSize")]
    replicas = number(get(compute, "scaling", "maxReplica"))
    if UNKNOWN in parts or None in parts:
        return None, "which instance it runs on"
    if replicas is None:
        return None, "how many replicas it has at most"
    instance = "/".join(map(str, parts))
    price = stack.money.prices.instances.get(instance)
    return monthly(price, replicas), "" if price is not None else f"what {instance} costs per hour"


def _over(stack: Stack) -> Breaches:
    hour, whole = idle_on(_held(stack), stack.money.prices, dearest=True).usd
    idle = times(hour, HOURS_PER_MONTH)
    what = f"all replicas, with {idle:,.0f} USD of GPUs that stay idle on whole nodes," if idle else "all replicas"
    yield from _above([*(one.usd for one in _costs(stack)), *parts((idle, whole))], stack.money.all, what)


def _held(stack: Stack) -> Iterator[Held]:
    """The pods that hold GPUs of a kind."""
    for workload in _lasting(stack):
        replicas = most_replicas(stack, workload)
        for pod, gpus, count in pods_held(workload):
            types = sorted({accelerator(value) or value for value in kinds_of_gpu(pod)})
            yield Held(types=types, gpus=gpus, pods=None if replicas is None else count * replicas)


def _models_over(stack: Stack) -> Breaches:
    for name, budget in stack.money.models.items():
        yield from _above(_of(stack, lambda one: one.model, name), budget, f"all replicas of {name}")


def _owners_over(stack: Stack) -> Breaches:
    for name, budget in stack.money.owners.items():
        yield from _above(_of(stack, lambda one: one.owner, name), budget, f"all replicas that {name} owns")


def _of(stack: Stack, whose: Callable[[_Cost], str | None], name: str) -> Iterator[float | None]:
    return (one.usd for one in _costs(stack) if whose(one) == name)


def _above(costs: Iterable[float | None], budget: float | None, what: str) -> Breaches:
    known, whole = total(costs)
    if budget is not None and known is not None and known > budget:
        least = "" if whole else " at least"
        yield None, f"{what} at their maximum cost{least} {known:,.0f} USD a month, above {budget:,.0f}"


def _unpriced(stack: Stack) -> Breaches:
    if stack.money.budgeted:
        for one in _costs(stack):
            if one.usd is None:
                yield one.resource, f"nobody says {one.why}"


def _dear(stack: Stack) -> Breaches:
    cap = stack.allowed.endpoint_monthly_usd
    if cap is None:
        return
    for endpoint in stack.of(KIND):
        usd, why = _of_endpoint(stack, endpoint)
        if usd is None:
            yield endpoint, f"an endpoint may cost {cap:,.0f} USD a month, and nobody says {why}"
        elif usd > cap:
            yield endpoint, f"at its maximum it costs {usd:,.0f} USD a month, above {cap:,.0f}"


_PRICES = "GPUs have theirs in cluster.accelerators.NAME.hourlyUsd, endpoints' instances in huggingface.hourlyUsd."
_LATER = "The bill comes a month later."
_LOWER = "Raise the budget, or lower scaling.max."

RULES = (
    StackRule(
        name="cost-within-budget",
        description="All replicas at their maximum, for 730 hours, keep to budget.monthlyUsd, if there is one.",
        why=_LATER,
        remedy=_LOWER,
        mandatory=True,
        of=_over,
    ),
    StackRule(
        name="model-within-budget",
        description="The replicas of a model and its canary, so reckoned, keep to budget.models.NAME, if there is one.",
        why=_LATER,
        remedy=_LOWER,
        mandatory=True,
        of=_models_over,
    ),
    StackRule(
        name="owner-within-budget",
        description="The replicas of an owner's models, so reckoned, keep to budget.owners.NAME, if there is one.",
        why=_LATER,
        remedy=_LOWER,
        mandatory=True,
        of=_owners_over,
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
