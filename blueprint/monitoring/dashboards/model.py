"""One model: where its requests' time goes, and what its replicas are short of."""

from collections.abc import Callable, Sequence

from blueprint.metrics import kube_state
from blueprint.monitoring.dashboards.common import (
    BY_QUANTILE,
    FAILED_THRESHOLDS,
    FULL_THRESHOLDS,
    MODEL_UID,
    ONE,
    PODS,
    chosen,
    now,
    together,
)
from blueprint.monitoring.dashboards.dashboard import Dashboard, Row
from blueprint.monitoring.dashboards.panels import Panel, Query, Unit
from blueprint.monitoring.recorded import (
    COST,
    COST_PER_MILLION_TOKENS,
    ENDED,
    FAILED,
    GENERATION_TOKENS,
    GPU_BUSY,
    GPU_MEMORY,
    GPUS,
    IN_FLIGHT,
    KV_CACHE_USAGE,
    OBJECTIVE_SECONDS,
    PREEMPTIONS,
    PREFIX_CACHE_HITS,
    PROMPT_TOKENS,
    REJECTED,
    RUNNING,
    TARGETS,
    TARGETS_UP,
    WAITING,
    Quantile,
    first_token,
    inter_token,
    latency,
    queue,
)


def _lines(
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: Unit,
    *,
    width: int = 8,
    maximum: float | None = None,
) -> Panel:
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        queries=queries,
        unit=unit,
        width=width,
        maximum=maximum,
    )


def _quantiles(title: str, description: str, of: Callable[[Quantile], str], sli: str = "", width: int = 8) -> Panel:
    """p50, p95 and p99, with the objective as a dashed line where the model declares one."""
    queries = [Query(chosen(of(quantile)), quantile) for quantile in BY_QUANTILE]
    if sli:
        queries.append(Query(chosen(OBJECTIVE_SECONDS, sli=sli), "objective", dashed=True))
    return _lines(title, description, queries, "s", width=width)


_FIRST = (
    _lines(
        "Requests",
        "Requests per second: all that ended, those that failed by the server's fault, and those that a full queue "
        "turned away, where the engine counts them.",
        (
            Query(chosen(ENDED), "ended"),
            Query(f"{chosen(FAILED)} * {chosen(ENDED)}", "failed"),
            Query(chosen(REJECTED), "rejected"),
        ),
        "reqps",
        width=6,
    ),
    _quantiles("Latency", "From a request's arrival to its end. Long answers take long.", latency, width=6),
    _lines(
        "Tokens",
        "Tokens per second, in and out.",
        (Query(chosen(GENERATION_TOKENS), "generated"), Query(chosen(PROMPT_TOKENS), "prompts")),
        "ops",
        width=6,
    ),
    _lines(
        "GPU memory",
        "Share of each GPU's memory in use. vLLM and SGLang take their share at the start and keep it, whatever the "
        "load: what fills up under load is the KV cache.",
        (Query(chosen(GPU_MEMORY), "{{pod}} {{gpu}}"),),
        "percentunit",
        width=6,
        maximum=1,
    ),
)

_NOW = (
    now("Running", "Requests in the batch.", together(RUNNING), "none"),
    now("Waiting", "Requests that wait for a place in the batch.", together(WAITING), "none"),
    now(
        "Failed",
        "Share of requests that ended by the server's fault, over 5 minutes.",
        chosen(FAILED),
        "percentunit",
        FAILED_THRESHOLDS,
    ),
    now(
        "KV cache",
        "The fullest pod's share in use. Full is normal under load; full with preemptions is too little.",
        f"max({chosen(KV_CACHE_USAGE)})",
        "percentunit",
        FULL_THRESHOLDS,
    ),
    now("Replicas up", "Replicas that answer Prometheus.", together(TARGETS_UP), "none"),
    now("GPUs", "GPUs that the model's pods hold.", together(GPUS), "none"),
)

_TIMES = (
    _quantiles("First token", "TTFT: from arrival to the first token, queue and prefill.", first_token, "ttft"),
    _quantiles("Between tokens", "ITL: between two tokens of an answer.", inter_token, "itl"),
    _quantiles("Queue", "From acceptance to a place in the batch; part of the time to the first token.", queue),
)

_RESTARTS = f"{kube_state.CONTAINER_RESTARTS.name}{{{PODS}}}"

_LOAD = (
    _lines(
        "In flight",
        "Requests that run and wait, and their sum, over all pods.",
        (
            Query(chosen(RUNNING), "running"),
            Query(chosen(WAITING), "waiting"),
            Query(chosen(IN_FLIGHT), "in flight", dashed=True),
        ),
        "none",
    ),
    _lines(
        "KV cache by pod",
        "Share in use. Pods far apart: requests are spread unevenly.",
        (Query(chosen(KV_CACHE_USAGE), "{{pod}}"),),
        "percentunit",
        maximum=1,
    ),
    _lines(
        "Preemptions",
        "Requests per second taken out of the batch for want of KV cache; their work is done again.",
        (Query(chosen(PREEMPTIONS), "preempted"),),
        "ops",
    ),
    _lines(
        "Prefix cache hits",
        "Share of the prompts' tokens that were in the cache already.",
        (Query(chosen(PREFIX_CACHE_HITS), "hits"),),
        "percentunit",
        maximum=1,
    ),
    _lines(
        "Replicas",
        "Replicas that Prometheus scrapes, and those that answer.",
        (Query(chosen(TARGETS_UP), "up"), Query(chosen(TARGETS), "scraped", dashed=True)),
        "none",
    ),
    _lines(
        "GPU busy",
        "Share of time in which a kernel ran. One request is enough for 100 %: no measure of room left.",
        (Query(chosen(GPU_BUSY), "{{pod}} {{gpu}}"),),
        "percentunit",
        maximum=1,
    ),
    _lines(
        "Restarts",
        "Of each container, as they happen. Each start loads the model again.",
        (Query(f"max by (pod, container) (increase({_RESTARTS}[$__rate_interval]))", "{{pod}} {{container}}"),),
        "none",
        width=24,
    ),
)

_COST = (
    _lines(
        "Cost per hour",
        "US dollars per hour for the GPUs held.",
        (Query(chosen(COST), "USD/h"),),
        "currencyUSD",
        width=12,
    ),
    _lines(
        "Cost per million tokens",
        "US dollars per million generated tokens, over the last hour: dear when the model is idle.",
        (Query(chosen(COST_PER_MILLION_TOKENS), "USD per million"),),
        "currencyUSD",
        width=12,
    ),
)

MODEL = Dashboard(
    uid=MODEL_UID,
    title="LLM / Model",
    description="One model: requests, latency, tokens, GPU memory; then where the time goes and what is short.",
    variables=ONE,
    rows=(
        Row("At a glance", _FIRST),
        Row("Now", _NOW),
        Row("Where the time goes", _TIMES),
        Row("Load", _LOAD),
        Row("Cost", _COST),
    ),
)
