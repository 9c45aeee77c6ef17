"""The engine's container."""

from typing import Any

from blueprint.settings.stack import SecretKey
from blueprint.sources import IMAGE_PATH
from blueprint.weights import CACHE_PATH
from blueprint.workload import Workload
from components.pod.environment import environment_name, hub_token_variable
from components.pod.probes import probes


def container(workload: Workload, hub_token: SecretKey | None) -> Any:
    """The engine's container."""
    storage, weights = workload.storage.value, workload.weights.value
    return {
        "name": "engine",
        "image": workload.image.value,
        "imagePullPolicy": "IfNotPresent",
        "command": list(workload.engine.command),
        "args": list(workload.engine.arguments),
        "envFrom": [
            {"configMapRef": {"name": environment_name(workload)}},
            *([{"secretRef": {"name": weights.secret}}] if weights.secret else []),
        ],
        **({"env": [hub_token_variable(hub_token)]} if hub_token and weights.asks_hub else {}),
        "ports": [{"name": "http", "containerPort": workload.engine.port, "protocol": "TCP"}],
        "resources": resources(workload),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            # The root file system stays writable: NVIDIA's CDI hook writes to it when the container is made.
            "readOnlyRootFilesystem": False,
        },
        "volumeMounts": [
            {"name": "cache", "mountPath": CACHE_PATH},
            *([{"name": "weights", "mountPath": IMAGE_PATH, "readOnly": True}] if storage.image else []),
            {"name": "home", "mountPath": workload.engine.home},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  the container's own
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108  the container's own
        ],
        **probes(workload),
        "lifecycle": {"preStop": {"sleep": {"seconds": workload.times.value.pre_stop}}},
        # An engine that dies says why in its last lines of log.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def resources(workload: Workload) -> Any:
    """Requests and limits of one replica."""
    memory = f"{workload.memory_gib.value}Gi"
    gpus = {workload.gpu_resource: str(workload.gpu_count)}
    return {
        # No processor limit: throttling the engine core stalls every request of the batch.
        "requests": {"cpu": str(workload.cpu.value), "memory": memory, **gpus},
        "limits": {"memory": memory, **gpus},
    }
