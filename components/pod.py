"""The pod of a GPU workload: what runs, with which rights, probed and stopped how."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from blueprint.accelerators import GPU_TAINT_KEY
from blueprint.settings.stack import SecretKey
from blueprint.workload import STARTUP_PERIOD_SECONDS, Workload
from components.labels import labels

CACHE_PATH = "/cache"


def environment(workload: Workload) -> Mapping[str, str]:
    """The engine's environment, secrets apart."""
    return {
        "HF_HOME": f"{CACHE_PATH}/huggingface",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HOME": workload.home,
        "VLLM_NO_USAGE_STATS": "1",
    }


def environment_name(workload: Workload) -> str:
    """Name of the environment's ConfigMap. It follows from the content, so that a change rolls the pods."""
    content = json.dumps(environment(workload), sort_keys=True).encode()
    return f"{workload.object_name}-env-{hashlib.sha256(content).hexdigest()[:8]}"


def pod_template(workload: Workload, hub_token: SecretKey | None) -> Any:
    """The pod template of a model's Deployment."""
    return {
        "metadata": {"labels": labels(workload)},
        "spec": {
            "serviceAccountName": workload.object_name,
            "automountServiceAccountToken": False,
            # A Service called vllm in the namespace would set VLLM_PORT to an address, and vLLM would die of it.
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": workload.times.value.grace,
            "securityContext": pod_security(workload),
            "affinity": accelerator_affinity(workload),
            "tolerations": [{"key": GPU_TAINT_KEY, "operator": "Exists", "effect": "NoSchedule"}],
            **({"runtimeClassName": workload.runtime_class} if workload.runtime_class else {}),
            "containers": [container(workload, hub_token)],
            "volumes": volumes(workload),
        },
    }


def pod_security(workload: Workload) -> Any:
    """Pod Security's restricted profile, with the image's own user; the cache is writable by its group."""
    return {
        "runAsNonRoot": True,
        "runAsUser": workload.user_id,
        "runAsGroup": workload.user_id,
        "fsGroup": workload.user_id,
        # Changing the owner of every file of a large cache at each start takes minutes.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def accelerator_affinity(workload: Workload) -> Any:
    """Nodes with the accelerator, by whatever label this cluster's labeller writes."""
    key, values = workload.gpu_label
    term = {"matchExpressions": [{"key": key, "operator": "In", "values": list(values)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def container(workload: Workload, hub_token: SecretKey | None) -> Any:
    """The engine's container."""
    return {
        "name": "engine",
        "image": workload.image.value,
        "imagePullPolicy": "IfNotPresent",
        "command": list(workload.command),
        "args": list(workload.arguments),
        "envFrom": [{"configMapRef": {"name": environment_name(workload)}}],
        **({"env": [hub_token_variable(hub_token)]} if hub_token else {}),
        "ports": [{"name": "http", "containerPort": workload.port, "protocol": "TCP"}],
        "resources": resources(workload),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            # The root file system stays writable: NVIDIA's CDI hook writes to it when the container is made.
            "readOnlyRootFilesystem": False,
        },
        "volumeMounts": [
            {"name": "cache", "mountPath": CACHE_PATH},
            {"name": "home", "mountPath": workload.home},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  the container's own
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108  the container's own
        ],
        **probes(workload),
        "lifecycle": {"preStop": {"sleep": {"seconds": workload.times.value.pre_stop}}},
        # An engine that dies says why in its last lines of log.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def hub_token_variable(secret: SecretKey) -> Any:
    """The Hub's read token, by reference."""
    return {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}


def resources(workload: Workload) -> Any:
    """Requests and limits of one replica."""
    memory = f"{workload.memory_gib.value}Gi"
    gpus = {workload.gpu_resource: str(workload.gpu_count)}
    return {
        # No processor limit: throttling the engine core stalls every request of the batch.
        "requests": {"cpu": str(workload.cpu.value), "memory": memory, **gpus},
        "limits": {"memory": memory, **gpus},
    }


def probes(workload: Workload) -> Any:
    """Startup has the whole budget for loading; the others begin only after it."""
    request = {"httpGet": {"path": workload.health_path, "port": "http"}}
    return {
        "startupProbe": {
            **request,
            "periodSeconds": STARTUP_PERIOD_SECONDS,
            "timeoutSeconds": 5,
            "failureThreshold": workload.times.value.startup // STARTUP_PERIOD_SECONDS,
        },
        "readinessProbe": {
            **request,
            "periodSeconds": 5,
            # Under load an answer takes longer than the default of 1 s, and the last replica would drop out.
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "livenessProbe": {
            **request,
            "periodSeconds": 10,
            # 120 s of silence: a restart costs a whole model load, so it has to be sure.
            "timeoutSeconds": 10,
            "failureThreshold": 12,
        },
    }


def volumes(workload: Workload) -> Any:
    """Cache, home, temporary files and shared memory, each bounded."""
    return [
        {"name": "cache", **cache_source(workload)},
        # torch and triton compile into the home directory.
        {"name": "home", "emptyDir": {"sizeLimit": "20Gi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "10Gi"}},
        # The default is 64 MB, and NCCL fails with it. It counts against the memory limit.
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{workload.shm_gib.value}Gi"}},
    ]


def cache_source(workload: Workload) -> Any:
    """Where the weights are kept."""
    storage = workload.storage.value
    if storage.kind == "emptyDir":
        return {"emptyDir": {"sizeLimit": f"{storage.size_gib}Gi"}}
    return {"persistentVolumeClaim": {"claimName": storage.claim_name}}
