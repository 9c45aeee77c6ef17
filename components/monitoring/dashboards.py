"""Dashboards for the Grafana of kube-prometheus-stack, whose sidecar loads every ConfigMap with a certain label."""

from collections.abc import Sequence
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Resource, ResourceOptions

from blueprint.monitoring.dashboards import dashboards
from blueprint.monitoring.dashboards.dashboard import FOLDER, Dashboard
from blueprint.monitoring.stores import Store
from components.labels import PROJECT

SIDECAR_LABEL = {"grafana_dashboard": "1"}
"""What the sidecar looks for, in all namespaces (kube-prometheus-stack, values.yaml: grafana.sidecar.dashboards)."""

FOLDER_ANNOTATION = "grafana_folder"
"""Heeded where the chart's sidecar.dashboards.folderAnnotation has this name; else they stand in the general folder."""


def register_dashboards(
    name: str,
    *,
    parent: Resource,
    namespace: Input[str],
    prefix: str,
    monthly_usd: float | None,
    stores: Sequence[Store],
    endpoints: bool,
) -> Sequence[str]:
    """One ConfigMap per dashboard; their names. prefix: of them, which tells apart the stacks of one namespace.

    endpoints: whether the stack has an exporter of its Inference Endpoints.
    """
    made = dashboards(monthly_usd, stores, endpoints=endpoints)
    for dashboard in made:
        k8s.core.v1.ConfigMap(
            f"{name}-{dashboard.uid}",
            metadata={**config_map_metadata(dashboard, prefix), "namespace": namespace},
            data=config_map_data(dashboard),
            opts=ResourceOptions(parent=parent),
        )
    return [config_map_name(dashboard, prefix) for dashboard in made]


def config_map_name(dashboard: Dashboard, prefix: str) -> str:
    """Name of a dashboard's ConfigMap."""
    return f"{prefix}-{dashboard.uid}"


def config_map_metadata(dashboard: Dashboard, prefix: str) -> Any:
    """By what the sidecar finds it, and where Grafana puts it."""
    return {
        "name": config_map_name(dashboard, prefix),
        "labels": {**PROJECT, **SIDECAR_LABEL},
        "annotations": {FOLDER_ANNOTATION: FOLDER},
    }


def config_map_data(dashboard: Dashboard) -> Any:
    """The dashboard's file.

    Its name is the same in every stack: where two stacks of a cluster bring the same dashboard, the sidecar keeps one
    file, while two files with one uid would keep Grafana from loading either.
    """
    return {f"{dashboard.uid}.json": dashboard.text()}
