"""The programs that the stack runs itself to watch its models, resolved, and their configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blueprint.description import Description
from blueprint.monitoring import gpu_exporter, probes
from blueprint.monitoring.exporter import PORT as EXPORTER_PORT
from blueprint.monitoring.exporter import Exporter
from blueprint.monitoring.parts import IMAGES, MORE_PORTS, PORTS, USERS, Part, own_parts, part_name
from blueprint.monitoring.probes import Probing
from blueprint.monitoring.scrape import INTERVAL, exporter_job, scrape_configs
from blueprint.monitoring.stores import LINKS
from blueprint.network import Flows, part_flows
from blueprint.pins import pinned_image
from blueprint.settings import Monitoring
from blueprint.settings.monitoring import Standalone
from blueprint.workload import Workload

# Beside the folders of the configuration: in one that is mounted read-only nothing can be mounted.
RULES_FOLDER = "/etc/prometheus-rules"
DASHBOARDS_FOLDER = "/etc/grafana-dashboards"


@dataclass(frozen=True, kw_only=True)
class Server:
    """One of the programs. name: of its objects. more_ports: further ones, by name."""

    part: Part
    name: str
    image: str
    port: int
    more_ports: Mapping[str, int]
    user_id: int
    flows: Flows


@dataclass(frozen=True, kw_only=True)
class Servers:
    """All that the stack runs to watch its models, by part.

    settings: of mode standalone. exporter: of its Inference Endpoints, which Prometheus scrapes beside the models.
    """

    by_part: Mapping[Part, Server]
    settings: Standalone
    exporter: Exporter | None = None

    def get(self, part: Part) -> Server | None:
        """The one that is this part; None where the stack runs none."""
        return self.by_part.get(part)


def resolve_servers(
    description: Description, workloads: Sequence[Workload], exporter: Exporter | None
) -> Servers | None:
    """The servers of a description that passed its checks; None where it runs none."""
    monitoring = description.settings.monitoring
    parts = own_parts(description)
    if monitoring is None or not parts:
        return None
    scraped = sorted({*(one.engine.metrics_port for one in workloads), *([EXPORTER_PORT] if exporter else [])})
    scaled = any(one.scaling.value is not None and one.scaling.value.by == "keda" for one in workloads)
    servers = {
        part: Server(
            part=part,
            name=part_name(description, part),
            image=pinned_image(description, IMAGES[part]).value,
            port=PORTS[part],
            more_ports=MORE_PORTS.get(part, {}),
            user_id=USERS[part],
            flows=part_flows(description, part, scraped=scraped, scaled=scaled),
        )
        for part in parts
    }
    return Servers(by_part=servers, settings=monitoring.standalone, exporter=exporter)


def prometheus_config(
    servers: Servers,
    workloads: Sequence[Workload],
    *,
    monitoring: Monitoring,
    probing: Probing | None,
    namespace: str,
) -> Any:
    """Prometheus' configuration, from version 2.42 on. namespace: of the models and of its own."""
    alertmanager = servers.get("alertmanager")
    targets = {"static_configs": [{"targets": [f"{alertmanager.name}:{alertmanager.port}"]}]} if alertmanager else {}
    return {
        "global": {"scrape_interval": INTERVAL, "evaluation_interval": "30s"},
        "rule_files": [f"{RULES_FOLDER}/*.yaml"],
        **({"alerting": {"alertmanagers": [targets]}} if alertmanager else {}),
        "scrape_configs": [
            *scrape_configs(workloads, namespace=namespace),
            *([exporter_job(servers.exporter.name, namespace=namespace)] if servers.exporter else []),
            *probes.scrape_configs(probing, namespace=namespace),
            *gpu_exporter.scrape_configs(monitoring.dcgm, namespace=namespace),
        ],
    }


def prometheus_arguments(settings: Standalone) -> Sequence[str]:
    """Prometheus' arguments. No reload by request and no administration: both would be open to whoever reaches it."""
    return [
        "--config.file=/etc/prometheus/prometheus.yaml",
        "--storage.tsdb.path=/prometheus",
        f"--storage.tsdb.retention.time={settings.retention_days}d",
        f"--storage.tsdb.retention.size={settings.retention_size}",
    ]


ALERTMANAGER_ARGUMENTS = (
    "--config.file=/etc/alertmanager/alertmanager.yaml",
    "--storage.path=/alertmanager",
    # Alone, it has no other to agree with.
    "--cluster.listen-address=",
)


_SOURCES: Mapping[Part, Mapping[str, Any]] = {
    "prometheus": {
        "isDefault": True,
        "editable": False,
        # From it follows $__rate_interval, which needs four scrapes.
        "jsonData": {"timeInterval": INTERVAL, "httpMethod": "POST"},
    },
    "alertmanager": {
        "editable": False,
        "jsonData": {"implementation": "prometheus", "handleGrafanaManagedAlerts": False},
    },
    "loki": {"editable": False},
    "jaeger": {"editable": False},
}
"""By part that Grafana asks, what its data source says beside where it is."""


def _source(server: Server, **further: Any) -> Mapping[str, Any]:
    return {
        "name": server.part.capitalize(),
        "uid": server.part,
        "type": server.part,
        "access": "proxy",
        "url": f"http://{server.name}:{server.port}",
        **further,
    }


def grafana_files(servers: Servers) -> Mapping[str, Any]:
    """What Grafana provisions itself with, by file below its folder for that."""
    # A link to a store that is not there would lead to an error.
    links = LINKS if {"loki", "jaeger"} <= servers.by_part.keys() else {}
    sources = [
        _source(server, **_SOURCES[part], **({"jsonData": links[part]} if part in links else {}))
        for part, server in servers.by_part.items()
        if part in _SOURCES
    ]
    provider = {
        "name": "llm",
        "type": "file",
        "folder": "LLM",
        "allowUiUpdates": False,
        "disableDeletion": True,
        "options": {"path": DASHBOARDS_FOLDER},
    }
    return {
        "datasources": {"apiVersion": 1, "datasources": sources},
        "dashboards": {"apiVersion": 1, "providers": [provider]},
    }


ADMIN_PASSWORD = "admin-password"  # noqa: S105  the key in the Secret


def admin_name(grafana: Server) -> str:
    """Name of the Secret with the administrator's password."""
    return f"{grafana.name}-admin"


GRAFANA_INI = """\
[analytics]
reporting_enabled = false
check_for_updates = false
check_for_plugin_updates = false
feedback_links_enabled = false
[auth.anonymous]
enabled = false
[log]
mode = console
[news]
news_feed_enabled = false
[plugins]
preinstall_disabled = true
public_key_retrieval_disabled = true
[security]
disable_gravatar = true
[snapshots]
external_enabled = false
[users]
allow_sign_up = false
allow_org_create = false
"""
"""No guests, no accounts but the administrator's, and nothing that Grafana would send or fetch by itself."""
