"""Jaeger: it keeps the traces that the collector sends, on a claim, and answers Grafana and its own page."""

from typing import Any

import pulumi_kubernetes as k8s

from blueprint.monitoring.stores import JAEGER_FOLDER, JAEGER_HEALTH_PORT, jaeger_config
from blueprint.settings.monitoring import OwnJaeger, Standalone
from components.monitoring.standalone.place import ServerPlace
from components.monitoring.standalone.pod import digest, go_memory, pod_template, probe, resources, stateful_set_spec
from components.monitoring.written import written

_FOLDER, _FILE = "/etc/jaeger", "jaeger.yaml"


def register_jaeger(name: str, place: ServerPlace, *, settings: Standalone, sizes: OwnJaeger) -> None:
    """Everything that it needs."""
    text = written(dict(jaeger_config(sizes)))
    file = k8s.core.v1.ConfigMap(
        f"{name}-configuration", metadata=place.metadata(), data={_FILE: text}, opts=place.opts()
    )
    place.register_network(name)
    k8s.apps.v1.StatefulSet(
        f"{name}-replicas",
        metadata=place.metadata(),
        spec=jaeger_spec(place, settings, sizes, configuration=digest(text)),
        # A pod that came before it would read the old one.
        opts=place.opts(depends_on=[file]),
    )


def jaeger_spec(place: ServerPlace, settings: Standalone, sizes: OwnJaeger, *, configuration: str) -> Any:
    """Its StatefulSet: one replica, since Badger is one process' own."""
    server = place.server

    def asked(*, period: int, failures: int) -> Any:
        return probe("/status", period=period, failures=failures, port=JAEGER_HEALTH_PORT)

    template = pod_template(
        server,
        configuration=configuration,
        container={
            "args": [f"--config={_FOLDER}/{_FILE}"],
            "env": [go_memory(sizes.memory_gib)],
            "resources": resources(cpu="100m", memory_gib=sizes.memory_gib),
            "volumeMounts": [
                {"name": "configuration", "mountPath": _FOLDER, "readOnly": True},
                {"name": "data", "mountPath": JAEGER_FOLDER},
            ],
            # 15 minutes: Badger replays its log before it is there, and killed in between it would begin anew.
            "startupProbe": asked(period=15, failures=60),
            "readinessProbe": asked(period=5, failures=3),
            "livenessProbe": asked(period=10, failures=6),
        },
        volumes=[{"name": "configuration", "configMap": {"name": server.name}}],
    )
    # Badger writes what it has in memory.
    template["spec"]["terminationGracePeriodSeconds"] = 120
    return stateful_set_spec(server, settings, replicas=1, size_gib=sizes.size_gib, template=template)
