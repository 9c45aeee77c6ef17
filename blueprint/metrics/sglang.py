"""SGLang's metrics, read in its wheel: sglang/srt/observability/metrics_collector.py. It needs --enable-metrics.

A counter's series is born with its first event; a rate does not see that event. tokenizer_manager.py counts what ended,
http_request_metrics.py the answers by HTTP status, which a stream has before it fails.
"""

from collections.abc import Mapping
from functools import partial

from blueprint.engines.sglang import INFERENCE_PATHS
from blueprint.metrics.metric import Meaning, Metric

_of = partial(Metric, versions=("0.5.23",))

# dp_rank only with data parallelism. The first tensor rank of each pipeline stage reports, or every rank with
# --enable-metrics-for-all-schedulers: each repeats the whole.
_scheduler = partial(
    _of,
    labels=("model_name", "engine_type", "tp_rank", "pp_rank", "moe_ep_rank", "priority", "dp_rank"),
    shard="dp_rank",
)
_gauge = partial(_scheduler, type="gauge", unit="requests")
# priority only with --enable-priority-scheduling: requests of each are counted apart.
_TOKENIZER = ("model_name", "engine_type", "priority")
_tokenizer = partial(_of, labels=_TOKENIZER, shard="model_name", parts=("priority",))
_streaming = partial(
    _of, labels=(*_TOKENIZER, "is_streaming"), shard="model_name", parts=("priority", "is_streaming"), type="counter"
)
_INFERENCE = tuple(path for path in INFERENCE_PATHS if path != "/v1/models")
_responses = partial(
    _of,
    name="sglang:http_responses_total",
    type="counter",
    labels=("endpoint", "status_code", "method"),
    unit="requests",
    shard="",
    parts=("endpoint", "status_code", "method"),
)

METRICS = (
    _gauge(meaning="requests_running", name="sglang:num_running_reqs"),
    _gauge(meaning="requests_waiting", name="sglang:num_queue_reqs"),
    _gauge(meaning="requests_waiting_for_capacity", name="sglang:num_queue_reqs"),
    _scheduler(meaning="kv_cache_usage", name="sglang:token_usage", type="gauge", unit="ratio"),
    _streaming(meaning="requests_ended", name="sglang:num_requests_total", unit="requests"),
    _responses(
        meaning="requests_failed",
        where={"endpoint": _INFERENCE, "status_code": ("500", "502", "504")},
        help="By HTTP status: an answer that fails in mid-stream is not among them.",
    ),
    _responses(
        meaning="requests_rejected",
        where={"endpoint": _INFERENCE, "status_code": "503"},
        help="Turned away by --max-queued-requests, or while it starts.",
    ),
    _streaming(meaning="prompt_tokens", name="sglang:prompt_tokens_total", unit="tokens"),
    _streaming(meaning="generation_tokens", name="sglang:generation_tokens_total", unit="tokens"),
    _scheduler(meaning="preemptions", name="sglang:num_retracted_requests_total", type="counter", unit="requests"),
    _streaming(meaning="prefix_cache_queries", name="sglang:prompt_tokens_total", unit="tokens"),
    _of(
        meaning="prefix_cache_hits",
        name="sglang:cached_tokens_total",
        type="counter",
        labels=(*_TOKENIZER, "cache_source"),
        unit="tokens",
        shard="model_name",
        parts=("priority", "cache_source"),
    ),
    _streaming(
        meaning="request_latency",
        name="sglang:e2e_request_latency_seconds",
        type="histogram",
        unit="seconds",
        buckets=(0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400, 600, 1200, 1800, 2400),
    ),
    _streaming(
        meaning="time_to_first_token",
        name="sglang:time_to_first_token_seconds",
        type="histogram",
        unit="seconds",
        buckets=(0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400),
    ),
    _tokenizer(
        meaning="inter_token_latency",
        name="sglang:inter_token_latency_seconds",
        type="histogram",
        unit="seconds",
        buckets=(
            *(0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.06, 0.08),
            *(0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8),
        ),
    ),
    _scheduler(
        meaning="queue_time",
        name="sglang:queue_time_seconds",
        type="histogram",
        unit="seconds",
        buckets=(
            *(0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90),
            *(100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1200, 1400, 1600, 1800, 2000, 2500, 3000),
        ),
    ),
)

ABSENT: Mapping[Meaning, str] = {
    "gpu_memory": "It tells only the sizes of its pools, in GB, at the start; DCGM tells what is used.",
    "batch_size": "It has no histogram of its steps; requests_running is a gauge of them.",
}
