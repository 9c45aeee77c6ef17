"""dcgm-exporter, which somebody else runs: the fields that it has to export, and how it is scraped."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from blueprint.metrics import dcgm
from blueprint.monitoring.scrape import INTERVAL
from blueprint.settings.probes import Dcgm

JOB = "llm-stack-dcgm"
"""Second half of the job, which is the name of the operator's monitor in a namespace of the stack's own."""

PORT_NAME = "metrics"
"""Of the container's port: its chart's templates/daemonset.yaml, and 0800_daemonset.yaml of the GPU operator."""

FIELD_FILES = ("dcgm-metrics.csv", "metrics")
"""Keys of the list's ConfigMap: where the GPU operator reads it, and where the exporter's --configmap-data does."""

_TARGET_LABELS = "namespace|pod|container|endpoint"
"""Of the exporter's own pod. A GPU that no pod holds has no such labels of its own, and would seem to be held by it."""


_FIRST, _LATER = dcgm.HOSTNAMES
"""Both generations of the exporter get the first one's label of the node's name."""


def fields() -> str:
    """The exporter's list of fields (-f FILE): all that the registry has, and nothing else. It replaces the default."""
    text = io.StringIO()
    text.write("# What the rules and dashboards of llm-inference read. Further lines do no harm.\n")
    rows = csv.writer(text, lineterminator="\n")
    for metric in dcgm.METRICS:
        rows.writerow((metric.name, metric.type, f"In {metric.unit}. {metric.help}".strip()))
    return text.getvalue()


def pod_monitor_spec(settings: Dcgm) -> Any:
    """For the Prometheus operator. Pods, as their labels are known and no Service is needed."""
    return {
        "selector": {"matchLabels": dict(settings.labels)},
        "namespaceSelector": {"matchNames": [settings.namespace]},
        "podMetricsEndpoints": [
            {
                "port": PORT_NAME,
                "path": "/metrics",
                "interval": INTERVAL,
                "honorLabels": True,
                "relabelings": [
                    {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"},
                    {"action": "labeldrop", "regex": _TARGET_LABELS},
                ],
                "metricRelabelings": [
                    {"sourceLabels": [_LATER], "regex": "(.+)", "targetLabel": _FIRST},
                    {"action": "labeldrop", "regex": _LATER},
                ],
            }
        ],
    }


def scrape_configs(settings: Dcgm | None, *, namespace: str) -> Sequence[Any]:
    """For Prometheus' configuration; from 2.42 on. namespace: of the models, whose job it is."""
    return [] if settings is None else [_job(settings, namespace)]


def _job(settings: Dcgm, namespace: str) -> Any:
    chosen = ",".join(f"{key}={value}" for key, value in settings.labels.items())
    found: Mapping[str, Any] = {
        "role": "pod",
        "namespaces": {"names": [settings.namespace]},
        "selectors": [{"role": "pod", "label": chosen}],
    }
    return {
        "job_name": f"{namespace}/{JOB}",
        "scrape_interval": INTERVAL,
        "metrics_path": "/metrics",
        "honor_labels": True,
        "kubernetes_sd_configs": [found],
        "relabel_configs": [
            {
                "action": "keep",
                "source_labels": ["__meta_kubernetes_pod_container_port_name"],
                "regex": PORT_NAME,
            },
            {"source_labels": ["__meta_kubernetes_pod_node_name"], "target_label": "node"},
        ],
        "metric_relabel_configs": [
            {"source_labels": [_LATER], "regex": "(.+)", "target_label": _FIRST},
            {"action": "labeldrop", "regex": _LATER},
        ],
    }
