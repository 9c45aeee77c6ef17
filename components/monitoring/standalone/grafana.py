"""Grafana: the dashboards over the stack's own Prometheus, for whoever may forward a port and read the password."""

from collections.abc import Sequence
from typing import Any

import pulumi_kubernetes as k8s

from blueprint.monitoring.standalone import (
    ADMIN_PASSWORD,
    DASHBOARDS_FOLDER,
    GRAFANA_INI,
    Servers,
    admin_name,
    grafana_files,
)
from components.monitoring.admin import register_admin
from components.monitoring.standalone.place import ServerPlace
from components.monitoring.standalone.pod import deployment_spec, digest, pod_template, probe, resources
from components.monitoring.written import written

_SECRETS_FOLDER = "/run/llm-inference/grafana"


def register_grafana(name: str, place: ServerPlace, *, servers: Servers, dashboards: Sequence[str]) -> None:
    """Everything that it needs. dashboards: names of the ConfigMaps that have them."""
    files = config_data(servers)
    file = k8s.core.v1.ConfigMap(f"{name}-configuration", metadata=place.metadata(), data=files, opts=place.opts())
    admin = register_admin(f"{name}-admin", metadata=place.metadata(admin_name(place.server)), opts=place.opts())
    place.register_network(name)
    k8s.apps.v1.Deployment(
        f"{name}-deployment",
        metadata=place.metadata(),
        spec=grafana_spec(place, configuration=digest(*files.values()), dashboards=dashboards),
        # A pod that came before them would read the old ones.
        opts=place.opts(depends_on=[file, admin]),
    )


def config_data(servers: Servers) -> dict[str, str]:
    """Its configuration, by key; _ITEMS says which file each becomes."""
    provisioned = {f"{part}.yaml": written(content) for part, content in grafana_files(servers).items()}
    return {"grafana.ini": GRAFANA_INI, **provisioned}


_ITEMS = (
    {"key": "grafana.ini", "path": "grafana.ini"},
    {"key": "datasources.yaml", "path": "provisioning/datasources/llm.yaml"},
    {"key": "dashboards.yaml", "path": "provisioning/dashboards/llm.yaml"},
)


def grafana_spec(place: ServerPlace, *, configuration: str, dashboards: Sequence[str]) -> Any:
    """Its Deployment. It keeps nothing: all that it shows comes from files, and the password from the Secret."""
    server = place.server
    sources = [{"configMap": {"name": one}} for one in dashboards]
    template = pod_template(
        server,
        configuration=configuration,
        container={
            "env": [
                {"name": "GF_SECURITY_ADMIN_USER", "value": "admin"},
                {"name": "GF_SECURITY_ADMIN_PASSWORD__FILE", "value": f"{_SECRETS_FOLDER}/{ADMIN_PASSWORD}"},
            ],
            "resources": resources(cpu="100m", memory_gib=0.5),
            "volumeMounts": [
                {"name": "configuration", "mountPath": "/etc/grafana", "readOnly": True},
                {"name": "admin", "mountPath": _SECRETS_FOLDER, "readOnly": True},
                {"name": "dashboards", "mountPath": DASHBOARDS_FOLDER, "readOnly": True},
                {"name": "data", "mountPath": "/var/lib/grafana"},
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  the container's own
            ],
            # 5 minutes: at its first start it makes its database.
            "startupProbe": probe("/api/health", period=5, failures=60),
            "readinessProbe": probe("/api/health", period=5, failures=3),
            "livenessProbe": probe("/api/health", period=10, failures=6),
        },
        volumes=[
            {"name": "configuration", "configMap": {"name": server.name, "items": list(_ITEMS)}},
            {
                "name": "admin",
                "secret": {
                    "secretName": admin_name(place.server),
                    "defaultMode": 0o440,
                    "items": [{"key": ADMIN_PASSWORD, "path": ADMIN_PASSWORD}],
                },
            },
            # Without dashboards the folder is there all the same, and empty.
            {"name": "dashboards", **({"projected": {"sources": sources}} if sources else {"emptyDir": {}})},
            {"name": "data", "emptyDir": {"sizeLimit": "1Gi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "100Mi"}},
        ],
    )
    # Its first start takes up to five minutes.
    return deployment_spec(server, progress_seconds=600, template=template)
