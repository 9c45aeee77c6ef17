"""The download's program in the cluster: a ConfigMap, its place in a pod, and the container that runs it."""

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi import Input

from blueprint.settings.stack import SecretKey
from blueprint.weights import CACHE_PATH
from blueprint.workload import Workload
from components.pod.security import CONTAINER

HF_HOME = f"{CACHE_PATH}/huggingface"
_FOLDER = "/llm"


@functools.cache
def scripts() -> Mapping[str, str]:
    """The modules of the download, by file name."""
    return {path.name: path.read_text() for path in sorted((Path(__file__).parent / "download").glob("*.py"))}


def scripts_name(workload: Workload) -> str:
    """Name of the scripts' ConfigMap. It follows from the content."""
    content = json.dumps(scripts(), sort_keys=True).encode()
    return f"{workload.object_name}-scripts-{hashlib.sha256(content).hexdigest()[:8]}"


def scripts_volume(workload: Workload) -> Any:
    """The scripts as a pod's volume."""
    return {"name": "scripts", "configMap": {"name": scripts_name(workload)}}


def download_container(workload: Workload, hub_token: SecretKey | None, image: Input[str]) -> Any:
    """The container that fills the cache. The engine's image has a Python, and its user owns the cache."""
    token = {"secretKeyRef": {"name": hub_token.name, "key": hub_token.key}} if hub_token else None
    return {
        "name": "download",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": [workload.engine.python, "-m", "download"],
        "args": [
            *workload.weights.value.models,
            *([f"--secret={hub_token.name}, key {hub_token.key}"] if hub_token else []),
        ],
        "workingDir": _FOLDER,
        "env": [
            {"name": "HF_HOME", "value": HF_HOME},
            *([{"name": "HF_TOKEN", "valueFrom": token}] if token else []),
        ],
        # Eight streams of 1 MiB; what it writes is the kernel's cache, which counts and gives way.
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "securityContext": CONTAINER,
        "volumeMounts": [
            {"name": "cache", "mountPath": CACHE_PATH},
            {"name": "scripts", "mountPath": f"{_FOLDER}/download", "readOnly": True},
        ],
        # Its last line says what to do.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
