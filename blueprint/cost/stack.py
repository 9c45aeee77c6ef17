"""What each model of a stack costs, and all of them: at the fewest replicas, the most, a declared load, in a rollout.

A GPU costs what the stack says, whichever machine it is in. Where the stack says how many GPUs a node has, whole nodes
are billed: what stays idle on them is a part of the stack and of no model.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from blueprint.accelerators import HOURS_PER_MONTH
from blueprint.cost.amounts import Total, monthly, parts, times, total, usd
from blueprint.cost.load import LoadCost, cost_at
from blueprint.cost.nodes import Held, Idle, idle_on
from blueprint.cost.prices import Prices
from blueprint.cost.storage import Claim, claims_of, month_of
from blueprint.endpoint import Endpoint
from blueprint.settings import Monitoring
from blueprint.settings.load import Load
from blueprint.workload import Workload


@dataclass(frozen=True, kw_only=True)
class ModelCost:
    """What one model costs, in US dollars; None: unknown.

    stable: of a canary, the name of the model that it is tried beside.
    hardware: of one replica. least, most: one replica and hour, on the cheapest and on the dearest of what will do.
    min, max: replicas; a paused endpoint has none at least.
    doubled: most replicas that are billed beside these while a rollout replaces them; None: unknown.
    unpriced: the keys of the stack file that would say what is not known.
    load: at the load that the stack file declares, on the dearest of what will do; None where it declares none.
    replica: the pods of one replica that hold GPUs of a node; None where it has none. How they are placed is the
        stack's cost and not the model's, so two costs that differ in it alone are the same.
    """

    name: str
    owner: str | None
    stable: str | None = None
    target: Literal["kubernetes", "endpoint"]
    hardware: str
    least: float | None
    most: float | None
    min: int
    max: int
    doubled: int | None
    unpriced: Sequence[str] = ()
    load: LoadCost | None = None
    replica: Held | None = field(default=None, compare=False)

    @property
    def hour_min(self) -> float | None:
        """At its fewest replicas, for an hour."""
        return times(self.least, self.min)

    @property
    def hour_max(self) -> float | None:
        """At its most replicas, for an hour."""
        return times(self.most, self.max)

    @property
    def month_min(self) -> float | None:
        """At its fewest replicas, for a month."""
        return monthly(self.least, self.min)

    @property
    def month_max(self) -> float | None:
        """At its most replicas, for a month."""
        return monthly(self.most, self.max)

    @property
    def replicas_loaded(self) -> int | None:
        """At its load. Without one they are known only where nothing scales them."""
        if self.load is not None:
            return self.load.replicas
        return self.max if self.min == self.max else None

    @property
    def hour_loaded(self) -> float | None:
        """At its load, for an hour. Without one it is known only where nothing scales its replicas."""
        if self.load is not None:
            return self.load.hour
        return self.hour_max if self.min == self.max else None

    @property
    def month_loaded(self) -> float | None:
        """The same for a month."""
        if self.load is not None:
            return self.load.month
        return self.month_max if self.min == self.max else None

    @property
    def hour_replaced(self) -> float | None:
        """What comes on top for an hour while a rollout replaces replicas, at the most."""
        return None if self.doubled is None else times(self.most, self.doubled)


@dataclass(frozen=True, kw_only=True)
class Amount:
    """An amount that a model and a stack have. of: a model's. replicas: how many it has then; None: unknown.

    dearest: on the dearest of the accelerators that will do, and not on the cheapest. hours: that it is for.
    """

    of: Callable[[ModelCost], float | None]
    replicas: Callable[[ModelCost], int | None]
    dearest: bool
    hours: int = 1

    def __call__(self, model: ModelCost) -> float | None:
        """Of one model; None: unknown."""
        return self.of(model)


def _min(of: Callable[[ModelCost], float | None], hours: int = 1) -> Amount:
    return Amount(of=of, replicas=lambda model: model.min, dearest=False, hours=hours)


def _max(of: Callable[[ModelCost], float | None], hours: int = 1) -> Amount:
    return Amount(of=of, replicas=lambda model: model.max, dearest=True, hours=hours)


def _loaded(of: Callable[[ModelCost], float | None], hours: int = 1) -> Amount:
    return Amount(of=of, replicas=lambda model: model.replicas_loaded, dearest=True, hours=hours)


AMOUNTS: Mapping[str, Amount] = MappingProxyType(
    {
        "hourMin": _min(lambda model: model.hour_min),
        "hourMax": _max(lambda model: model.hour_max),
        "monthMin": _min(lambda model: model.month_min, HOURS_PER_MONTH),
        "monthMax": _max(lambda model: model.month_max, HOURS_PER_MONTH),
    }
)
"""What a model and a stack cost, by what plans call it."""

AT_LOAD: Mapping[str, Amount] = MappingProxyType(
    {
        "hour": _loaded(lambda model: model.hour_loaded),
        "month": _loaded(lambda model: model.month_loaded, HOURS_PER_MONTH),
    }
)
"""The same at the declared loads."""


@dataclass(frozen=True, kw_only=True)
class StackCost:
    """What the models of a stack cost. prices: by which. monthly_usd: its budget, if it has one.

    claims: that it makes. Like the budgets, the sums are of replicas: storage has one of its own.
    """

    models: Sequence[ModelCost]
    claims: Sequence[Claim] = ()
    prices: Prices = field(default_factory=Prices)
    monthly_usd: float | None = None

    def total(self, amount: Amount) -> Total:
        """The sum of an amount over all models, with what stays idle on whole nodes."""
        return total([*(amount(model) for model in self.models), *parts(self.idle_usd(amount))])

    @property
    def rounded(self) -> bool:
        """Whether it has GPUs on nodes that are billed as a whole."""
        types = {name for model in self.models if model.replica for name in model.replica.types}
        return not types.isdisjoint(self.prices.per_node)

    def idle(self, amount: Amount) -> Idle:
        """The GPUs that stay idle on whole nodes when there are as many replicas as the amount is of."""
        held = [
            Held(types=one.types, gpus=one.gpus, pods=None if replicas is None else (one.pods or 0) * replicas)
            for model in self.models
            if (one := model.replica) is not None
            for replicas in [amount.replicas(model)]
        ]
        return idle_on(held, self.prices, dearest=amount.dearest)

    def idle_usd(self, amount: Amount) -> Total:
        """What these GPUs cost."""
        hour, whole = self.idle(amount).usd
        return times(hour, amount.hours), whole

    @property
    def loaded(self) -> Mapping[str, LoadCost]:
        """By name, the models that declare a load."""
        return {model.name: model.load for model in self.models if model.load is not None}

    @property
    def unpriced(self) -> Sequence[str]:
        """The keys of the stack file that would say what is not known."""
        return list(dict.fromkeys(key for model in self.models for key in model.unpriced))

    @property
    def line(self) -> str:
        """All of it in one line."""
        hour, month = (
            " to ".join(dict.fromkeys(said(self.total(AMOUNTS[name])) for name in (f"{unit}Min", f"{unit}Max")))
            for unit in ("hour", "month")
        )
        missing = f"; unknown without {', '.join(self.unpriced)}" if self.unpriced else ""
        budget = f", of a budget of {usd(self.monthly_usd)}" if self.monthly_usd is not None else ""
        if hour == month == usd(None):
            return f"cost: unknown{budget}, without {', '.join(self.unpriced)}"
        idle = f", idle GPUs of whole nodes in it ({self.idle_months} a month)" if self.rounded else ""
        return (
            f"cost: {month} a month of {HOURS_PER_MONTH} hours{budget}, {hour} an hour, at the fewest and most "
            f"replicas{idle}, {self._storage}{missing}"
        )

    @property
    def gib(self) -> int:
        """Of all claims."""
        return sum(claim.gib for claim in self.claims)

    @property
    def storage_month(self) -> Total:
        """What the claims cost in a month."""
        return month_of(self.claims, self.prices)

    @property
    def _storage(self) -> str:
        known, _ = self.storage_month
        return f"and {said(self.storage_month)} for {self.gib:,} GiB of claims" if known else "without storage"

    @property
    def idle_months(self) -> str:
        """What idle GPUs cost in a month, at the fewest and at the most replicas."""
        ends = (said(self.idle_usd(AMOUNTS[name])) for name in ("monthMin", "monthMax"))
        return " to ".join(dict.fromkeys(ends))


def said(amount: Total) -> str:
    """A sum for people: at least what is known of it."""
    return usd(amount[0], complete=amount[1])


def cost_of(
    workloads: Iterable[Workload],
    endpoints: Iterable[Endpoint],
    prices: Prices,
    *,
    monthly_usd: float | None = None,
    loads: Mapping[str, Load] = MappingProxyType({}),
    monitoring: Monitoring | None = None,
) -> StackCost:
    """What the models of a stack cost, in order of name. loads: by name, of those that declare one."""
    workloads = list(workloads)
    models = [
        *(_of_workload(one, prices, loads.get(one.name)) for one in workloads),
        *(_of_endpoint(one, prices, loads.get(one.name)) for one in endpoints),
    ]
    return StackCost(
        models=sorted(models, key=lambda one: one.name),
        claims=claims_of(workloads, monitoring),
        prices=prices,
        monthly_usd=monthly_usd,
    )


def _of_workload(workload: Workload, prices: Prices, load: Load | None) -> ModelCost:
    gpus, scaling, rollout = workload.gpus_per_replica, workload.scaling.value, workload.rollout.value
    least, most = prices.of_gpus(workload.accelerators, gpus)
    low, high = scaling.min if scaling else workload.replicas, workload.replicas
    return ModelCost(
        name=workload.name,
        owner=workload.owner,
        stable=workload.stable,
        target="kubernetes",
        hardware=f"{gpus} x {' or '.join(workload.accelerators)}" if gpus else "processors",
        least=least,
        most=most,
        min=low,
        max=high,
        # Where the old one goes first, its successor takes its GPUs.
        doubled=rollout.surplus(workload.replicas) if rollout.max_surge else 0,
        unpriced=[f"cluster.accelerators.{one}.hourlyUsd" for one in workload.accelerators if one not in prices.gpus]
        or ([] if gpus else [f"a price of processors (models.{workload.name})"]),
        load=cost_at(load, most, low=low, high=high),
        replica=Held(types=workload.accelerators, gpus=workload.gpu_count, pods=workload.nodes) if gpus else None,
    )


def _of_endpoint(endpoint: Endpoint, prices: Prices, load: Load | None) -> ModelCost:
    compute, provider = endpoint.body["compute"], endpoint.body["provider"]
    instance = f"{compute['instanceType']}/{compute['instanceSize']}"
    price, scaling = prices.instances.get(instance), compute["scaling"]
    return ModelCost(
        name=endpoint.name,
        owner=endpoint.owner,
        target="endpoint",
        hardware=f"{instance} at {provider['vendor']} {provider['region']}",
        least=price,
        most=price,
        min=scaling["minReplica"] if endpoint.state == "running" else 0,
        max=scaling["maxReplica"],
        doubled=None,
        unpriced=[] if price is not None else [f"huggingface.hourlyUsd.{instance}"],
        load=cost_at(load, price, low=scaling["minReplica"], high=scaling["maxReplica"]),
    )
