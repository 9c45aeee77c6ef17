"""What Prometheus holds of a model in a scenario: promtool's input series, made from the registry."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from blueprint.metrics import Meaning, Metric, emitted, endpoints
from blueprint.metrics.queries import selector

STEP = 60  # seconds between two samples
SAMPLES = 80
PODS = ("6d4c8b7f9c-x2k4z", "6d4c8b7f9c-zzzz5")  # behind the model's name: what a ReplicaSet's controller adds
_SHARDS = ("engine", "dp_rank")


@dataclass(frozen=True, kw_only=True)
class Load:
    """How a model fares, over all its pods: two of them, the second with two shards.

    rates: by meaning of a counter, per second. observed: by meaning of a histogram, values with their rates.
    gauges: by meaning; kv_cache_usage is of every shard.
    """

    gauges: Mapping[Meaning, float] = field(default_factory=dict)
    rates: Mapping[Meaning, float] = field(default_factory=dict)
    observed: Mapping[Meaning, Mapping[float, float]] = field(default_factory=dict)
    up: str = f"1x{SAMPLES}"

    def but(self, **changes: Any) -> "Load":
        """The same, with some numbers changed: rates={...} lays these over the others."""
        whole = {key: {**getattr(self, key), **value} for key, value in changes.items() if key != "up"}
        return replace(self, **whole, **({"up": changes["up"]} if "up" in changes else {}))


# Answers of 500 tokens, 6 a second: each takes 12 s, and a tenth of a second per token would be too slow.
HEALTHY = Load(
    gauges={"requests_running": 72, "requests_waiting": 3, "requests_waiting_for_capacity": 3, "kv_cache_usage": 0.92},
    rates={
        "requests_ended": 6,
        "requests_failed": 0,
        "requests_rejected": 0,
        "prompt_tokens": 6000,
        "generation_tokens": 3000,
        "preemptions": 0,
        "prefix_cache_queries": 6000,
        "prefix_cache_hits": 1500,
    },
    observed={
        "request_latency": {12: 6},
        "time_to_first_token": {0.25: 6},
        "inter_token_latency": {0.02: 2994},
        "queue_time": {0.2: 6},
        "batch_size": {32: 6},
    },
)
QUIET = Load(
    gauges={**dict.fromkeys(HEALTHY.gauges, 0.0)},
    rates=dict.fromkeys(HEALTHY.rates, 0.0),
    observed={meaning: dict.fromkeys(values, 0.0) for meaning, values in HEALTHY.observed.items()},
)


def scraped(monitor: str, pod: str) -> dict[str, str]:
    """Labels that the operator's configuration gives the targets of a PodMonitor."""
    labels = {"namespace": "llm", "container": "engine", "pod": pod, "job": f"llm/{monitor}"}
    return {**labels, "endpoint": "http", "instance": f"{pod}:8000"}


def one(name: str, labels: Mapping[str, str], values: str) -> dict[str, str]:
    """A series as promtool reads it."""
    written = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{written}}}", "values": values}


def growing(per_second: float) -> str:
    """A counter's samples."""
    return f"0+{per_second * STEP!r}x{SAMPLES}"


def steady(value: float) -> str:
    """A gauge's samples."""
    return f"{value!r}x{SAMPLES}"


def engine(name: str, version: str, load: Load, *, model: str = "m") -> list[dict[str, str]]:
    """All series of a model's two pods, with `up`."""
    pods = [f"{model}-{pod}" for pod in PODS]
    series = [one("up", scraped(model, pod), load.up if pod == pods[0] else steady(1)) for pod in pods]
    done: set[tuple[str, str]] = set()
    known = emitted(name, version)
    for meaning, metric in known.items():
        key = (metric.name, str(sorted(metric.where.items())))
        if key not in done:  # two meanings may be one metric
            done.add(key)
            series += _metric(meaning, metric, known, load=load, pods=pods, model=model)
    return series


def _metric(
    meaning: Meaning, metric: Metric, known: Mapping[Meaning, Metric], *, load: Load, pods: list[str], model: str
) -> Iterator[dict[str, str]]:
    places = [(pods[0], "0"), (pods[1], "0")]
    if metric.shard in _SHARDS:
        places.append((pods[1], "1"))
    ways = list(_ways(meaning, metric, known, load))
    for (pod, shard), (labels, part) in itertools.product(places, ways):
        fixed = {"model_name": f"org/{model}", **({metric.shard: shard} if metric.shard in _SHARDS else {}), **labels}
        own = {label: fixed.get(label, "0") for label in metric.labels}
        share = part / len(places)
        # Labels that neither tell apart nor select: the same, once more.
        repeated = [
            label for label in metric.labels if label not in (*metric.apart, *metric.where, "model_name", "model")
        ]
        for copy in ({}, *([dict.fromkeys(repeated, "1")] if repeated else [])):
            yield from _samples(meaning, metric, load, {**scraped(model, pod), **own, **copy}, share)


def _ways(
    meaning: Meaning, metric: Metric, known: Mapping[Meaning, Metric], load: Load
) -> Iterator[tuple[dict[str, str], float]]:
    """The label values over which a metric's number is spread, and the share of each."""
    failed = known.get("requests_failed")
    if meaning == "requests_ended" and failed is not None and failed.name == metric.name:
        # What did not fail; the failures are a meaning of their own.
        (label, values) = next(iter(metric.where.items()), ("finished_reason", ("stop",)))
        ended, bad = load.rates["requests_ended"], load.rates["requests_failed"]
        yield {label: values[0]}, (ended - bad) / ended if ended else 0
        return
    choices = {label: [value] if isinstance(value, str) else list(value) for label, value in metric.where.items()}
    choices |= {label: ["a", "b"] for label in metric.parts if label not in choices}
    combinations = list(itertools.product(*choices.values()))
    for values in combinations:
        yield dict(zip(choices, values, strict=True)), 1 / len(combinations)


def _samples(meaning: Meaning, metric: Metric, load: Load, labels: Mapping[str, str], share: float) -> Iterator[Any]:
    if metric.type == "gauge":
        whole = load.gauges.get(meaning)
        if whole is not None:
            yield one(metric.name, labels, steady(whole if metric.unit == "ratio" else whole * share))
    elif metric.type == "counter":
        yield one(metric.name, labels, growing(load.rates[meaning] * share))
    else:
        observed = load.observed[meaning]
        for bound in _told(metric.buckets, observed):
            le = "+Inf" if bound == float("inf") else repr(float(bound))
            below = sum(rate for value, rate in observed.items() if value <= bound)
            yield one(f"{metric.name}_bucket", {**labels, "le": le}, growing(below * share))
        yield one(f"{metric.name}_count", labels, growing(sum(observed.values()) * share))


def _told(buckets: Sequence[float], observed: Mapping[float, float]) -> Sequence[float]:
    """The bounds that matter: a bucket's two around each value, and those of the objectives. All take minutes."""
    upper = {min(bound for bound in buckets if bound >= value) for value in observed}
    lower = {max((bound for bound in buckets if bound < value), default=buckets[0]) for value in observed}
    return [*sorted(upper | lower | ({0.1, 1} & {*buckets})), float("inf")]


def gpus(model: str = "m", *, memory: float, busy: float = 97, phase: str = "Running") -> list[dict[str, str]]:
    """What DCGM and kube-state-metrics tell of the two pods' GPUs. memory: share in use."""
    series = []
    for index, pod in enumerate(f"{model}-{suffix}" for suffix in PODS):
        card = {
            "namespace": "llm",
            "pod": pod,
            "container": "engine",
            "gpu": str(index),
            "UUID": f"GPU-{model}-{index}",
        }
        for name, value in {
            "DCGM_FI_DEV_FB_USED": memory * 24000,
            "DCGM_FI_DEV_FB_FREE": (1 - memory) * 24000 - 500,
            "DCGM_FI_DEV_FB_RESERVED": 500,
            "DCGM_FI_DEV_GPU_UTIL": busy,
            "DCGM_FI_DEV_XID_ERRORS": 0,
            "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 0,
            "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": 1,
            "DCGM_FI_DEV_ROW_REMAP_FAILURE": 0,
        }.items():
            series.append(one(name, {**card, "Hostname": "node-1"}, steady(value)))
        about = {"namespace": "llm", "pod": pod, "uid": f"uid-{pod}"}
        held = {"container": "engine", "resource": "nvidia_com_gpu", "unit": "integer"}
        series += [
            one("kube_pod_container_resource_requests", {**about, **held, "node": "node-1"}, steady(1)),
            one("kube_pod_status_phase", {**about, "phase": phase}, steady(1)),
            one("kube_pod_status_phase", {**about, "phase": "Failed"}, steady(0)),
            one("kube_pod_container_status_restarts_total", {**about, "container": "engine"}, steady(1)),
        ]
    return series


def public(
    model: str = "m", *, success: str = steady(1), days: float = 30, status: float = 200
) -> list[dict[str, str]]:
    """What the blackbox exporter tells of a model's public host. days: that its certificate has left at the start."""
    asked = {"namespace": "llm", "job": f"probe/llm/{model}", "instance": f"https://{model}.example.com/v1/models"}
    return [
        one("probe_success", {**asked, "model": model}, success),
        one("probe_duration_seconds", {**asked, "model": model}, steady(0.25)),
        one("probe_http_status_code", {**asked, "model": model}, steady(status)),
        one("probe_ssl_earliest_cert_expiry", {**asked, "model": model}, steady(days * 86400)),
    ]


def scaler(model: str = "m", *, desired: int = 2, most: int = 3, active: bool = True) -> list[dict[str, str]]:
    """What kube-state-metrics and KEDA tell of a model's scaler."""
    about = {"namespace": "llm", "horizontalpodautoscaler": f"keda-hpa-{model}"}
    condition = {**about, "condition": "ScalingActive"}
    trigger = {"namespace": "llm", "scaledObject": model, "metric": "s0-prometheus", "triggerIndex": "0"}
    return [
        one("kube_horizontalpodautoscaler_status_desired_replicas", about, steady(desired)),
        one("kube_horizontalpodautoscaler_spec_max_replicas", about, steady(most)),
        one("kube_horizontalpodautoscaler_status_condition", {**condition, "status": "true"}, steady(int(active))),
        one("kube_horizontalpodautoscaler_status_condition", {**condition, "status": "false"}, steady(int(not active))),
        one("keda_scaler_detail_errors_total", {**trigger, "type": "scaledobject"}, steady(7)),
    ]


def endpoint(
    state: str = "running",
    *,
    billed: float = 1,
    ready: float = 1,
    cost: float = 0.8,
    used: str = f"0+{STEP}x{SAMPLES}",
    labels: Mapping[str, str] | None = None,
) -> list[dict[str, str]]:
    """What an exporter says of one endpoint, which somebody asks all the time."""
    which = {**_EXPORTER, **_ANSWERS, **(labels or {})}
    states = [
        one(endpoints.STATE.name, {**which, "state": each}, steady(float(each == state))) for each in endpoints.STATES
    ]
    numbers = {endpoints.READY: ready, endpoints.TARGET: 1, endpoints.BILLED: billed, endpoints.COST: cost}
    return [
        *states,
        *(one(raw.name, which, steady(value)) for raw, value in numbers.items()),
        one(endpoints.LAST_USED.name, which, used),
    ]


def polls(success: str = f"1x{SAMPLES}") -> list[dict[str, str]]:
    """What an exporter says of itself."""
    return [one(endpoints.POLL_SUCCESS.name, {**_EXPORTER, "hf_namespace": "my-org"}, success)]


_EXPORTER = {**selector("llm", "llm-endpoints"), "pod": f"llm-endpoints-{PODS[0]}"}
_ANSWERS = {
    "hf_namespace": "my-org",
    "endpoint": "answers-1",
    "model": "answers",
    "stack": "lab",
    "owner": "team-search",
}
