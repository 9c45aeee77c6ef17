"""What goes wrong in the engine: it stalls, queues, thrashes, turns requests away, or is not scraped."""

from collections.abc import Iterator, Mapping

from blueprint.metrics import Meaning
from blueprint.metrics.queries import matchers
from blueprint.monitoring import recorded
from blueprint.monitoring.rule import Alert
from blueprint.monitoring.subject import Subject

KV_CACHE_SHARE = 0.95
"""A full KV cache is what a busy engine aims at; with preemptions it is too small for its load."""

PREEMPTIONS_PER_SECOND = 0.1

GPU_MEMORY_SHARE = 0.9

QUEUE_LENGTH = 10
"""Waiting requests that are no mere burst."""

_ALLOCATES_AS_IT_GOES = frozenset({"custom"})
"""Engines whose GPU memory follows the load; the others take all that they may when they start."""

_COUNTS_AT_THE_END = frozenset({"tgi"})
"""Engines of which nothing moves while an answer is made: nobody can tell that it hangs."""

_PROGRESS: Mapping[Meaning, str] = {
    "generation_tokens": "",
    "time_to_first_token": "_count",
    "inter_token_latency": "_count",
}
"""What moves while an engine makes tokens, with the suffix of its series."""


def alerts(subject: Subject) -> Iterator[Alert]:
    """Alerts on a model's engine."""
    known = subject.metrics
    yield from _scraped(subject)
    if subject.workload.engine.name not in _COUNTS_AT_THE_END and "requests_running" in known:
        yield _stalled(subject)
    if "requests_waiting" in known:
        yield _queue_growing(subject)
    if "requests_rejected" in known:
        yield _rejected(subject)
    if {"kv_cache_usage", "preemptions"} <= known.keys():
        yield _thrashing(subject)
    if subject.workload.engine.name in _ALLOCATES_AS_IT_GOES and subject.workload.gpu_count:
        yield _memory_high(subject)


def _scraped(subject: Subject) -> Iterator[Alert]:
    workload, up = subject.workload, f"up{{{matchers(subject.scraped)}}}"
    scaling = workload.scaling.value
    # Of a model that sleeps there is nothing to scrape.
    if scaling is None or scaling.min > 0:
        yield Alert(
            alert="LLMNothingScraped",
            expr=f"absent({up})",
            wait="10m",
            severity="critical",
            summary=f"{workload.name}: Prometheus scrapes no replica",
            description="No pod of it is a target: there is none, or Prometheus does not select the PodMonitor. "
            "Nothing else about this model can raise an alert.",
            dashboard="llm-model",
            panel="Replicas",
        )
    # Longer than a pod takes to stop. One that loads has not been up yet, and is told of when its start fails.
    wait = max(300, workload.times.value.grace + 60)
    yield Alert(
        alert="LLMTargetDown",
        expr=f"max by (namespace, pod) ({up}) == 0 and max by (namespace, pod) (max_over_time({up}[1h])) > 0",
        wait=f"{wait}s",
        severity="warning",
        summary=f"{workload.name}: {{{{ $labels.pod }}}} does not answer its scrapes",
        description=f"It did within the last hour, and has not for {wait} s.",
        dashboard="llm-model",
        panel="Replicas",
    )


def _stalled(subject: Subject) -> Alert:
    running = subject.metrics["requests_running"]
    runs = subject.series(running)
    # SGLang adds up an answer's tokens when it ends; times it takes of each token.
    progress = [
        f"max by (namespace, pod) (increase({subject.series(metric, suffix=suffix)}[2m])) > 0"
        for meaning, suffix in _PROGRESS.items()
        if (metric := subject.metrics.get(meaning)) is not None
    ]
    return Alert(
        alert="LLMEngineStalled",
        # By pod: the others hide the one that hangs. A series that is born with its first event may not be there.
        expr=f"max by (namespace, pod) (min_over_time({runs}[2m])) > 0 unless ({' or '.join(progress)})",
        wait="5m",
        severity="critical",
        summary=f"{subject.workload.name}: {{{{ $labels.pod }}}} runs {{{{ $value }}}} requests and makes no token",
        description="For more than 5 minutes. Its health check may be fine all the same.",
        dashboard="llm-model",
        panel="Tokens",
    )


def _queue_growing(subject: Subject) -> Alert:
    waiting = subject.recorded(recorded.WAITING)
    return Alert(
        alert="LLMQueueGrowing",
        expr=f"min_over_time({waiting}[10m]) > {QUEUE_LENGTH}"
        f" and avg_over_time({waiting}[10m]) >= avg_over_time({waiting}[10m] offset 10m)",
        wait="5m",
        severity="warning",
        summary=f"{subject.workload.name}: {{{{ $value }}}} requests or more wait, and they do not get fewer",
        description=f"More than {QUEUE_LENGTH} have waited for 10 minutes, no fewer than in the 10 minutes before.",
        dashboard="llm-model",
        panel="In flight",
    )


def _rejected(subject: Subject) -> Alert:
    return Alert(
        alert="LLMRequestsRejected",
        expr=f"{subject.recorded(recorded.REJECTED)} > 0",
        wait="5m",
        severity="warning",
        summary=f"{subject.workload.name}: {{{{ $value | humanize }}}} requests/s are turned away",
        description="The queue has been full for 5 minutes. Callers get an error and may try again.",
        dashboard="llm-model",
        panel="Requests",
    )


def _thrashing(subject: Subject) -> Alert:
    # Of some minutes: each request that is taken out makes room, until the next ones have filled it.
    usage = f"max_over_time({subject.recorded(recorded.KV_CACHE_USAGE)}[5m])"
    return Alert(
        alert="LLMKVCacheThrashing",
        expr=f"max by (namespace, model, engine) ({usage}) > {KV_CACHE_SHARE}"
        f" and {subject.recorded(recorded.PREEMPTIONS)} > {PREEMPTIONS_PER_SECOND}",
        wait="10m",
        severity="warning",
        summary=f"{subject.workload.name}: the KV cache is {{{{ $value | humanizePercentage }}}} full, and requests "
        "are taken out of the batch",
        description=f"More than {PREEMPTIONS_PER_SECOND} a second for 10 minutes: their work is done twice.",
        dashboard="llm-model",
        panel="Preemptions",
    )


def _memory_high(subject: Subject) -> Alert:
    return Alert(
        alert="LLMGpuMemoryHigh",
        expr=f"max by (namespace, pod, gpu) ({subject.recorded(recorded.GPU_MEMORY)}) > {GPU_MEMORY_SHARE}",
        wait="10m",
        severity="warning",
        summary=f"{subject.workload.name}: GPU {{{{ $labels.gpu }}}} of {{{{ $labels.pod }}}} is "
        "{{ $value | humanizePercentage }} full",
        description=f"Above {GPU_MEMORY_SHARE:.0%} of this card for 10 minutes, by an engine that takes memory as it "
        "needs it. The next long request may not fit.",
        dashboard="llm-gpu",
        panel="Memory by model",
    )
