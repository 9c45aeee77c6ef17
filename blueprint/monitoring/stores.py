"""The stack's own stores of logs and traces, Loki and Jaeger: their configuration, from the settings alone."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from blueprint.monitoring.collector import GRPC_PORT
from blueprint.settings.monitoring import OwnJaeger, OwnLoki

Store = Literal["loki", "jaeger"]
"""Of logs, and of traces."""

STORES: Sequence[Store] = ("loki", "jaeger")

LOKI_PORT, JAEGER_PORT = 3100, 16686
"""Loki takes lines and answers queries on one port; Jaeger answers queries on this one, and takes OTLP on GRPC_PORT."""

JAEGER_HEALTH_PORT = 13133

LOKI_FOLDER, JAEGER_FOLDER = "/loki", "/badger"
"""Where each keeps its data: its claim."""

LABELS = ("k8s.namespace.name", "k8s.pod.name", "k8s.container.name", "service.name")
"""Attributes of a log's resource that become labels of streams, with _ for each dot; the rest is kept with each line.

Loki's own choice has a dozen more, and each value of each makes streams of its own.
"""

# In a file of Grafana's $$ is one $.
LINKS: Mapping[str, Mapping[str, Any]] = {
    "loki": {
        "derivedFields": [
            {
                "name": "Trace",
                # What the collector gave the record, beside its text.
                "matcherType": "label",
                "matcherRegex": "trace_id",
                "datasourceUid": "jaeger",
                "url": "$${__value.raw}",
                "urlDisplayLabel": "Show the trace",
            }
        ]
    },
    "jaeger": {
        "tracesToLogsV2": {
            "datasourceUid": "loki",
            # The line at a request's end may come after its span.
            "spanStartTimeShift": "-5m",
            "spanEndTimeShift": "5m",
            # Loki wants one label at least.
            "tags": [{"key": "k8s.namespace.name", "value": "k8s_namespace_name"}],
            "filterByTraceID": False,
            "filterBySpanID": False,
            "customQuery": True,
            "query": '{$${__tags}} | trace_id="$${__trace.traceId}"',
        }
    },
}
"""By store, how its data source in Grafana leads to the other by a trace's id.

https://grafana.com/docs/grafana/latest/datasources/loki/ and .../jaeger/, "Provision the data source".
"""

_EVERYWHERE, _HERE = "0.0.0.0", "127.0.0.1"  # noqa: S104  the network policy says who reaches the pod's addresses


def loki_config(settings: OwnLoki) -> Mapping[str, Any]:
    """Loki as one process with its data on disk, from version 3.0 on.

    https://grafana.com/docs/loki/latest/configure/
    """
    return {
        # One tenant: the policies let in the collector and Grafana alone.
        "auth_enabled": False,
        "server": {
            "http_listen_port": LOKI_PORT,
            # Its parts talk to each other by it, and all are here.
            "grpc_listen_address": _HERE,
            "log_format": "json",
        },
        "common": {
            "instance_addr": _HERE,
            "path_prefix": LOKI_FOLDER,
            "replication_factor": 1,
            "ring": {"kvstore": {"store": "inmemory"}},
            "storage": {
                "filesystem": {
                    "chunks_directory": f"{LOKI_FOLDER}/chunks",
                    "rules_directory": f"{LOKI_FOLDER}/rules",
                }
            },
        },
        "schema_config": {
            "configs": [
                {
                    # The day that version 3.0, the first with this schema as its default, came. It must not change.
                    "from": "2024-04-09",
                    "store": "tsdb",
                    "object_store": "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "compactor": {"retention_enabled": True, "delete_request_store": "filesystem"},
        "limits_config": {
            "retention_period": _hours(settings.retention_days),
            # Whoever may ask it could otherwise delete.
            "deletion_mode": "disabled",
            "otlp_config": {
                "resource_attributes": {
                    "ignore_defaults": True,
                    "attributes_config": [{"action": "index_label", "attributes": list(LABELS)}],
                }
            },
        },
        # Otherwise it would send statistics about itself to stats.grafana.org.
        "analytics": {"reporting_enabled": False},
    }


def jaeger_config(settings: OwnJaeger) -> Mapping[str, Any]:
    """Jaeger 2 as one process that receives, keeps and shows traces.

    cmd/jaeger/config-badger.yaml of its version 2.19.0, with addresses for a pod.
    """
    store = "spans"
    return {
        "extensions": {
            "healthcheckv2": {"use_v2": True, "http": {"endpoint": f"{_EVERYWHERE}:{JAEGER_HEALTH_PORT}"}},
            "jaeger_query": {
                "storage": {"traces": store},
                "http": {"endpoint": f"{_EVERYWHERE}:{JAEGER_PORT}"},
                "grpc": {"endpoint": f"{_HERE}:16685"},
            },
            "jaeger_storage": {
                "backends": {
                    store: {
                        "badger": {
                            "directories": {"keys": f"{JAEGER_FOLDER}/keys", "values": f"{JAEGER_FOLDER}/values"},
                            "ephemeral": False,
                            "ttl": {"spans": _hours(settings.retention_days)},
                        }
                    }
                }
            },
        },
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"{_EVERYWHERE}:{GRPC_PORT}"}}}},
        "processors": {"batch": {}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": store}},
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            # Its own metrics would be on a port that nobody scrapes.
            "telemetry": {"metrics": {"level": "none"}, "logs": {"encoding": "json"}},
            "pipelines": {
                "traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["jaeger_storage_exporter"]}
            },
        },
    }


def _hours(days: int) -> str:
    return f"{days * 24}h"
