"""kube-prometheus-stack, which a stack may install: the chart, and what is said to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blueprint.charts import Chart, KnownChart, resolve_chart
from blueprint.cost.storage import ALERTMANAGER_GIB
from blueprint.resources import Resolved
from blueprint.settings import Monitoring
from blueprint.settings.monitoring import Installed

CHART = KnownChart(
    name="kube-prometheus-stack",
    # Source: charts/kube-prometheus-stack/README.md of https://github.com/prometheus-community/helm-charts
    repository="https://prometheus-community.github.io/helm-charts",
    versions=("88.5.3",),
)
"""The chart, with the versions whose values.yaml and templates were read."""

RELEASE = CHART.name
"""Name of the release, and with it of its objects. A second one in the cluster is refused by Helm."""

GRAFANA_SERVICE, GRAFANA_PORT = f"{RELEASE}-grafana", 80
"""Where its Grafana answers: the chart's name for the Service, and values.yaml of its dependency grafana."""

GRAFANA_ADMIN = "llm-grafana-admin"
"""Name of the Secret with the administrator's name and password."""


@dataclass(frozen=True, kw_only=True)
class OperatorInstallation:
    """The release of kube-prometheus-stack in a stack. creates: whether the stack makes the namespace."""

    namespace: str
    creates: bool
    chart: Resolved[Chart]
    values: Mapping[str, Any]


def resolve_installation(monitoring: Monitoring | None) -> OperatorInstallation | None:
    """What the stack installs, if anything. Of settings that passed their checks."""
    if monitoring is None or monitoring.install is None:
        return None
    install = monitoring.install
    return OperatorInstallation(
        namespace=monitoring.namespace,
        creates=install.create_namespace,
        chart=resolve_chart(CHART, install.chart, "monitoring.install.chart"),
        values=chart_values(install),
    )


def chart_values(install: Installed) -> Mapping[str, Any]:
    """The chart's values."""
    return {
        # Managed control planes let nobody scrape them, and the chart's alerts about them would never end.
        **{part: {"enabled": False} for part in ("kubeEtcd", "kubeScheduler", "kubeControllerManager", "kubeProxy")},
        # It needs the nodes' network, processes and files, which this namespace's Pod Security refuses; no rule and no
        # dashboard of this project reads it.
        "nodeExporter": {"enabled": False},
        "prometheus": {"prometheusSpec": _prometheus(install)},
        "alertmanager": {"alertmanagerSpec": {"storage": _claim(install, size_gib=ALERTMANAGER_GIB)}},
        "grafana": {
            "admin": {"existingSecret": GRAFANA_ADMIN, "userKey": "admin-user", "passwordKey": "admin-password"}
        },
    }


def _prometheus(install: Installed) -> Any:
    objects = ("podMonitor", "rule", "serviceMonitor", "probe", "scrapeConfig")
    memory = f"{install.memory_gib}Gi"
    return {
        "replicas": install.replicas,
        "retention": f"{install.retention_days}d",
        "retentionSize": install.retention_size,
        "resources": {
            "requests": {"cpu": f"{round(install.cpu * 1000)}m", "memory": memory},
            "limits": {"memory": memory},
        },
        "storageSpec": _claim(install, size_gib=install.size_gib),
        # By default it takes none but those of its own release.
        **{f"{one}SelectorNilUsesHelmValues": False for one in objects},
    }


def _claim(install: Installed, *, size_gib: int) -> Any:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{size_gib}Gi"}},
        **({"storageClassName": install.storage_class} if install.storage_class else {}),
    }
    return {"volumeClaimTemplate": {"spec": spec}}
