"""Scaling: bounds that make sense, signals that exist, targets that can be reached."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.engines import ENGINES
from blueprint.issues import Issue, KeyPath
from blueprint.metrics import METRICS, emitted
from blueprint.scaling import NEEDS, engine_signals, scales, usable_signals
from blueprint.settings import KubernetesModel
from blueprint.settings.engine_custom import OWN_SERVER
from blueprint.settings.engines import most_running, version_of
from blueprint.settings.scaling import EngineSignal, GatewayQueue
from blueprint.timing.budget import startup_minutes

_HIGHEST_SHARE = 0.9
"""A HorizontalPodAutoscaler, KEDA's too, lets deviations of up to 10 % be: a share of 1 is not enough above 1 / 1.1."""

_OF_KEDA = ("fallback", "polling_seconds", "cooldown_seconds")
_OF_SCALERS = ("by", "preset", "signals", "up", "down", *_OF_KEDA)


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model's replicas."""
    for name, model in description.kubernetes_models():
        path: KeyPath = ("models", name, "scaling")
        yield from _bounds(path, model)
        if not scales(model.scaling):
            yield from _idle(path, model)
            continue
        yield from _to_zero(description, path, model)
        yield from _scaler(path, model)
        yield from _signals(path, model)
        yield from _targets(path, model)
    yield from _monitoring(description)


def advise(description: Description) -> Iterator[Issue]:
    """Signals that work, and tell little."""
    for name, model in description.kubernetes_models():
        scaling = model.scaling
        if not scales(scaling) or (scaling.signals.cpu_percent is None and scaling.preset != "tutorial"):
            continue
        given = scaling.signals.cpu_percent is not None
        yield Issue(
            path=("models", name, "scaling", *(("signals", "cpuPercent") if given else ("preset",))),
            problem="processor use is noise here: the engine's loop keeps its cores busy while it waits for the GPU, "
            "whatever the load",
            remedy="Remove it: inFlight, waiting and kvCache follow the load."
            if given
            else "Remove preset: inFlight, waiting and kvCache follow the load.",
        )


def _bounds(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    low, high = model.scaling.min, model.scaling.max
    if low > high:
        yield Issue(
            path=(*path, "min"),
            problem=f"{low} is above scaling.max, {high}",
            remedy=f"Use min: {high} or less, or max: {low} or more.",
            reads=((*path, "max"),),
        )


def _idle(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    scaling = model.scaling
    for field in _OF_SCALERS:
        if field in scaling.model_fields_set and scaling.min == scaling.max:
            yield Issue(
                path=(*path, _key(model, field)),
                problem=f"min and max are both {scaling.max}, so nothing scales",
                remedy="Remove it, or use max above min.",
                reads=((*path, "min"), (*path, "max")),
            )


def _key(model: KubernetesModel, field: str) -> str:
    return type(model.scaling).model_fields[field].alias or field


def _to_zero(description: Description, path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    scaling = model.scaling
    if scaling.min == 0 and scaling.by == "hpa":
        yield Issue(
            path=(*path, "min"),
            problem="a HorizontalPodAutoscaler keeps at least one replica, and could not wake a model from 0",
            remedy="Use by: keda, or min: 1.",
            reads=((*path, "by"),),
        )
    elif scaling.min == 0 and scaling.signals.external is None:
        yield Issue(
            path=(*path, "signals", "external"),
            problem="this key is missing, and with min: 0 the engine's own signals end with its last replica: nothing "
            "would tell that somebody waits",
            remedy="Name a queue in front of the model, or use min: 1.",
            reads=((*path, "min"),),
        )
    if scaling.cooldown_seconds is not None:
        budget = startup_minutes(description, model)
        startup = budget.value * 60
        if scaling.min > 0:
            yield Issue(
                path=(*path, "cooldownSeconds"),
                problem=f"with min: {scaling.min} the last replica never goes",
                remedy="Remove it, or use min: 0; down.stabilizationSeconds is for the others.",
                reads=((*path, "min"),),
            )
        elif scaling.cooldown_seconds <= startup:
            yield Issue(
                path=(*path, "cooldownSeconds"),
                problem=f"{scaling.cooldown_seconds} s is within the {startup} s that a replica may load: it could go "
                f"before it ever answered ({budget.why})",
                remedy=f"Use more than {startup}, or a lower lifecycle.startupMinutes.",
                reads=((*path[:2], "lifecycle"), (*path[:2], "cache")),
            )


def _scaler(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    """What belongs to the other of the two scalers."""
    scaling = model.scaling
    if scaling.by == "keda":
        if scaling.preset is not None:
            yield _foreign((*path, "preset"), path, "hpa", "its numbers are of a HorizontalPodAutoscaler")
        if scaling.signals.cpu_percent is not None:
            yield _foreign(
                (*path, "signals", "cpuPercent"), path, "hpa", "processor use is no signal of the ScaledObject here"
            )
        return
    for field in _OF_KEDA[:2]:
        if field in scaling.model_fields_set:
            yield _foreign((*path, _key(model, field)), path, "keda", "a HorizontalPodAutoscaler has no such setting")
    if scaling.signals.external is not None:
        yield _foreign(
            (*path, "signals", "external"), path, "keda", "a HorizontalPodAutoscaler here knows only the model's pods"
        )


def _foreign(at: KeyPath, path: KeyPath, other: str, why: str) -> Issue:
    return Issue(path=at, problem=why, remedy=f"Use by: {other}, or remove it.", reads=((*path, "by"),))


def _signals(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    signals, engine = model.scaling.signals, model.engine
    version = version_of(engine)
    if engine.name in ENGINES and version not in ENGINES[engine.name].versions:
        return  # the version is refused, and what it emits is unknown with it
    known = emitted(engine.name, version)
    title = f"{engine.name} {version}" if version else engine.name
    reads = ((*path[:2], "engine"),)
    for signal in signals.use or ():
        if not all(meaning in known for meaning in NEEDS[signal]):
            yield Issue(
                path=(*path, "signals", "use"),
                problem=f"{signal} is made of metrics that {title} is not known to emit",
                remedy=_known_signals(model),
                reads=reads,
            )
    used, usable = engine_signals(model), usable_signals(model)
    if not used and signals.cpu_percent is None and signals.external is None:
        others = f"Use an engine that does ({', '.join(sorted(METRICS))}, of custom the image called {OWN_SERVER})"
        yield Issue(
            path=(*path, "max"),
            problem="above min it needs a signal, and "
            + (f"none of {title} counts unasked" if usable else f"{title} is not known to emit any"),
            remedy=(f"Name some of {', '.join(usable)} in signals.use" if usable else others)
            + ", signals.external, or max equal to min.",
            reads=(*reads, (*path, "min"), (*path, "signals")),
        )
    targets: tuple[tuple[EngineSignal, str], ...] = (
        ("inFlight", "in_flight"),
        ("waiting", "waiting"),
        ("kvCache", "kv_cache"),
    )
    for signal, field in targets:
        if field in signals.model_fields_set and signal not in used:
            yield Issue(
                path=(*path, "signals", signal),
                problem=f"a target for a signal that does not count ({', '.join(used) or 'none'} do)",
                remedy="Remove it, or add it to signals.use.",
                reads=(*reads, (*path, "signals", "use"), (*path, "preset")),
            )


def _known_signals(model: KubernetesModel) -> str:
    usable = usable_signals(model)
    return f"Use {', '.join(usable)}." if usable else "Remove it; blueprint/metrics says what is known of an engine."


def _targets(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    """Targets that no load reaches, or that ask for something the model cannot give."""
    scaling, signals = model.scaling, model.scaling.signals
    if len(set(signals.use or ())) < len(signals.use or ()):
        yield Issue(path=(*path, "signals", "use"), problem="a signal is given twice", remedy="List each once.")
    limit = most_running(model.engine)
    if limit is not None and signals.in_flight is not None and signals.in_flight > limit[1]:
        key, most = limit
        yield Issue(
            path=(*path, "signals", "inFlight"),
            problem=f"{signals.in_flight} is above engine.{key}, {most}: every replica would queue before "
            "one more comes",
            remedy=f"Use at most {most}; half of it leaves room for the time that a replica loads.",
            reads=((*path[:2], "engine"),),
        )
    if signals.kv_cache > _HIGHEST_SHARE:
        yield Issue(
            path=(*path, "signals", "kvCache"),
            problem=f"{signals.kv_cache:g} is never exceeded by enough: scalers let 10 % be, and a full cache is 1",
            remedy=f"Use at most {_HIGHEST_SHARE:g}.",
        )
    external = signals.external
    own = [metric.name for metrics in METRICS.values() for metric in metrics]
    if scaling.min == 0 and isinstance(external, GatewayQueue) and any(name in external.query for name in own):
        yield Issue(
            path=(*path, "signals", "external", "query"),
            problem="it asks for a metric of the engine itself, which is gone with the last replica",
            remedy="Ask for the queue of the gateway or endpoint picker in front.",
            reads=((*path, "min"),),
        )
    fallback = scaling.fallback.replicas
    if fallback is not None and not max(1, scaling.min) <= fallback <= scaling.max:
        yield Issue(
            path=(*path, "fallback", "replicas"),
            problem=f"{fallback} is not within min: {scaling.min} and max: {scaling.max}",
            remedy=f"Use {max(1, scaling.min)} to {scaling.max}.",
            reads=((*path, "min"), (*path, "max")),
        )


def _monitoring(description: Description) -> Iterator[Issue]:
    monitoring = description.settings.monitoring
    if monitoring is not None and (monitoring.mode != "existing" or monitoring.prometheus is not None):
        return
    for name, model in description.kubernetes_models():
        path = ("models", name, "scaling")
        if scales(model.scaling) and (model.scaling.by == "keda" or engine_signals(model)):
            missing: KeyPath = ("monitoring",)
            remedy = "Add monitoring: {mode: operator}"
            if monitoring is not None:
                missing, remedy = ("monitoring", "prometheus"), "Add the address of the Prometheus"
            yield Issue(
                path=missing,
                problem=f"this key is missing, and models.{name} scales on what Prometheus would scrape and answer",
                remedy=f"{remedy}, or use max equal to min in models.{name}.scaling.",
                reads=(path, ("models", name, "engine")),
            )
            return
