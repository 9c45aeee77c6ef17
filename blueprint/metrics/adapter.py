"""Rules for prometheus-adapter: the engines' signals as custom metrics of pods, for a HorizontalPodAutoscaler.

Format: docs/config.md of kubernetes-sigs/prometheus-adapter. It puts the pods that the scaler asks for in the place of
<<.LabelMatchers>>, and the label of the answer's objects in that of <<.GroupBy>>.
"""

from collections.abc import Sequence
from typing import Any

from blueprint.metrics.metric import Metric
from blueprint.metrics.queries import matchers

_MATCHERS, _GROUP = "<<.LabelMatchers>>", "<<.GroupBy>>"

_NAMES = {"inFlight": "requests_in_flight", "waiting": "requests_waiting_for_capacity", "kvCache": "kv_cache_usage"}


def metric_name(engine: str, signal: str) -> str:
    """Name of a signal's custom metric. No colon: the name is part of a path of the API."""
    return f"{engine}_{_NAMES[signal]}"


def rule(engine: str, signal: str, metrics: Sequence[Metric]) -> Any:
    """One custom metric: what the metrics of a pod add up to."""
    first = metrics[0]
    selected = [*([matchers(first.where)] if first.where else []), 'namespace!=""', 'pod!=""']
    return {
        "seriesQuery": f"{first.name}{{{','.join(selected)}}}",
        "resources": {"overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}},
        "name": {"matches": f"^{first.name}$", "as": metric_name(engine, signal)},
        "metricsQuery": " + ".join(_per_pod(metric, shares=signal == "kvCache") for metric in metrics),
    }


def _per_pod(metric: Metric, *, shares: bool) -> str:
    where = f",{matchers(metric.where)}" if metric.where else ""
    found = f"{metric.name}{{{_MATCHERS}{where}}}"
    if shares:
        return f"max by ({_GROUP}) ({found})"
    return f"sum by ({_GROUP}) (max by ({', '.join((_GROUP, *metric.apart))}) ({found}))"
