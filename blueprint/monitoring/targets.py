"""Where the collector sends: what the settings name, or else the stack's own Loki and Jaeger."""

from collections.abc import Sequence

from blueprint.description import Description
from blueprint.monitoring.collector import GRPC_PORT
from blueprint.monitoring.parts import own_parts, part_name
from blueprint.monitoring.stores import LOKI_PORT, STORES, Store
from blueprint.settings.collector import Collector, LogTarget, TraceTarget


def collector_of(description: Description) -> Collector | None:
    """The collector of traces and logs with all its targets, where the stack has one."""
    monitoring = description.settings.monitoring
    collector = monitoring.collector if monitoring is not None else None
    if collector is None:
        return None
    own = own_targets(description)
    update: dict[str, LogTarget | TraceTarget] = {}
    if "loki" in own:
        update["logs_to"] = LogTarget(address=f"http://{part_name(description, 'loki')}:{LOKI_PORT}/otlp")
    if "jaeger" in own:
        update["traces_to"] = TraceTarget(address=f"http://{part_name(description, 'jaeger')}:{GRPC_PORT}")
    return collector.model_copy(update=update)


def own_targets(description: Description) -> Sequence[Store]:
    """The stack's own stores that its collector sends to: those that it has, where nothing else is named."""
    monitoring = description.settings.monitoring
    collector = monitoring.collector if monitoring is not None else None
    if collector is None:
        return []
    named = {"loki": collector.logs_to, "jaeger": collector.traces_to}
    parts = own_parts(description)
    return [store for store in STORES if store in parts and named[store] is None]


def shown_stores(description: Description) -> Sequence[Store]:
    """The kinds of stores that the dashboards show.

    With an operator they are somebody's, and whoever runs Grafana has given it their data sources.
    """
    monitoring, collector = description.settings.monitoring, collector_of(description)
    if monitoring is None:
        return []
    if monitoring.mode == "standalone":
        parts = own_parts(description)
        return [store for store in STORES if store in parts]
    named = {"loki": collector and collector.logs_to, "jaeger": collector and collector.traces_to}
    return [store for store in STORES if named[store] is not None]
