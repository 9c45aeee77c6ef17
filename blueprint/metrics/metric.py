"""What is known of one metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Meaning = Literal[
    "requests_running",
    "requests_waiting",
    "requests_waiting_for_capacity",
    "kv_cache_usage",
    "requests_ended",
    "requests_failed",
    "requests_rejected",
    "prompt_tokens",
    "generation_tokens",
    "preemptions",
    "prefix_cache_queries",
    "prefix_cache_hits",
    "gpu_memory",
    "request_latency",
    "time_to_first_token",
    "inter_token_latency",
    "queue_time",
    "batch_size",
]
"""What a metric tells, whatever an engine calls it.

requests_waiting_for_capacity: those of requests_waiting that another replica would help.
kv_cache_usage: share of the KV cache in use, 0 to 1.
requests_ended: all that ended after they were accepted, however; requests_failed: those of them that ended by the
    server's fault; requests_rejected: those that a full queue turned away.
preemptions: requests taken out of the batch for want of KV cache; prefix_cache_*: both in tokens.
request_latency: from arrival to end; queue_time: from acceptance to a place in the batch; both in seconds.
"""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric as an engine exposes it.

    labels: those that the engine itself gives; the scrape adds its own.
    shard: the label by which schedulers that share one pod are told apart, whose values add up. Series of one pod that
        differ in other labels repeat one another.
    where: label values that select the series that mean this.
    buckets: of a histogram, the upper bounds below infinity.
    versions: in which it was seen, with the same name and labels.
    """

    meaning: Meaning
    name: str
    type: Literal["gauge", "counter", "histogram"]
    labels: Sequence[str]
    shard: str
    versions: Sequence[str]
    where: Mapping[str, str] = field(default_factory=dict)
    buckets: Sequence[float] = ()
