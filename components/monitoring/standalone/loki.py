"""Loki: it keeps the logs that the collector sends, on a claim, and answers Grafana."""

from typing import Any

import pulumi_kubernetes as k8s

from blueprint.monitoring.stores import LOKI_FOLDER, loki_config
from blueprint.settings.monitoring import OwnLoki, Standalone
from components.monitoring.standalone.place import ServerPlace
from components.monitoring.standalone.pod import digest, go_memory, pod_template, probe, resources, stateful_set_spec
from components.monitoring.written import written

_FOLDER, _FILE = "/etc/loki", "loki.yaml"


def register_loki(name: str, place: ServerPlace, *, settings: Standalone, sizes: OwnLoki) -> None:
    """Everything that it needs."""
    text = written(dict(loki_config(sizes)))
    file = k8s.core.v1.ConfigMap(
        f"{name}-configuration", metadata=place.metadata(), data={_FILE: text}, opts=place.opts()
    )
    place.register_network(name)
    k8s.apps.v1.StatefulSet(
        f"{name}-replicas",
        metadata=place.metadata(),
        spec=loki_spec(place, settings, sizes, configuration=digest(text)),
        # A pod that came before it would read the old one.
        opts=place.opts(depends_on=[file]),
    )


def loki_spec(place: ServerPlace, settings: Standalone, sizes: OwnLoki, *, configuration: str) -> Any:
    """Its StatefulSet: one replica, since two would need a store of objects between them."""
    server = place.server
    template = pod_template(
        server,
        configuration=configuration,
        container={
            "args": [f"-config.file={_FOLDER}/{_FILE}"],
            "env": [go_memory(sizes.memory_gib)],
            "resources": resources(cpu="100m", memory_gib=sizes.memory_gib),
            "volumeMounts": [
                {"name": "configuration", "mountPath": _FOLDER, "readOnly": True},
                {"name": "data", "mountPath": LOKI_FOLDER},
            ],
            # 15 minutes: it replays its log before it is ready, and killed in between it would begin anew.
            "startupProbe": probe("/ready", period=15, failures=60),
            "readinessProbe": probe("/ready", period=5, failures=3),
            # Answered by a part that waits for no other.
            "livenessProbe": probe("/loki/api/v1/status/buildinfo", period=10, failures=6),
        },
        volumes=[{"name": "configuration", "configMap": {"name": server.name}}],
    )
    # It ends its writes in order.
    template["spec"]["terminationGracePeriodSeconds"] = 120
    return stateful_set_spec(server, settings, replicas=1, size_gib=sizes.size_gib, template=template)
