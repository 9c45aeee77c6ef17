"""What the stores of logs and traces have in common: one replica that keeps what it got on a claim."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s

from blueprint.settings.monitoring import Standalone
from components.monitoring.standalone.place import ServerPlace
from components.monitoring.standalone.pod import digest, go_memory, pod_template, resources, stateful_set_spec
from components.monitoring.written import written


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """A store as a pod runs it.

    folder, file: of its configuration; flag: that names it. data: folder of what it keeps. probes: by the pod's key.
    """

    configuration: Mapping[str, Any]
    folder: str
    file: str
    flag: str
    data: str
    probes: Mapping[str, Any]
    memory_gib: int
    size_gib: int


def register_store(name: str, place: ServerPlace, *, settings: Standalone, keeper: Keeper) -> None:
    """Everything that it needs."""
    text = written(dict(keeper.configuration))
    file = k8s.core.v1.ConfigMap(
        f"{name}-configuration", metadata=place.metadata(), data={keeper.file: text}, opts=place.opts()
    )
    place.register_network(name)
    k8s.apps.v1.StatefulSet(
        f"{name}-replicas",
        metadata=place.metadata(),
        spec=_spec(place, settings, keeper, digest(text)),
        # A pod that came before it would read the old one.
        opts=place.opts(depends_on=[file]),
    )


def _spec(place: ServerPlace, settings: Standalone, keeper: Keeper, configuration: str) -> Any:
    template = pod_template(
        place.server,
        configuration=configuration,
        container={
            "args": [f"{keeper.flag}={keeper.folder}/{keeper.file}"],
            "env": [go_memory(keeper.memory_gib)],
            "resources": resources(cpu="100m", memory_gib=keeper.memory_gib),
            "volumeMounts": [
                {"name": "configuration", "mountPath": keeper.folder, "readOnly": True},
                {"name": "data", "mountPath": keeper.data},
            ],
            **keeper.probes,
        },
        volumes=[{"name": "configuration", "configMap": {"name": place.server.name}}],
    )
    # It writes what it has in memory.
    template["spec"]["terminationGracePeriodSeconds"] = 120
    return stateful_set_spec(place.server, settings, replicas=1, size_gib=keeper.size_gib, template=template)
