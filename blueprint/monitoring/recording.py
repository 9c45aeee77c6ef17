"""What is recorded of one model, under names that know no engine: blueprint/monitoring/recorded.py.

Only what the engine's version has a metric for. Rates are taken of each series before anything is added up, since a sum
that loses a pod would look like a counter that was reset. Where a denominator is 0 nothing is recorded: no traffic is
neither good nor bad.
"""

from collections.abc import Iterable, Iterator
from typing import get_args

from blueprint.metrics import Meaning
from blueprint.metrics.queries import matchers, total
from blueprint.monitoring import gpus, outside, recorded, slis
from blueprint.monitoring.recorded import Quantile, Window
from blueprint.monitoring.rule import Group, Recording
from blueprint.monitoring.subject import Subject

INTERVAL = "30s"
"""Two scrapes of 15 s: a faster rule would see nothing new half of the time."""

SLOW_INTERVAL = "2m"
"""Of shares over hours and days. Well below 5 minutes, after which Prometheus takes a series for gone."""

_FAST: tuple[Window, ...] = ("5m", "30m", "1h")
_QUANTILES: dict[Quantile, str] = {"p50": "0.5", "p95": "0.95", "p99": "0.99"}

_RATES: tuple[tuple[str, Meaning], ...] = (
    (recorded.ENDED, "requests_ended"),
    (recorded.REJECTED, "requests_rejected"),
    (recorded.PROMPT_TOKENS, "prompt_tokens"),
    (recorded.GENERATION_TOKENS, "generation_tokens"),
    (recorded.PREEMPTIONS, "preemptions"),
)


def groups(subject: Subject) -> Iterator[Group]:
    """The recording rules of a model."""
    name = subject.workload.object_name
    slow: tuple[Window, ...] = tuple(window for window in get_args(Window) if window not in _FAST)
    for part, interval, rules in (
        # One group, whose rules all see the same moments: cost per token divides one recorded series by another.
        (
            "load",
            INTERVAL,
            [
                *_load(subject),
                *_rates(subject),
                *_latencies(subject),
                *_targets(subject),
                *gpus.recordings(subject),
            ],
        ),
        ("objectives", INTERVAL, [*_objectives(subject), *_missed(subject, _FAST)]),
        ("objectives-slow", SLOW_INTERVAL, list(_missed(subject, slow))),
        ("outside", INTERVAL, list(outside.recordings(subject))),
        ("outside-slow", SLOW_INTERVAL, list(outside.slow_recordings(subject))),
    ):
        yield Group(name=f"llm-{subject.namespace}-{name}-{part}", interval=interval, rules=rules)


def _record(subject: Subject, name: str, expr: str, **labels: str) -> Recording:
    return Recording(record=name, expr=expr, labels={**subject.labels, **labels})


def _load(subject: Subject) -> Iterator[Recording]:
    known = subject.metrics
    running, waiting = known.get("requests_running"), known.get("requests_waiting")
    for name, metrics in (
        (recorded.RUNNING, [running]),
        (recorded.WAITING, [waiting]),
        (recorded.IN_FLIGHT, [running, waiting]),
    ):
        found = [metric for metric in metrics if metric is not None]
        if len(found) == len(metrics):
            yield _record(subject, name, total(found, subject.scraped))
    if "kv_cache_usage" in known:
        cache = known["kv_cache_usage"]
        where = matchers({**subject.scraped, **cache.where})
        yield _record(subject, recorded.KV_CACHE_USAGE, f"max by (pod) ({cache.name}{{{where}}})")


def _rates(subject: Subject) -> Iterator[Recording]:
    known = subject.metrics
    for name, meaning in _RATES:
        if meaning in known:
            yield _record(subject, name, subject.rate(known[meaning], "5m"))
    if "requests_ended" in known and "requests_failed" in known:
        yield _record(subject, recorded.FAILED, failed_share(subject, "5m"))
    if "prefix_cache_queries" in known and "prefix_cache_hits" in known:
        hits, queries = (
            subject.rate(known[meaning], "5m") for meaning in ("prefix_cache_hits", "prefix_cache_queries")
        )
        yield _record(subject, recorded.PREFIX_CACHE_HITS, f"({hits} or 0 * {queries}) / ({queries} > 0)")


def failed_share(subject: Subject, window: str) -> str:
    """Share of the requests that ended by the server's fault. The series of failures may be born with the first one."""
    failed, ended = (
        subject.rate(subject.metrics[meaning], window) for meaning in ("requests_failed", "requests_ended")
    )
    return f"({failed} or 0 * {ended}) / ({ended} > 0)"


def _latencies(subject: Subject) -> Iterator[Recording]:
    names = (
        (recorded.latency, "request_latency"),
        (recorded.first_token, "time_to_first_token"),
        (recorded.inter_token, "inter_token_latency"),
        (recorded.queue, "queue_time"),
    )
    for name, meaning in names:
        metric = subject.metrics.get(meaning)  # type: ignore[call-overload]
        if metric is None:
            continue
        buckets = subject.rate(metric, "5m", suffix="_bucket", by="le")
        for quantile, phi in _QUANTILES.items():
            yield _record(subject, name(quantile), f"histogram_quantile({phi}, {buckets})")


def _targets(subject: Subject) -> Iterator[Recording]:
    up = f"max by (pod) (up{{{matchers(subject.scraped)}}})"
    yield _record(subject, recorded.TARGETS, f"count({up})")
    yield _record(subject, recorded.TARGETS_UP, f"sum({up})")


def _objectives(subject: Subject) -> Iterator[Recording]:
    for sli in subject.slis:
        yield _record(subject, recorded.OBJECTIVE, f"vector({sli.share!r})", sli=sli.name)
        if sli.seconds is not None:
            yield _record(subject, recorded.OBJECTIVE_SECONDS, f"vector({sli.seconds!r})", sli=sli.name)


def _missed(subject: Subject, windows: Iterable[Window]) -> Iterator[Recording]:
    for sli in subject.slis:
        for window in windows:
            yield _record(subject, recorded.bad(window), _share_missed(subject, sli, window), sli=sli.name)


def _share_missed(subject: Subject, sli: slis.Sli, window: Window) -> str:
    if sli.seconds is None:
        return failed_share(subject, window)
    metric = subject.metrics[slis.NEEDS[sli.name][0]]
    good = subject.rate(metric, window, suffix="_bucket", le=slis.bucket_pattern(sli.seconds))
    return f"1 - {good} / ({subject.rate(metric, window, suffix='_count')} > 0)"
