"""Wrong scaling: bounds, signals, targets and what belongs to the other scaler."""

from collections.abc import Mapping
from typing import Any

from tests.blueprint.mistakes import MISSING, Mistake, wrong
from tests.blueprint.stack_files import DELETE, LAB, PROD, edited

QUEUE = {"name": "prometheus", "query": 'sum(gateway_queue{model="m"})'}
AT = "models.m.scaling"


TGI = edited(LAB, {"models.m.engine": {"name": "tgi", "maxTotalTokens": 8192}, "monitoring": {"mode": "operator"}})


def scaled(
    key: str,
    value: Any,
    problem: str,
    remedy: str,
    *,
    at: str | None = None,
    base: Mapping[str, Any] = PROD,
    **scaling: Any,
) -> Mistake:
    """A mistake of one key of a model that scales from 1 to 3."""
    given: dict[str, Any] = {"min": 1, "max": 3, **scaling}
    *parents, last = key.split(".")
    place = given
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    return wrong(AT, given, problem, remedy, at=f"{AT}.{at or key}", base=base)


SCALING_MISTAKES: Mapping[str, Mistake] = {
    # Bounds.
    "scale to zero without a queue": scaled(
        "min", 0, MISSING, "Name a queue in front of the model, or use min: 1", at="signals.external"
    ),
    "scale to zero by a HorizontalPodAutoscaler": scaled("min", 0, "keeps at least one replica", "by: keda", by="hpa"),
    "scaling that is idle": wrong(
        f"{AT}.up", {"pods": 2}, "min and max are both 2, so nothing scales", "Remove it, or use max above min"
    ),
    "scaler of a fixed number": wrong(f"{AT}.by", "hpa", "min and max are both 2", "Remove it"),
    "negative bound": wrong(f"{AT}.min", -1, "-1 is below the smallest allowed value, 0", "Fewest replicas"),
    # Signals.
    "scaling without monitoring": wrong(
        AT,
        {"min": 1, "max": 3},
        f"{MISSING}, and models.m scales on what Prometheus",
        "Add monitoring: {mode: operator}",
        at="monitoring",
        also={"monitoring": DELETE},
    ),
    "scaling without an address to ask": wrong(
        AT,
        {"min": 1, "max": 3},
        f"{MISSING}, and models.m scales on what Prometheus",
        "Add the address of the Prometheus",
        at="monitoring.prometheus",
        also={"monitoring": {"mode": "existing"}},
    ),
    "unknown signal": scaled(
        "signals.use", ["gpu"], "'gpu' is not allowed", "Use 'inFlight', 'waiting' or 'kvCache'", at="signals.use.0"
    ),
    "signal twice": scaled("signals.use", ["waiting", "waiting"], "a signal is given twice", "List each once"),
    "no signal": scaled("signals.use", [], "this is empty", "Add at least one"),
    "target of a signal that does not count": scaled(
        "signals.kvCache", 0.5, "does not count (waiting do)", "add it to signals.use", signals={"use": ["waiting"]}
    ),
    "GPU utilisation": scaled("signals.gpuUtilization", 80, "unknown key", "Allowed here: cpuPercent, external,"),
    # Targets.
    "cache use in percent": scaled("signals.kvCache", 80.0, "80.0 is above the largest allowed value, 1", "0 to 1"),
    "cache use that a full cache does not exceed": scaled(
        "signals.kvCache", 0.95, "0.95 is never exceeded by enough", "Use at most 0.9"
    ),
    "cache use of nothing": scaled("signals.kvCache", 0.0, "0.0 is not above 0", "0 to 1"),
    "more in flight than a replica takes": scaled(
        "signals.inFlight", 300, "300 is above engine.maxNumSeqs, 256", "Use at most 256"
    ),
    "period longer than Kubernetes takes": scaled(
        "up.periodSeconds", 3600, "3600 is above the largest allowed value, 1800", "That period, in seconds"
    ),
    "fallback above max": scaled("fallback.replicas", 5, "5 is not within min: 1 and max: 3", "Use 1 to 3"),
    "TGI's own signals, unasked": scaled(
        "max",
        3,
        "none of tgi 3.3.5 counts unasked",
        "Name some of inFlight, waiting in signals.use",
        base=TGI,
    ),
    "share of a KV cache that TGI does not tell": scaled(
        "signals.use", ["kvCache"], "tgi 3.3.5 is not known to emit", "Use inFlight, waiting.", base=TGI
    ),
    # Scale to zero.
    "engine's own metric to wake it": scaled(
        "signals.external",
        {"name": "prometheus", "query": "sum(vllm:num_requests_waiting)"},
        "it asks for a metric of the engine itself",
        "Ask for the queue of the gateway",
        at="signals.external.query",
        min=0,
    ),
    "cooldown shorter than a load": scaled(
        "cooldownSeconds",
        300,
        "300 s is within the 1800 s that a replica may load",
        "Use more than 1800",
        min=0,
        signals={"external": QUEUE},
    ),
    "cooldown of a replica that stays": scaled(
        "cooldownSeconds", 3600, "with min: 1 the last replica never goes", "Remove it, or use min: 0"
    ),
    "queue of an unknown kind": scaled(
        "signals.external",
        {"name": "router"},
        "'router' is no external",
        "Use 'prometheus' or 'httpAddOn'",
        at="signals.external.name",
    ),
    # What belongs to the other scaler.
    "unknown scaler": scaled("by", "vpa", "'vpa' is not allowed", "Use 'keda' or 'hpa'"),
    "preset of the other scaler": scaled("preset", "tutorial", "of a HorizontalPodAutoscaler", "Use by: hpa"),
    "processor use with KEDA": scaled("signals.cpuPercent", 70, "no signal of the ScaledObject", "Use by: hpa"),
    "fallback without KEDA": scaled(
        "fallback", {"failures": 5}, "a HorizontalPodAutoscaler has no such setting", "Use by: keda", by="hpa"
    ),
    "queue without KEDA": scaled("signals.external", QUEUE, "knows only the model's pods", "Use by: keda", by="hpa"),
    # Where Prometheus is.
    "Prometheus without a scheme": wrong(
        "monitoring.prometheus", "prometheus:9090", "does not have the allowed form", "no user, no password"
    ),
    "Prometheus with a password": wrong(
        "monitoring.prometheus", "http://me:word@prometheus:9090", "does not have the allowed", "no user, no password"
    ),
}
