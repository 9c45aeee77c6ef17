"""The metrics of this project's own server: server/telemetry/metrics.py, which tests/server holds to this."""

from functools import partial

from blueprint.engines.custom import SERVER_VERSION
from blueprint.metrics.metric import Metric

_VERSIONS = (SERVER_VERSION,)
_LABELS = ("model",)  # the served name

_of_the_model = partial(Metric, labels=_LABELS, shard="model", versions=_VERSIONS)
_tokens = partial(
    Metric, name="llm_tokens_total", type="counter", labels=(*_LABELS, "type"), shard="model", versions=_VERSIONS
)

METRICS = (
    _of_the_model(
        meaning="requests_running",
        name="llm_requests_running",
        type="gauge",
    ),
    _of_the_model(
        meaning="requests_waiting",
        name="llm_requests_waiting",
        type="gauge",
    ),
    _of_the_model(
        meaning="requests_waiting_for_capacity",
        name="llm_requests_waiting",
        type="gauge",
    ),
    _of_the_model(
        meaning="kv_cache_usage",
        name="llm_kv_cache_usage_ratio",
        type="gauge",
    ),
    Metric(
        meaning="requests_ended",
        name="llm_requests_total",
        type="counter",
        labels=(*_LABELS, "status"),
        shard="model",
        versions=_VERSIONS,
    ),
    _tokens(meaning="prompt_tokens", where={"type": "prompt"}),
    _tokens(meaning="generation_tokens", where={"type": "completion"}),
    Metric(
        meaning="gpu_memory",
        name="llm_gpu_memory_bytes",
        type="gauge",
        labels=("gpu_id",),  # no series without CUDA
        shard="gpu_id",
        versions=_VERSIONS,
    ),
    _of_the_model(
        meaning="request_latency",
        name="llm_request_latency_seconds",
        type="histogram",
        buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
    ),
    _of_the_model(
        meaning="time_to_first_token",
        name="llm_time_to_first_token_seconds",
        type="histogram",
        buckets=(0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
    ),
    _of_the_model(
        meaning="inter_token_latency",
        name="llm_inter_token_latency_seconds",
        type="histogram",
        buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 1, 2.5),
    ),
    _of_the_model(
        meaning="queue_time",
        name="llm_queue_seconds",
        type="histogram",
        buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
    ),
    _of_the_model(
        meaning="batch_size",
        name="llm_batch_size",
        type="histogram",
        buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    ),
)
