"""The names that rules and dashboards may ask for: what rules record, and what the registry says is emitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from blueprint.metrics import RAW, emitted
from blueprint.monitoring import recorded
from blueprint.monitoring.recorded import Quantile

BY_PROMETHEUS = ("up", "ALERTS")


@dataclass(frozen=True)
class Known:
    """types: gauge or counter, by series; a histogram has three. buckets: by the name with _bucket."""

    types: Mapping[str, str]
    buckets: Mapping[str, Sequence[float]] = field(default_factory=dict)


def recorded_names() -> list[str]:
    """All names of the contract."""
    constants = [value for value in vars(recorded).values() if isinstance(value, str) and value.startswith("llm:")]
    quantiles = (recorded.latency, recorded.first_token, recorded.inter_token, recorded.queue)
    return [
        *constants,
        *(name(quantile) for name in quantiles for quantile in get_args(Quantile)),
        *(recorded.bad(window) for window in recorded.WINDOWS),
    ]


def known(engine: str = "", version: str | None = None) -> Known:
    """What dashboards may ask for; of a model's engine and version besides what its rules may."""
    types = dict.fromkeys((*recorded_names(), *BY_PROMETHEUS), "gauge")
    types |= {raw.name: raw.type for raw in RAW}
    buckets: dict[str, Sequence[float]] = {}
    for metric in emitted(engine, version).values():
        types |= dict.fromkeys(metric.series, "gauge" if metric.type == "gauge" else "counter")
        if metric.type == "histogram":
            buckets[f"{metric.name}_bucket"] = metric.buckets
    return Known(types, buckets)
