"""TGI's metrics, read in its source at v3.3.5: router/src and backends/v3/src. It is archived, and kept as legacy.

No label names the model, counters have no _total, and a counter's series is born with its first event.
"""

from collections.abc import Mapping
from functools import partial
from itertools import accumulate, repeat
from operator import mul

from blueprint.metrics.metric import Meaning, Metric

_of = partial(Metric, labels=(), shard="", versions=("3.3.5",))
_gauge = partial(_of, type="gauge", unit="requests")
_failure = partial(_of, name="tgi_request_failure", type="counter", labels=("err",), unit="requests", parts=("err",))
# Each is the previous one times 1.5, from 0.15 ms (server.rs).
_DURATIONS = tuple(accumulate(repeat(1.5, 35), mul, initial=0.0001))[1:]
_seconds = partial(_of, type="histogram", unit="seconds", buckets=_DURATIONS)
_tokens = partial(_of, type="counter", unit="tokens")

METRICS = (
    _gauge(meaning="requests_running", name="tgi_batch_current_size"),
    _gauge(meaning="requests_waiting", name="tgi_queue_size"),
    _gauge(meaning="requests_waiting_for_capacity", name="tgi_queue_size"),
    _of(
        meaning="requests_ended",
        name="tgi_request_count",
        type="counter",
        unit="requests",
        help="Counted when they arrive, before they are accepted; success and failure have a counter each.",
    ),
    _failure(meaning="requests_failed", where={"err": ("generation", "incomplete")}),
    _failure(meaning="requests_rejected", where={"err": "overloaded"}),
    _tokens(meaning="prompt_tokens", name="tgi_request_input_length_sum", family="tgi_request_input_length"),
    _tokens(
        meaning="generation_tokens", name="tgi_request_generated_tokens_sum", family="tgi_request_generated_tokens"
    ),
    _seconds(meaning="request_latency", name="tgi_request_duration"),
    _seconds(
        meaning="inter_token_latency",
        name="tgi_request_mean_time_per_token_duration",
        help="The mean of each answer: one observation per request, not per token.",
    ),
    _seconds(meaning="queue_time", name="tgi_request_queue_duration"),
    _of(
        meaning="batch_size",
        name="tgi_batch_next_size",
        type="histogram",
        unit="requests",
        buckets=tuple(range(1, 1025)),
    ),
)

_NO_PREFIX_CACHE = "It does not count its prefix cache: tgi_request_skipped_tokens are those of speculation."

ABSENT: Mapping[Meaning, str] = {
    "kv_cache_usage": "No metric is a share of its KV cache: tgi_batch_current_max_tokens is what a batch may grow to.",
    "preemptions": "It counts none.",
    "prefix_cache_queries": _NO_PREFIX_CACHE,
    "prefix_cache_hits": _NO_PREFIX_CACHE,
    "gpu_memory": "DCGM tells it.",
    "time_to_first_token": "No metric has it: tgi_batch_inference_duration is of a whole batch.",
}
