"""The engine's container."""

from typing import Any

from pulumi import Input

from blueprint.monitoring.tracing import POD_FIELDS
from blueprint.settings.stack import SecretKey
from blueprint.sources import IMAGE_PATH
from blueprint.weights import CACHE_PATH
from blueprint.workload import Workload
from components.pod.environment import environment_name, hub_token_variable
from components.pod.keys import key_arguments, key_mounts, key_variables
from components.pod.probes import probes
from components.pod.security import CONTAINER


def container(workload: Workload, hub_token: SecretKey | None, image: Input[str]) -> Any:
    """The engine's container."""
    storage, weights = workload.storage.value, workload.weights.value
    arguments = [*workload.engine.arguments, *key_arguments(workload)]
    token = [hub_token_variable(hub_token)] if hub_token and weights.asks_hub else []
    variables = [*token, *key_variables(workload), *trace_variables(workload)]
    return {
        "name": "engine",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        # An engine without a command runs its image's own entry point.
        **({"command": list(workload.engine.command)} if workload.engine.command else {}),
        **({"args": arguments} if arguments else {}),
        "envFrom": [
            {"configMapRef": {"name": environment_name(workload)}},
            *([{"secretRef": {"name": weights.secret}}] if weights.secret else []),
        ],
        **({"env": variables} if variables else {}),
        "ports": ports(workload),
        "resources": resources(workload),
        # The root file system stays writable: NVIDIA's CDI hook writes to it when the container is made.
        "securityContext": {**CONTAINER, "readOnlyRootFilesystem": False},
        "volumeMounts": [
            {"name": "cache", "mountPath": CACHE_PATH},
            *([{"name": "weights", "mountPath": IMAGE_PATH, "readOnly": True}] if storage.image else []),
            {"name": "home", "mountPath": workload.engine.home},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  the container's own
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108  the container's own
            *key_mounts(workload),
        ],
        **probes(workload),
        "lifecycle": {"preStop": {"sleep": {"seconds": workload.times.value.pre_stop}}},
        # An engine that dies says why in its last lines of log.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def trace_variables(workload: Workload) -> Any:
    """Who a pod is, for its traces; nothing where it sends none."""
    if workload.traces is None:
        return []
    fields = [
        {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
        for name, path in POD_FIELDS.values()
    ]
    # Last, as a variable can only name those before it.
    return [*fields, {"name": "OTEL_RESOURCE_ATTRIBUTES", "value": workload.traces}]


def ports(workload: Workload) -> Any:
    """The port of the API, and that of the metrics where it is another."""
    engine = workload.engine
    named = {"http": engine.port, engine.metrics_port_name: engine.metrics_port}
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in named.items()]


def resources(workload: Workload) -> Any:
    """Requests and limits of one replica."""
    memory = f"{workload.memory_gib.value}Gi"
    gpus = {workload.gpu_resource: str(workload.gpu_count)} if workload.gpu_resource else {}
    return {
        # No processor limit: throttling the engine core stalls every request of the batch.
        "requests": {"cpu": str(workload.cpu.value), "memory": memory, **gpus},
        "limits": {"memory": memory, **gpus},
    }
