"""The programs that the stack runs itself to watch its models: which, what they are called, where they listen."""

from collections.abc import Mapping, Sequence
from typing import Literal

from blueprint.description import Description, name_in
from blueprint.issues import KeyPath
from blueprint.monitoring.collector import GRPC_PORT
from blueprint.monitoring.stores import JAEGER_PORT, LOKI_PORT
from blueprint.settings import Monitoring

Part = Literal["prometheus", "alertmanager", "grafana", "loki", "jaeger", "blackbox"]

PORTS: Mapping[Part, int] = {
    "prometheus": 9090,
    "alertmanager": 9093,
    "grafana": 3000,
    "loki": LOKI_PORT,
    "jaeger": JAEGER_PORT,
    "blackbox": 9115,
}
"""Their own defaults, on which each is asked."""

MORE_PORTS: Mapping[Part, Mapping[str, int]] = {"jaeger": {"otlp-grpc": GRPC_PORT}}
"""Further ones, by part and name."""

IMAGES: Mapping[Part, str] = {
    # What version 0.85.0 of the operator takes by default: pkg/operator/defaults.go.
    "prometheus": "quay.io/prometheus/prometheus:v3.5.0",
    "alertmanager": "quay.io/prometheus/alertmanager:v0.28.1",
    # 12: Grafana 13 fetches its data source for Prometheus from the network, which it cannot reach here.
    "grafana": "docker.io/grafana/grafana:12.4.1",
    # https://github.com/grafana/loki/releases; the parser in lab/tools/logql is of the same release.
    "loki": "docker.io/grafana/loki:3.7.8",
    # https://github.com/jaegertracing/jaeger at 8498073, docker-compose/kafka/docker-compose.yml. None that lacks
    # /api/traces will do, which Grafana's data source asks.
    "jaeger": "cr.jaegertracing.io/jaegertracing/jaeger:2.19.0",
    # Of kube-prometheus at 4d719f1: manifests/blackboxExporter-deployment.yaml, and so is its user.
    "blackbox": "quay.io/prometheus/blackbox-exporter:v0.28.0",
}
"""By part, repository and tag; images.lock.yaml has the digests."""

ASKED_FOR: Mapping[Part, KeyPath] = {
    "prometheus": ("monitoring", "mode"),
    "alertmanager": ("monitoring", "mode"),
    "grafana": ("monitoring", "mode"),
    "loki": ("monitoring", "standalone", "loki"),
    "jaeger": ("monitoring", "standalone", "jaeger"),
    "blackbox": ("monitoring", "probes"),
}
"""The setting that each is there for."""

USERS: Mapping[Part, int] = {
    "prometheus": 65534,
    "alertmanager": 65534,
    "grafana": 472,
    # cmd/loki/Dockerfile and cmd/jaeger/Dockerfile of their repositories.
    "loki": 10001,
    "jaeger": 10001,
    "blackbox": 65534,
}
"""The images' own users: nobody, grafana, loki, and one without a name."""


def own_parts(description: Description) -> Sequence[Part]:
    """The parts that the stack runs itself; not those that others run for it."""
    monitoring = description.settings.monitoring
    if monitoring is None or description.settings.cluster is None:
        return []
    wanted = _wanted(monitoring)
    return [part for part in PORTS if wanted[part]]


def _wanted(monitoring: Monitoring) -> Mapping[Part, bool]:
    standalone = monitoring.mode == "standalone"
    return {
        "prometheus": standalone,
        "alertmanager": standalone and monitoring.standalone.alertmanager,
        "grafana": standalone and monitoring.standalone.grafana,
        "loki": standalone and monitoring.standalone.loki is not None,
        "jaeger": standalone and monitoring.standalone.jaeger is not None,
        "blackbox": monitoring.probes is not None and monitoring.probes.prober is None,
    }


def prometheus_address(description: Description) -> str | None:
    """Where the stack's Prometheus answers in the cluster; None without monitoring.

    prometheus-operated: the operator makes this Service for every Prometheus that it runs, whatever that one is called.
    """
    monitoring, cluster = description.settings.monitoring, description.settings.cluster
    if monitoring is None:
        return None
    if monitoring.prometheus is None and cluster is not None and "prometheus" in own_parts(description):
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
