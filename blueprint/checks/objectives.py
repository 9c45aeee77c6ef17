"""What models promise: measured by the engine, at a bound of its histogram, with alerts that can fire."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.engines import ENGINES
from blueprint.issues import Issue, KeyPath
from blueprint.metrics import Metric, emitted
from blueprint.monitoring import slis
from blueprint.settings import KubernetesModel
from blueprint.settings.engines import version_of
from blueprint.settings.objectives import Availability, BurnFactors, FirstToken, InterToken

_RULES: KeyPath = ("monitoring", "rules")
"""Without rules nothing is measured."""


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model's objectives."""
    monitoring = description.settings.monitoring
    for name, model in description.kubernetes_models():
        path: KeyPath = ("models", name, "objectives")
        if monitoring is None or not monitoring.rules:
            if "objectives" in model.model_fields_set:
                yield Issue(
                    path=path,
                    problem="nothing watches them: rules come with monitoring, and with monitoring.rules",
                    remedy="Remove it, or add monitoring: {mode: operator}."
                    if monitoring is None
                    else "Remove it, or use monitoring.rules: true.",
                    reads=(_RULES,),
                )
            continue
        yield from _measured(path, model)
        for key, objective in _objectives(model):
            yield from _factors((*path, key), objective.share, objective.burn_factors)


def _objectives(model: KubernetesModel) -> Iterator[tuple[slis.Name, Availability | FirstToken | InterToken]]:
    given = model.objectives
    if given.availability is not None:
        yield "availability", given.availability
    if given.ttft is not None:
        yield "ttft", given.ttft
    if given.itl is not None:
        yield "itl", given.itl


def _measured(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    """Objectives of which the engine has no metric, or whose time its histogram does not know."""
    engine, version = model.engine, version_of(model.engine)
    if engine.name in ENGINES and version not in ENGINES[engine.name].versions:
        return  # the version is refused, and what it emits is unknown with it
    known = emitted(engine.name, version)
    title = f"{engine.name} {version}" if version else engine.name
    reads = ((*path[:2], "engine"), _RULES)
    for key, objective in _objectives(model):
        # A default that cannot be measured is no mistake of anybody's: it is not recorded.
        if key not in model.objectives.model_fields_set:
            continue
        if not all(meaning in known for meaning in slis.NEEDS[key]):
            yield _unmeasured((*path, key), title, reads)
        elif not isinstance(objective, Availability):
            yield from _bound((*path, key, "seconds"), objective.seconds, known[slis.NEEDS[key][0]], title, reads)
    if model.objectives.latency_p95_seconds is not None and "request_latency" not in known:
        yield _unmeasured((*path, "latencyP95Seconds"), title, reads)


def _unmeasured(path: KeyPath, title: str, reads: tuple[KeyPath, ...]) -> Issue:
    return Issue(
        path=path,
        problem=f"it is made of metrics that {title} is not known to emit",
        remedy="Remove it; blueprint/metrics says what is known of an engine.",
        reads=reads,
    )


def _bound(path: KeyPath, seconds: float, metric: Metric, title: str, reads: tuple[KeyPath, ...]) -> Iterator[Issue]:
    if slis.bound(metric, seconds) is not None:
        return
    below = max((bound for bound in metric.buckets if bound < seconds), default=None)
    above = min((bound for bound in metric.buckets if bound > seconds), default=None)
    near = " or ".join(f"{bound:g}" for bound in (below, above) if bound is not None)
    yield Issue(
        path=path,
        problem=f"{seconds:g} is no bucket of {metric.name} of {title}, so that nobody knows how many were faster",
        remedy=f"Use {near}.",
        reads=reads,
    )


def _factors(path: KeyPath, share: float, factors: BurnFactors) -> Iterator[Issue]:
    """Alerts that could not fire: more than all requests would have to be bad."""
    for field, info in BurnFactors.model_fields.items():
        factor = getattr(factors, field)
        if _can_fire(factor, share):
            continue
        at = (*path, "burnFactors", info.alias or field)
        most = largest_factor(share)
        yield Issue(
            path=at,
            problem=f"{factor:g} cannot be reached with share {share:g}: if all requests were bad, that would be "
            f"{1 / (1 - share):.4g} times what it allows",
            remedy=f"Use at most {most:g}, or a share above {1 - 1 / factor:.4g}.",
            reads=((*path, "share"), _RULES),
        )


def largest_factor(share: float) -> float:
    """The largest burn factor, to a tenth, that less than all requests can reach."""
    limit = 1 / (1 - share)
    tenths = int(limit * 10)
    while not _can_fire(tenths / 10, share):
        tenths -= 1
    return tenths / 10


def _can_fire(factor: float, share: float) -> bool:
    # 10 * (1 - 0.9) is a little less than 1.
    return factor * (1 - share) < 1 - 1e-9
