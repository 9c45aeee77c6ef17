"""The engine's environment: a ConfigMap that follows from its content, and what comes from Secrets."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload
from components.weights.scripts import HF_HOME


def environment(workload: Workload) -> Mapping[str, str]:
    """The engine's environment, secrets apart."""
    kernels = workload.compile_cache.value
    return {
        "HF_HOME": HF_HOME,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # TGI's image sets it to a place of its own.
        "HUGGINGFACE_HUB_CACHE": f"{HF_HOME}/hub",
        **({"HF_HUB_OFFLINE": "1"} if workload.weights.value.offline else {}),
        **dict.fromkeys(workload.engine.compile_cache_variables if kernels else (), kernels or ""),
        "HOME": workload.engine.home,
        **workload.engine.environment,
    }


def environment_name(workload: Workload) -> str:
    """Name of the environment's ConfigMap. It follows from the content, so that a change rolls the pods."""
    content = json.dumps(environment(workload), sort_keys=True).encode()
    return f"{workload.object_name}-env-{hashlib.sha256(content).hexdigest()[:8]}"


def hub_token_variable(secret: SecretKey) -> Any:
    """The Hub's read token, by reference."""
    return {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}
