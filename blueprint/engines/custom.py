"""A server of your own: what it is told, and what it has to answer. docs/engines/custom.md says the same to people.

The server of this project keeps to it. What a server does with a variable is its own business; that it gets them, on
these ports, is not.
"""

import re
from typing import TYPE_CHECKING

from blueprint.engines.process import UNKNOWN_ENVIRONMENT, UNKNOWN_HOME, UNKNOWN_USER, EngineProcess
from blueprint.sources import served_from

if TYPE_CHECKING:
    from blueprint.settings import KubernetesModel
    from blueprint.settings.engine_custom import ClusterCustom

PORT = 8080
METRICS_PORT = 8001
"""Of its own, so that a route to the API never leads to the metrics."""

HEALTH_PATH = "/health"
READY_PATH = "/ready"
METRICS_PATH = "/metrics"

INFERENCE_PATHS = ("/generate", "/v1/chat/completions", "/v1/completions", "/v1/models")
"""What callers outside the cluster may ask it for, each in full."""

EXIT_SECONDS = 15
"""From the end of the drain to SIGKILL: the process exits and frees the GPU."""

VARIABLES = ("MODEL_ID", "MODEL_REVISION", "SERVED_NAME", "PORT", "METRICS_PORT", "DRAIN_SECONDS", "USER")
"""What every server is told, and a stack file may not say otherwise."""


def process(model: "KubernetesModel", engine: "ClusterCustom", *, name: str, revision: str) -> EngineProcess:
    """How a server of your own serves a model. name: the model's name in the stack file. revision: its commit."""
    served = engine.served_name or name
    return EngineProcess(
        name="custom",
        title="the custom server",
        version=_version(engine.image),
        image=engine.image,
        cuda_major=None,
        served_name=served,
        port=PORT,
        metrics_port=METRICS_PORT,
        health_path=HEALTH_PATH,
        ready_path=READY_PATH,
        metrics_path=METRICS_PATH,
        user_id=engine.user_id or UNKNOWN_USER,
        home=UNKNOWN_HOME,
        command=(),
        arguments=(),
        environment={
            **engine.environment,
            **UNKNOWN_ENVIRONMENT,
            "MODEL_ID": served_from(model) or model.model,
            "MODEL_REVISION": revision,
            "SERVED_NAME": served,
            "PORT": str(PORT),
            "METRICS_PORT": str(METRICS_PORT),
            "DRAIN_SECONDS": str(model.lifecycle.drain_seconds),
        },
        inference_paths=INFERENCE_PATHS,
    )


def _version(image: str) -> str:
    """A label's value that tells the image from others: its tag, or the beginning of its digest."""
    tag = re.search(r":([A-Za-z0-9_.-]+)(@|$)", image.rpartition("/")[2].replace("@sha256:", "@"))
    found = tag.group(1) if tag else image.rpartition(":")[2][:12]
    return re.sub(r"[^A-Za-z0-9]+$", "", re.sub(r"^[^A-Za-z0-9]+", "", found[:63])) or "unknown"
