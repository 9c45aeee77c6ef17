"""The metrics of this project's own server: server/telemetry/metrics.py, which tests/server holds to this."""

from collections.abc import Mapping
from functools import partial

from blueprint.engines.custom import SERVER_VERSION
from blueprint.metrics.metric import Meaning, Metric

_LABELS = ("model",)  # the served name

_of_the_server = partial(Metric, versions=(SERVER_VERSION,))
_of_the_model = partial(_of_the_server, labels=_LABELS, shard="model")
_requests = partial(_of_the_model, unit="requests")
_gauge = partial(_requests, type="gauge")
_ended = partial(
    _of_the_server,
    name="llm_requests_total",
    type="counter",
    labels=(*_LABELS, "status"),
    unit="requests",
    shard="model",
    parts=("status",),
)
_tokens = partial(
    _of_the_server, name="llm_tokens_total", type="counter", labels=(*_LABELS, "type"), unit="tokens", shard="model"
)
_seconds = partial(_of_the_model, type="histogram", unit="seconds")

METRICS = (
    _gauge(meaning="requests_running", name="llm_requests_running"),
    _gauge(meaning="requests_waiting", name="llm_requests_waiting"),
    _gauge(meaning="requests_waiting_for_capacity", name="llm_requests_waiting"),
    _of_the_model(meaning="kv_cache_usage", name="llm_kv_cache_usage_ratio", type="gauge", unit="ratio"),
    # The other statuses, invalid and unauthorized, were never accepted.
    _ended(meaning="requests_ended", where={"status": ("ok", "cancelled", "timeout", "error")}),
    _ended(meaning="requests_failed", where={"status": ("timeout", "error")}),
    _ended(meaning="requests_rejected", where={"status": "rejected"}, help="Also those that came while it drained."),
    _tokens(meaning="prompt_tokens", where={"type": "prompt"}),
    _tokens(meaning="generation_tokens", where={"type": "completion"}),
    _of_the_server(
        meaning="gpu_memory",
        name="llm_gpu_memory_bytes",
        type="gauge",
        labels=("gpu_id",),
        unit="bytes",
        shard="gpu_id",
        help="Memory that torch holds; no series without CUDA.",
    ),
    _seconds(
        meaning="request_latency",
        name="llm_request_latency_seconds",
        buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
        help="Of requests with status ok, timeout or error.",
    ),
    _seconds(
        meaning="time_to_first_token",
        name="llm_time_to_first_token_seconds",
        buckets=(0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
    ),
    _seconds(
        meaning="inter_token_latency",
        name="llm_inter_token_latency_seconds",
        buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 1, 2.5),
    ),
    _seconds(
        meaning="queue_time",
        name="llm_queue_seconds",
        buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
    ),
    _requests(
        meaning="batch_size",
        name="llm_batch_size",
        type="histogram",
        buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    ),
)

_NO_PREFIX_CACHE = "It has no prefix cache."

ABSENT: Mapping[Meaning, str] = {
    "preemptions": "It takes no request out of its batch.",
    "prefix_cache_queries": _NO_PREFIX_CACHE,
    "prefix_cache_hits": _NO_PREFIX_CACHE,
}
