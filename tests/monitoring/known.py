"""The names that rules and dashboards may ask for: what rules record, and what the registry says is emitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from blueprint.metrics import METRICS
from blueprint.monitoring import recorded
from blueprint.monitoring.dashboards import raw
from blueprint.monitoring.recorded import Quantile

BY_PROMETHEUS = ("up", "ALERTS")


@dataclass(frozen=True)
class Known:
    """types: gauge or counter by exposed name, a histogram's three names among them. buckets: by the name with _bucket."""

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


def everything() -> Known:
    """What this project knows."""
    types = dict.fromkeys((*recorded_names(), *BY_PROMETHEUS), "gauge")
    types |= {
        value: "counter" if value.endswith("_total") else "gauge" for key, value in vars(raw).items() if key.isupper()
    }
    buckets = {}
    for metric in METRICS:
        if metric.type == "histogram":
            types |= dict.fromkeys((f"{metric.name}_{end}" for end in ("bucket", "sum", "count")), "counter")
            buckets[f"{metric.name}_bucket"] = metric.buckets
        else:
            types[metric.name] = metric.type
    return Known(types, buckets)
