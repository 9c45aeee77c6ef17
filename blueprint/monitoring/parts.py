"""The stack's own Prometheus, Alertmanager and Grafana: which there are, what they are called, where they listen."""

from collections.abc import Mapping, Sequence
from typing import Literal

from blueprint.description import Description, name_in

Part = Literal["prometheus", "alertmanager", "grafana"]

PORTS: Mapping[Part, int] = {"prometheus": 9090, "alertmanager": 9093, "grafana": 3000}
"""Their own defaults."""

IMAGES: Mapping[Part, str] = {
    # What version 0.85.0 of the operator takes by default: pkg/operator/defaults.go.
    "prometheus": "quay.io/prometheus/prometheus:v3.5.0",
    "alertmanager": "quay.io/prometheus/alertmanager:v0.28.1",
    # 12: Grafana 13 fetches its data source for Prometheus from the network, which it cannot reach here.
    "grafana": "docker.io/grafana/grafana:12.4.1",
}
"""By part, repository and tag; images.lock.yaml has the digests."""

USERS: Mapping[Part, int] = {"prometheus": 65534, "alertmanager": 65534, "grafana": 472}
"""The images' own users: nobody, nobody, grafana."""


def own_parts(description: Description) -> Sequence[Part]:
    """The parts that the stack runs itself; none where it uses those of others."""
    monitoring = description.settings.monitoring
    if monitoring is None or monitoring.mode != "standalone" or description.settings.cluster is None:
        return []
    off = {"alertmanager": not monitoring.standalone.alertmanager, "grafana": not monitoring.standalone.grafana}
    return [part for part in PORTS if not off.get(part, False)]


def prometheus_address(description: Description) -> str | None:
    """Where the stack's Prometheus answers in the cluster; None without monitoring.

    prometheus-operated: the operator makes this Service for every Prometheus that it runs, whatever that one is called.
    """
    monitoring, cluster = description.settings.monitoring, description.settings.cluster
    if monitoring is None:
        return None
    if monitoring.prometheus is None and cluster is not None and own_parts(description):
        own = part_name(description, "prometheus")
        return f"http://{own}.{cluster.namespace.name}.svc:{PORTS['prometheus']}"
    return monitoring.prometheus or f"http://prometheus-operated.{monitoring.namespace}.svc:9090"


def part_name(description: Description, part: Part) -> str:
    """Name of a part's objects, by which its pods are known, too.

    Raises ValueError for a description without cluster.
    """
    cluster = description.settings.cluster
    if cluster is None:
        raise ValueError("a description without cluster has no workloads")
    return name_in(cluster.namespace, f"llm-{part}", stack=description.stack)
