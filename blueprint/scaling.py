"""How many replicas serve a model: fixed, or between bounds by a scaler, on which signals, how fast."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from blueprint.description import Description
from blueprint.lifecycle import Times
from blueprint.metrics import Meaning, emitted
from blueprint.monitoring.parts import prometheus_address
from blueprint.resources import Resolved
from blueprint.settings import KubernetesModel
from blueprint.settings.engines import most_running, version_of
from blueprint.settings.scaling import EngineSignal, GatewayQueue, HttpAddOn, Scaling

IN_FLIGHT = 16
"""Requests per replica, unmeasured: where llm-d's guides start. Calibrate by a load test: 0.7 x what a replica holds
within its latency goal."""

LOAD_SECONDS = 300
"""Taken for the time of a model load where the start-up budget allows more: a budget is an upper bound, and one replica
per budget would be an hour too slow. 300 s is what KAITO waits between two steps."""

TUTORIAL_IN_FLIGHT, TUTORIAL_CPU_PERCENT, TUTORIAL_UP_SECONDS = 10, 70, 60
"""Of the HorizontalPodAutoscaler that tutorials show: its `vllm_requests_running` is a name that no engine emits."""

STEPS_TO_MAX = 4

LONGEST_PERIOD_SECONDS = 1800
"""Of a policy in a HorizontalPodAutoscaler; the API server refuses more."""

NEEDS: Mapping[EngineSignal, Sequence[Meaning]] = MappingProxyType(
    {
        "inFlight": ("requests_running", "requests_waiting"),
        "waiting": ("requests_waiting_for_capacity",),
        "kvCache": ("kv_cache_usage",),
    }
)
"""By signal, the metrics that it is made of; their values add up."""

ON_REQUEST = frozenset({"tgi"})
"""Engines whose signals count only where a stack names them: it scaled them by processor use before they were known."""


@dataclass(frozen=True)
class Signal:
    """One of the engine's own signals. target: per replica."""

    kind: EngineSignal
    target: float

    def __str__(self) -> str:
        return f"{self.kind} {self.target:g}"


@dataclass(frozen=True)
class Rate:
    """Most replicas that come or go in a period, and how long the wish has to last before."""

    pods: int
    period_seconds: int
    stabilization_seconds: int

    def __str__(self) -> str:
        return f"{self.pods} per {self.period_seconds} s after {self.stabilization_seconds} s"


@dataclass(frozen=True, kw_only=True)
class Autoscaling:
    """A scaler's bounds, signals and speed.

    prometheus: address at which KEDA asks; keda_namespace: where it lives. None without monitoring.
    cpu_percent: of the processor that a replica requests; None: not a signal.
    fallback_replicas, fallback_failures, polling_seconds, cooldown_seconds: of KEDA; the cooldown only of min 0.
    """

    by: Literal["keda", "hpa"]
    min: int
    max: int
    signals: Sequence[Signal]
    cpu_percent: int | None
    external: GatewayQueue | HttpAddOn | None
    up: Rate
    down: Rate
    fallback_replicas: int
    fallback_failures: int
    polling_seconds: int
    cooldown_seconds: int
    prometheus: str | None
    keda_namespace: str | None


def scales(scaling: Scaling) -> bool:
    """Whether a scaler owns the number of replicas. It is the one writer of it then."""
    return scaling.max > scaling.min or scaling.min == 0


def in_flight_target(model: KubernetesModel) -> Resolved[int]:
    """Requests running and waiting per replica."""
    given = model.scaling.signals.in_flight
    if given is not None:
        return Resolved(given, "given: scaling.signals.inFlight")
    limit = most_running(model.engine)
    if model.scaling.preset == "tutorial" and (limit is None or limit[1] >= TUTORIAL_IN_FLIGHT):
        return Resolved(TUTORIAL_IN_FLIGHT, "the tutorial's")
    if limit is not None and max(1, limit[1] // 2) < IN_FLIGHT:
        key, most = limit
        return Resolved(max(1, most // 2), f"half of engine.{key}, {most}: above it requests queue")
    return Resolved(IN_FLIGHT, "where llm-d starts; a load test knows better")


def engine_signals(model: KubernetesModel) -> Sequence[EngineSignal]:
    """The engine's own signals that count: those asked for, else all that its version emits."""
    settings = model.scaling
    if settings.signals.use is not None:
        return settings.signals.use
    if model.engine.name in ON_REQUEST:
        return ()
    return [signal for signal in usable_signals(model) if signal == "inFlight" or settings.preset != "tutorial"]


def usable_signals(model: KubernetesModel) -> Sequence[EngineSignal]:
    """The engine's own signals that its version emits."""
    known = emitted(model.engine.name, version_of(model.engine))
    return [signal for signal in NEEDS if all(meaning in known for meaning in NEEDS[signal])]


def load_seconds(model: KubernetesModel, startup_seconds: int) -> Resolved[int]:
    """How long a replica loads before it answers, as far as it is known."""
    if model.lifecycle.load_seconds is not None:
        return Resolved(model.lifecycle.load_seconds, "measured: lifecycle.loadSeconds")
    if startup_seconds < LOAD_SECONDS:
        return Resolved(startup_seconds, "the start-up budget")
    return Resolved(LOAD_SECONDS, "taken for a model load that nobody measured")


def cooldown_seconds(scaling: Scaling, startup_seconds: int) -> int:
    """Idle time before the last replica goes, in seconds.

    Above the whole start-up budget: whoever woke the model may have given up before it had loaded, and it must not go
    before it ever answered.
    """
    return scaling.cooldown_seconds or startup_seconds + 300


def resolve_scaling(description: Description, model: KubernetesModel, times: Times) -> Resolved[Autoscaling | None]:
    """The scaler of a model whose settings passed their checks; None where the number of replicas is fixed."""
    scaling, monitoring = model.scaling, description.settings.monitoring
    if not scales(scaling):
        return Resolved(None, f"min equals max: {scaling.max}")
    tutorial = scaling.preset == "tutorial"
    in_flight = in_flight_target(model)
    targets: dict[EngineSignal, float] = {
        "inFlight": in_flight.value,
        "waiting": scaling.signals.waiting,
        "kvCache": scaling.signals.kv_cache,
    }
    signals = [Signal(kind, targets[kind]) for kind in engine_signals(model)]
    up, up_why = _up(model, times)
    why = [
        f"min {scaling.min} and max {scaling.max}: scaling",
        *([f"inFlight: {in_flight.why}"] if "inFlight" in engine_signals(model) else []),
        f"up: {up_why}",
    ]
    if scaling.min == 0:
        why.append("the last replica goes after the whole start-up budget, so that it has answered before")
    return Resolved(
        Autoscaling(
            by=scaling.by,
            min=scaling.min,
            max=scaling.max,
            signals=signals,
            cpu_percent=scaling.signals.cpu_percent or (TUTORIAL_CPU_PERCENT if tutorial else None),
            external=scaling.signals.external,
            up=up,
            down=Rate(scaling.down.pods, scaling.down.period_seconds, scaling.down.stabilization_seconds),
            # 1 where min is 0: a silent signal must not put a model to sleep that nobody could wake.
            fallback_replicas=scaling.fallback.replicas or max(1, scaling.min),
            fallback_failures=scaling.fallback.failures,
            polling_seconds=scaling.polling_seconds,
            cooldown_seconds=cooldown_seconds(scaling, times.startup),
            prometheus=prometheus_address(description),
            keda_namespace=monitoring.keda_namespace if monitoring else None,
        ),
        "; ".join(why),
    )


def _up(model: KubernetesModel, times: Times) -> tuple[Rate, str]:
    scaling = model.scaling
    given, tutorial = scaling.up, scaling.preset == "tutorial"
    load = load_seconds(model, times.startup)
    why = []
    if given.pods is not None:
        pods = given.pods
    elif tutorial:
        pods = 1
    else:
        pods = math.ceil(scaling.max / STEPS_TO_MAX)
        why.append("a quarter of max in one step, so that no burst adds more before its first replicas answer")
    if given.period_seconds is not None:
        period = given.period_seconds
    elif tutorial:
        period = TUTORIAL_UP_SECONDS
    else:
        period = min(load.value, LONGEST_PERIOD_SECONDS)
        why.append(f"a step per {period} s, {load.why}")
    stabilization = given.stabilization_seconds
    if tutorial and "stabilization_seconds" not in given.model_fields_set:
        stabilization = TUTORIAL_UP_SECONDS
    return Rate(pods, period, stabilization), "; ".join(why) or ("the tutorial's" if tutorial else "given")
