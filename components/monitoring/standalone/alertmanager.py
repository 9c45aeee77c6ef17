"""Alertmanager: it tells people of alerts, as monitoring.routes says."""

from collections.abc import Mapping
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output

from blueprint.cost.storage import ALERTMANAGER_GIB
from blueprint.monitoring.routing import alertmanager_config, url_names
from blueprint.monitoring.standalone import ALERTMANAGER_ARGUMENTS
from blueprint.settings import Monitoring
from blueprint.settings.monitoring import Standalone
from components.monitoring.standalone.place import ServerPlace
from components.monitoring.standalone.pod import digest, pod_template, probe, resources, stateful_set_spec
from components.monitoring.written import written

CONFIG_FILE = "alertmanager.yaml"


def register_alertmanager(
    name: str, place: ServerPlace, *, monitoring: Monitoring, secrets: Mapping[str, Output[str]]
) -> None:
    """Everything that it needs. secrets: by name, the values that the settings name."""
    urls = {one: secrets[one] for one in url_names(monitoring.routes)}
    config = Output.all(**urls).apply(lambda given: written(alertmanager_config(monitoring.routes, given)))
    file = k8s.core.v1.Secret(
        f"{name}-configuration",
        # Receivers' addresses stand in it, and an incoming webhook's is its password.
        metadata=place.metadata(),
        type="Opaque",
        string_data={CONFIG_FILE: config},
        opts=place.opts(),
    )
    place.register_network(name)
    k8s.apps.v1.StatefulSet(
        f"{name}-replicas",
        metadata=place.metadata(),
        spec=alertmanager_spec(
            # A digest tells nothing of an address, and as a secret it would hide what a preview changes.
            place,
            monitoring.standalone,
            configuration=Output.unsecret(config.apply(digest)),
        ),
        # A pod that came before it would read the old one.
        opts=place.opts(depends_on=[file]),
    )


def alertmanager_spec(place: ServerPlace, settings: Standalone, *, configuration: Input[str]) -> Any:
    """Its StatefulSet: one replica, whose claim keeps silences."""
    server = place.server
    template = pod_template(
        server,
        configuration=configuration,
        container={
            "args": list(ALERTMANAGER_ARGUMENTS),
            "resources": resources(cpu="50m", memory_gib=0.25),
            "volumeMounts": [
                {"name": "configuration", "mountPath": "/etc/alertmanager", "readOnly": True},
                {"name": "data", "mountPath": "/alertmanager"},
            ],
            # A minute: it reads what it kept.
            "startupProbe": probe("/-/ready", period=5, failures=12),
            "readinessProbe": probe("/-/ready", period=5, failures=3),
            "livenessProbe": probe("/-/healthy", period=10, failures=6),
        },
        volumes=[{"name": "configuration", "secret": {"secretName": server.name, "defaultMode": 0o440}}],
    )
    return stateful_set_spec(server, settings, replicas=1, size_gib=ALERTMANAGER_GIB, template=template)
