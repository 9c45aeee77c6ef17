"""vLLM's metrics, read in the wheels of these versions: vllm/v1/metrics/loggers.py."""

from blueprint.metrics.metric import Metric

_VERSIONS = ("0.31.0", "0.33.0")
_LABELS = ("model_name", "engine")  # the first served name; the rank of data parallelism

METRICS = (
    Metric(
        meaning="requests_running",
        name="vllm:num_requests_running",
        type="gauge",
        labels=_LABELS,
        shard="engine",
        versions=_VERSIONS,
    ),
    Metric(
        meaning="requests_waiting",
        name="vllm:num_requests_waiting",
        type="gauge",
        labels=_LABELS,
        shard="engine",
        versions=_VERSIONS,
    ),
    Metric(
        meaning="requests_waiting_for_capacity",
        name="vllm:num_requests_waiting_by_reason",
        type="gauge",
        labels=(*_LABELS, "reason"),
        shard="engine",
        # The other reason, deferred, waits for an adapter or a transfer, which another replica does not bring.
        where={"reason": "capacity"},
        versions=_VERSIONS,
    ),
    Metric(
        meaning="kv_cache_usage",
        name="vllm:kv_cache_usage_perc",
        type="gauge",
        labels=_LABELS,
        shard="engine",
        versions=_VERSIONS,
    ),
)
