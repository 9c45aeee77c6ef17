"""The blackbox exporter: it asks at the models' public hosts when Prometheus asks it to."""

from collections.abc import Mapping
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Output

from blueprint.monitoring.probes import CONFIG_FILE, TOKENS_FOLDER, Probing
from blueprint.timing.budget import IMAGE_PULL_SECONDS
from components.monitoring.probes import module_files
from components.monitoring.standalone.place import ServerPlace
from components.monitoring.standalone.pod import deployment_spec, digest, pod_template, probe, resources

_FOLDER = "/etc/blackbox"


def register_blackbox(name: str, place: ServerPlace, *, probing: Probing, secrets: Mapping[str, Output[str]]) -> None:
    """Everything that it needs. secrets: by name, the values that the settings name."""
    files = module_files(probing)
    read = [k8s.core.v1.ConfigMap(f"{name}-configuration", metadata=place.metadata(), data=files, opts=place.opts())]
    if probing.tokens:
        read.append(
            k8s.core.v1.Secret(
                f"{name}-tokens",
                metadata=place.metadata(tokens_name(place)),
                type="Opaque",
                string_data={one: secrets[one] for one in probing.tokens},
                opts=place.opts(),
            )
        )
    place.register_network(name)
    k8s.apps.v1.Deployment(
        f"{name}-deployment",
        metadata=place.metadata(),
        spec=blackbox_spec(place, probing, configuration=digest(*files.values())),
        # A pod that came before them would read the old ones.
        opts=place.opts(depends_on=read),
    )


def tokens_name(place: ServerPlace) -> str:
    """Name of the Secret with what it presents."""
    return f"{place.server.name}-tokens"


def blackbox_spec(place: ServerPlace, probing: Probing, *, configuration: str) -> Any:
    """Its Deployment. It keeps nothing; tokens it reads for each request, so that a new one needs no restart."""
    server = place.server
    volumes: list[Any] = [{"name": "configuration", "configMap": {"name": server.name}}]
    mounts = [{"name": "configuration", "mountPath": _FOLDER, "readOnly": True}]
    if probing.tokens:
        volumes.append({"name": "tokens", "secret": {"secretName": tokens_name(place), "defaultMode": 0o440}})
        mounts.append({"name": "tokens", "mountPath": TOKENS_FOLDER, "readOnly": True})
    template = pod_template(
        server,
        configuration=configuration,
        container={
            "args": [f"--config.file={_FOLDER}/{CONFIG_FILE}"],
            "resources": resources(cpu="20m", memory_gib=0.0625),
            "volumeMounts": mounts,
            # A minute, on a node that is short of processors.
            "startupProbe": probe("/-/healthy", period=5, failures=12),
            "readinessProbe": probe("/-/healthy", period=5, failures=3),
            "livenessProbe": probe("/-/healthy", period=10, failures=6),
        },
        volumes=volumes,
    )
    return deployment_spec(server, progress_seconds=IMAGE_PULL_SECONDS, template=template)
