"""How a Prometheus without the operator scrapes the models: what the operator would make of their PodMonitors.

The same job, namespace, pod and container labels (pkg/prometheus/promcfg.go of the operator's v0.85.0), so that rules,
dashboards and scalers read the same series whoever scrapes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from blueprint.canary import SERIES_LABEL
from blueprint.description import own_labels
from blueprint.metrics.queries import selector
from blueprint.metrics.scraping import relabelings
from blueprint.workload import Workload

INTERVAL = "15s"


def scrape_configs(workloads: Sequence[Workload], *, namespace: str) -> Sequence[Any]:
    """One job per model, for scrape_configs of Prometheus' configuration; from 2.42 on."""
    return [_job(workload, namespace) for workload in workloads]


def exporter_job(name: str, *, namespace: str) -> Any:
    """The job of the exporter of Inference Endpoints. name: of its objects."""
    return {**_pods_job(name, namespace, "metrics", "/metrics"), "honor_labels": True}


def _job(workload: Workload, namespace: str) -> Any:
    job = _pods_job(workload.object_name, namespace, workload.engine.metrics_port_name, workload.engine.metrics_path)
    return {
        **job,
        "relabel_configs": [*job["relabel_configs"], *map(_plain, target_relabelings(workload))],
        "metric_relabel_configs": [_plain(step) for step in relabelings(workload.engine.name)],
    }


def target_relabelings(workload: Workload) -> Sequence[Mapping[str, str]]:
    """What is done to the labels of a model's targets, as a PodMonitor's relabelings."""
    labels = SERIES_LABEL if workload.stable else {}
    return [{"targetLabel": label, "replacement": value} for label, value in labels.items()]


def _pods_job(name: str, namespace: str, port: str, path: str) -> Any:
    """The pods of one thing of ours. name: of its objects. port: as its container calls it."""
    chosen = ",".join(f"{key}={value}" for key, value in own_labels(name).items())
    return {
        "job_name": selector(namespace, name)["job"],
        "scrape_interval": INTERVAL,
        "metrics_path": path,
        "kubernetes_sd_configs": [
            {"role": "pod", "namespaces": {"names": [namespace]}, "selectors": [{"role": "pod", "label": chosen}]}
        ],
        "relabel_configs": [
            _only("keep", "__meta_kubernetes_pod_container_port_name", port),
            # A pod that has ended keeps its address for a while, and another may have got it.
            _only("drop", "__meta_kubernetes_pod_phase", "(Failed|Succeeded)"),
            *(
                {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": label}
                for source, label in (
                    ("namespace", "namespace"),
                    ("pod_name", "pod"),
                    ("pod_container_name", "container"),
                )
            ),
            {"target_label": "endpoint", "replacement": port},
        ],
    }


def _only(action: str, source: str, pattern: str) -> Any:
    return {"action": action, "source_labels": [source], "regex": pattern}


def _plain(step: Mapping[str, object]) -> Any:
    """A step as Prometheus itself spells it."""
    spelled = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    return {spelled.get(key, key): value for key, value in step.items()}
