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


Unit = Literal["requests", "tokens", "seconds", "ratio", "bytes"]
"""Of a metric's values; of a histogram, of what it observes. ratio: 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric as an engine exposes it.

    labels: those that the engine itself gives; the scrape adds its own. One that an option brings may be missing, which
        to Prometheus is an empty one.
    shard: the label by which schedulers that share one pod are told apart, whose values add up; empty without one.
    parts: further labels whose values add up. Series of one pod that differ in other labels repeat one another.
    where: label values that select the series that mean this; of several, any.
    buckets: of a histogram, the upper bounds below infinity.
    family: what it is exposed as, where that is not its name: a histogram whose sum is the counter meant here.
    help: what one has to know who reads it.
    versions: in which it is exposed, with the same name, labels and buckets.
    """

    meaning: Meaning
    name: str
    type: Literal["gauge", "counter", "histogram"]
    labels: Sequence[str]
    unit: Unit
    shard: str
    versions: Sequence[str]
    parts: Sequence[str] = ()
    where: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    buckets: Sequence[float] = ()
    family: str = ""
    help: str = ""

    @property
    def apart(self) -> Sequence[str]:
        """Labels whose values add up: `max by` them and the pod, then sum."""
        return tuple(label for label in (self.shard, *self.parts) if label)

    @property
    def series(self) -> Sequence[str]:
        """Names of its series."""
        if self.type == "histogram":
            return tuple(f"{self.name}_{end}" for end in ("bucket", "sum", "count"))
        return (self.name,)
