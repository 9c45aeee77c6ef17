"""SGLang's metrics, read in its wheel: sglang/srt/observability/metrics_collector.py. It needs --enable-metrics."""

from blueprint.metrics.metric import Metric

_VERSIONS = ("0.5.23",)
# dp_rank only with data parallelism. The first tensor rank of each pipeline stage reports, or every rank with
# --enable-metrics-for-all-schedulers: each repeats the whole.
_LABELS = ("model_name", "engine_type", "tp_rank", "pp_rank", "moe_ep_rank", "dp_rank")

METRICS = (
    Metric(
        meaning="requests_running",
        name="sglang:num_running_reqs",
        type="gauge",
        labels=_LABELS,
        shard="dp_rank",
        versions=_VERSIONS,
    ),
    Metric(
        meaning="requests_waiting",
        name="sglang:num_queue_reqs",
        type="gauge",
        labels=_LABELS,
        shard="dp_rank",
        versions=_VERSIONS,
    ),
    Metric(
        meaning="requests_waiting_for_capacity",
        name="sglang:num_queue_reqs",
        type="gauge",
        labels=_LABELS,
        shard="dp_rank",
        versions=_VERSIONS,
    ),
    Metric(
        meaning="kv_cache_usage",
        name="sglang:token_usage",
        type="gauge",
        labels=_LABELS,
        shard="dp_rank",
        versions=_VERSIONS,
    ),
)
