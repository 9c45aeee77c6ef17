"""How the kubelet asks a replica whether it has started, answers, and lives."""

from typing import Any

from blueprint.lifecycle import STARTUP_PERIOD_SECONDS
from blueprint.workload import Workload


def probes(workload: Workload) -> Any:
    """Startup has the whole budget for loading; the others begin only after it."""
    request = {"httpGet": {"path": workload.engine.health_path, "port": "http"}}
    ready = {"httpGet": {"path": workload.engine.ready_path, "port": "http"}}
    return {
        "startupProbe": {
            **request,
            "periodSeconds": STARTUP_PERIOD_SECONDS,
            "timeoutSeconds": 5,
            "failureThreshold": workload.times.value.startup // STARTUP_PERIOD_SECONDS,
        },
        "readinessProbe": {
            **ready,
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
