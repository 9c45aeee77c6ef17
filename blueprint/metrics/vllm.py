"""vLLM's metrics, read in the wheels of these versions: vllm/v1/metrics/loggers.py."""

from collections.abc import Mapping
from functools import partial

from blueprint.metrics.lifespan import Lifespan, State
from blueprint.metrics.metric import Meaning, Metric

VERSIONS = (
    *("0.10.2", "0.11.0", "0.11.1", "0.11.2", "0.12.0", "0.13.0", "0.14.0", "0.14.1", "0.15.0", "0.15.1", "0.16.0"),
    *("0.17.0", "0.17.1", "0.18.0", "0.18.1", "0.19.0", "0.19.1", "0.20.0", "0.20.1", "0.20.2", "0.21.0", "0.22.0"),
    *("0.22.1", "0.23.0", "0.24.0", "0.25.0", "0.25.1", "0.26.0", "0.27.0", "0.27.1", "0.28.0", "0.29.0", "0.30.0"),
    *("0.31.0", "0.32.0", "0.33.0"),
)
"""All that were released from 0.10.2 on, in order."""

LIFESPANS = (
    # Shown, then hidden, then gone: PR 18354, 24110, 29330, 32661.
    Lifespan(name="vllm:gpu_cache_usage_perc", hidden="0.11.0", gone="0.12.0", instead="vllm:kv_cache_usage_perc"),
    Lifespan(
        name="vllm:gpu_prefix_cache_queries_total",
        hidden="0.11.0",
        gone="0.12.0",
        instead="vllm:prefix_cache_queries_total",
    ),
    Lifespan(
        name="vllm:gpu_prefix_cache_hits_total", hidden="0.11.0", gone="0.12.0", instead="vllm:prefix_cache_hits_total"
    ),
    Lifespan(
        name="vllm:time_per_output_token_seconds",
        hidden="0.12.0",
        gone="0.15.0",
        instead="vllm:inter_token_latency_seconds",
    ),
    # Gone before 0.10.2, and still in dashboards.
    *(
        Lifespan(name=f"vllm:{name}", gone="0.10.2", instead=instead)
        for name, instead in {
            "avg_generation_throughput_toks_per_s": "vllm:generation_tokens_total",
            "avg_prompt_throughput_toks_per_s": "vllm:prompt_tokens_total",
            "cpu_cache_usage_perc": "",
            "cpu_prefix_cache_hit_rate": "",
            "gpu_prefix_cache_hit_rate": "vllm:prefix_cache_hits_total",
            "model_execute_time_milliseconds": "vllm:request_inference_time_seconds",
            "model_forward_time_milliseconds": "vllm:request_inference_time_seconds",
            "num_requests_swapped": "",
            "time_in_queue_requests": "vllm:request_queue_time_seconds",
        }.items()
    ),
    Lifespan(name="vllm:prompt_tokens_recomputed_total", since="0.16.0", gone="0.20.0"),
    Lifespan(name="vllm:request_time_per_output_token_seconds", since="0.11.0"),
    Lifespan(name="vllm:engine_sleep_state", since="0.11.1"),
    Lifespan(name="vllm:external_prefix_cache_queries_total", since="0.11.1"),
    Lifespan(name="vllm:external_prefix_cache_hits_total", since="0.11.1"),
    Lifespan(name="vllm:mm_cache_queries_total", since="0.11.1"),
    Lifespan(name="vllm:mm_cache_hits_total", since="0.11.1"),
    Lifespan(name="vllm:request_prefill_kv_computed_tokens", since="0.13.0"),
    Lifespan(name="vllm:prompt_tokens_by_source_total", since="0.16.0"),
    Lifespan(name="vllm:prompt_tokens_cached_total", since="0.16.0"),
    Lifespan(name="vllm:num_requests_waiting_by_reason", since="0.20.0"),
    Lifespan(name="vllm:request_num_preemptions", since="0.30.0"),
    Lifespan(name="vllm:admission_rejections_total", since="0.32.0"),
    Lifespan(name="vllm:prompt_tokens_cached_by_source_total", since="0.32.0"),
)
"""Of the metrics that every engine exposes: those that an option brings (LoRA, KV transfer, ...) are left out."""

_LABELS = ("model_name", "engine")  # the first served name; the rank of data parallelism

_of = partial(Metric, labels=_LABELS, shard="engine", versions=VERSIONS)
_gauge = partial(_of, type="gauge", unit="requests")
_counter = partial(_of, type="counter")
_seconds = partial(_of, type="histogram", unit="seconds")
_ended = partial(
    _counter,
    name="vllm:request_success_total",
    labels=(*_LABELS, "finished_reason"),
    unit="requests",
    parts=("finished_reason",),
)

_BY_REASON = VERSIONS.index("0.20.0")
_LATENCY = (0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680)

METRICS = (
    _gauge(meaning="requests_running", name="vllm:num_requests_running"),
    _gauge(meaning="requests_waiting", name="vllm:num_requests_waiting"),
    _gauge(meaning="requests_waiting_for_capacity", name="vllm:num_requests_waiting", versions=VERSIONS[:_BY_REASON]),
    _gauge(
        meaning="requests_waiting_for_capacity",
        name="vllm:num_requests_waiting_by_reason",
        labels=(*_LABELS, "reason"),
        # The other reason, deferred, waits for an adapter or a transfer, which another replica does not bring.
        where={"reason": "capacity"},
        versions=VERSIONS[_BY_REASON:],
    ),
    _of(meaning="kv_cache_usage", name="vllm:kv_cache_usage_perc", type="gauge", unit="ratio"),
    _ended(meaning="requests_ended", help="It counts every end, whatever its name says."),
    _ended(
        meaning="requests_failed",
        where={"finished_reason": "error"},
        versions=VERSIONS[VERSIONS.index("0.13.0") :],
    ),
    _counter(
        meaning="requests_rejected",
        name="vllm:admission_rejections_total",
        labels=("model_name", "reason"),
        unit="requests",
        shard="",
        parts=("reason",),
        where={"reason": ("max_num_queued_reqs", "max_num_queued_tokens")},
        versions=VERSIONS[VERSIONS.index("0.32.0") :],
    ),
    _counter(meaning="prompt_tokens", name="vllm:prompt_tokens_total", unit="tokens"),
    _counter(meaning="generation_tokens", name="vllm:generation_tokens_total", unit="tokens"),
    _counter(meaning="preemptions", name="vllm:num_preemptions_total", unit="requests"),
    _counter(meaning="prefix_cache_queries", name="vllm:prefix_cache_queries_total", unit="tokens"),
    _counter(meaning="prefix_cache_hits", name="vllm:prefix_cache_hits_total", unit="tokens"),
    _seconds(meaning="request_latency", name="vllm:e2e_request_latency_seconds", buckets=_LATENCY),
    _seconds(
        meaning="time_to_first_token",
        name="vllm:time_to_first_token_seconds",
        buckets=(
            *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160),
            *(640, 2560),
        ),
    ),
    _seconds(
        meaning="inter_token_latency",
        name="vllm:inter_token_latency_seconds",
        buckets=(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80),
    ),
    _seconds(
        meaning="queue_time",
        name="vllm:request_queue_time_seconds",
        buckets=_LATENCY,
        help="Its first bucket ends at 0.3 s.",
    ),
)


ABSENT: Mapping[Meaning, str] = {
    "requests_failed": "Before 0.13.0 finished_reason has no error.",
    "requests_rejected": "Before 0.32.0 it counts none.",
    "gpu_memory": "It takes its share at the start and tells none of it; DCGM tells what is used.",
    "batch_size": "Its histogram of steps, vllm:iteration_tokens_total, is of tokens.",
}


def not_shown(version: str) -> Mapping[str, State]:
    """Names that a query must not have, by what they are in one of VERSIONS."""
    states = {lifespan.name: lifespan.state(version, VERSIONS) for lifespan in LIFESPANS}
    return {name: state for name, state in states.items() if state != "shown"}
