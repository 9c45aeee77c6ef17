"""How the kubelet asks a replica whether it has started, answers, and lives."""

from pathlib import Path
from typing import Any

from blueprint.lifecycle import STARTUP_PERIOD_SECONDS, WARM_UP_SECONDS
from blueprint.workload import Workload
from components.pod.keys import key_place

_WARM_UP = Path(__file__).with_name("warm_up.py").read_text()


def probes(workload: Workload) -> Any:
    """Startup has the whole budget for loading; the others begin only after it."""
    request = {"httpGet": {"path": workload.engine.health_path, "port": "http"}}
    ready = {"httpGet": {"path": workload.engine.ready_path, "port": "http"}}
    return {
        "startupProbe": startup(workload, request),
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


def startup(workload: Workload, request: Any) -> Any:
    """Health, or health and a generated token."""
    budget = workload.times.value.startup
    if not workload.warm_up:
        return {
            **request,
            "periodSeconds": STARTUP_PERIOD_SECONDS,
            "timeoutSeconds": 5,
            "failureThreshold": budget // STARTUP_PERIOD_SECONDS,
        }
    return {
        "exec": {"command": warm_up_command(workload)},
        # An attempt may take all of its period: the budget is still what it says.
        "periodSeconds": WARM_UP_SECONDS,
        "timeoutSeconds": WARM_UP_SECONDS,
        "failureThreshold": budget // WARM_UP_SECONDS,
    }


def warm_up_command(workload: Workload) -> list[str]:
    """What asks the engine for one token. No shell, and nothing that the image lacks."""
    engine = workload.engine
    # Less than the kubelet's limit, so that it says itself what took so long.
    seconds = str(WARM_UP_SECONDS - 2)
    words = [str(engine.port), engine.ready_path, engine.served_name, seconds, key_place(workload)]
    return [engine.python, "-c", _WARM_UP, *words]
