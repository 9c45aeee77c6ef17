"""The budget: of models and owners that there are, one that can be computed, and one that the cluster's models keep.

What endpoints cost is judged with the rest by the policies: whoever has no price for them may deploy.
"""

import difflib
from collections.abc import Collection, Iterator

from blueprint.accelerators import HOURS_PER_MONTH
from blueprint.cost.amounts import monthly, parts, times, total
from blueprint.cost.nodes import Held, idle_on
from blueprint.cost.prices import prices_of
from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.parallel import gpus_per_replica
from blueprint.settings import Cluster
from blueprint.settings.stack import Budget


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of the budget."""
    budget, cluster = description.settings.budget, description.settings.cluster
    if budget is None:
        return
    yield from _names(description, budget)
    if cluster is not None:
        yield from _kept(description, budget, cluster)


def _names(description: Description, budget: Budget) -> Iterator[Issue]:
    models = description.settings.models
    # A canary's cost is its model's.
    names = models.keys() - description.canaries.stable.keys()
    owners = {model.owner for model in models.values() if model.owner is not None}
    reads: tuple[KeyPath, ...] = (("models",),)
    for kind, given, known in (("model", budget.models, names), ("owner", budget.owners, owners)):
        for name in given.keys() - known:
            yield Issue(
                path=("budget", f"{kind}s", name),
                problem="no such model" if kind == "model" else "no model has this owner",
                remedy=_nearest(name, known),
                reads=reads,
            )


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"{hint}There are: {', '.join(sorted(known)) or 'none'}."


def _kept(description: Description, budget: Budget, cluster: Cluster) -> Iterator[Issue]:
    prices, costs = prices_of(description.settings), []
    held: list[Held] = []
    unpriced: set[str] = set()
    reads: list[tuple[str, ...]] = []
    for name, model in description.kubernetes_models():
        declared = [accelerator for accelerator in model.gpu_types if accelerator in cluster.accelerators]
        reads += [("models", name, key) for key in ("scaling", "accelerator", "parallel")]
        for accelerator in declared:
            if accelerator not in prices.gpus and accelerator not in unpriced:
                unpriced.add(accelerator)
                yield Issue(
                    path=("cluster", "accelerators", accelerator, "hourlyUsd"),
                    problem=f"this key is missing, so the budget cannot be checked for models.{name}",
                    remedy="Add what one GPU costs per hour, or remove budget.",
                    reads=(("models", name, "accelerator"), ("budget",)),
                )
        # Where it may run on several types, it may all run on the most expensive.
        _, price = prices.of_gpus(declared, gpus_per_replica(model))
        costs.append(monthly(price, model.scaling.max))
        pods = model.scaling.max * model.parallel.nodes
        held.append(Held(types=declared, gpus=model.gpus_per_pod, pods=pods))
    hour, whole = idle_on(held, prices, dearest=True).usd
    idle = times(hour, HOURS_PER_MONTH)
    known, _ = total([*costs, *parts((idle, whole))])
    if budget.monthly_usd is not None and (known or 0.0) > budget.monthly_usd and not unpriced:
        yield Issue(
            path=("budget", "monthlyUsd"),
            problem=f"all replicas at their maximum cost {known:,.0f} USD in {HOURS_PER_MONTH} hours, above "
            f"{budget.monthly_usd:,.0f}"
            + (f"; {idle:,.0f} of it for GPUs that stay idle on whole nodes" if idle else ""),
            remedy="Raise the budget, or lower scaling.max or accelerator.count.",
            reads=(*reads, ("cluster", "accelerators")),
        )
