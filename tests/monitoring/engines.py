"""What an engine exposes under load, by the registry: made-up numbers under the real names and labels."""

from collections.abc import Iterator, Mapping

from blueprint.metrics import METRICS, Metric, emitted
from blueprint.metrics.queries import matchers

# Per second, of what is a part of something else; the rest goes up by 100.
_PER_SECOND = {"requests_failed": 1.0, "requests_rejected": 1.0, "prefix_cache_hits": 40.0, "preemptions": 2.0}
_NOW = {"ratio": 0.5, "bytes": 1e9, "tokens": 100.0, "seconds": 1.0}


def engine_series(engine: str, version: str, requests: float, seconds: float) -> str:
    """The exposition of a version some seconds after its start. requests: that run, and that wait."""
    lines = {}
    for metric in emitted(engine, version).values():
        lines |= dict(_series(metric, requests, seconds))
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def newest(engine: str) -> str:
    """The last version that the registry knows of an engine."""
    return max(
        (version for metric in METRICS[engine] for version in metric.versions),
        key=lambda version: [int(part) for part in version.split(".") if part.isdigit()],
    )


def _series(metric: Metric, requests: float, seconds: float) -> Iterator[tuple[str, float]]:
    chosen = {key: value if isinstance(value, str) else value[0] for key, value in metric.where.items()}
    labels: Mapping[str, str] = {**dict.fromkeys(metric.labels, "0"), **chosen}
    count = seconds * _PER_SECOND.get(metric.meaning, 100.0)
    if metric.type == "gauge":
        yield f"{metric.name}{{{matchers(labels)}}}", requests if metric.unit == "requests" else _NOW[metric.unit]
    elif metric.type == "counter":
        yield f"{metric.name}{{{matchers(labels)}}}", count
    else:
        bounds = [*(str(float(bound)) for bound in metric.buckets), "+Inf"]
        for number, bound in enumerate(bounds, start=1):
            yield f"{metric.name}_bucket{{{matchers({**labels, 'le': bound})}}}", count * number / len(bounds)
        yield f"{metric.name}_sum{{{matchers(labels)}}}", count
        yield f"{metric.name}_count{{{matchers(labels)}}}", count
