"""A server of your own: what it is told, and what it has to answer. docs/engines/custom.md says the same to people.

The server of this project keeps to it, and of it more is known. What a server does with a variable is its own
business; that it gets them, on these ports, is not.
"""

from collections.abc import Mapping
from types import MappingProxyType

from blueprint.engines.process import KeyInput

PORT = 8080
METRICS_PORT = 8001
"""Of its own, so that a route to the API never leads to the metrics."""

HEALTH_PATH = "/health"
READY_PATH = "/ready"
METRICS_PATH = "/metrics"

INFERENCE_PATHS = (
    "/",  # where huggingface_hub's InferenceClient.text_generation posts to
    "/generate",
    "/generate_stream",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/models",
)
"""What callers outside the cluster may ask it for, each in full."""

EXIT_SECONDS = 15
"""From the end of the drain to SIGKILL: the process exits and frees the GPU."""

VARIABLES = ("MODEL_ID", "MODEL_REVISION", "SERVED_NAME", "PORT", "METRICS_PORT", "DRAIN_SECONDS", "USER")
"""What every server is told, and a stack file may not say otherwise."""

SERVER_VERSION = "0.1.0"
"""Of the server of this project: server/pyproject.toml."""

SERVER_USER = 1000
SERVER_HOME = "/home/server"
"""Of its image: server/Dockerfile."""

SERVER_MAX_RUNNING = 64
"""Most requests that it answers at the same time, when it is not told otherwise: server/settings.py."""

KEYS = KeyInput(several=True, keys_variable="API_KEYS_FILE")
"""How it takes the keys of its callers: server/settings.py. Every path of INFERENCE_PATHS asks for one."""

OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "dtype": "DTYPE",
        "quantization": "QUANTIZATION",
        "maxModelLen": "MAX_MODEL_LEN",
        "maxRunningRequests": "MAX_RUNNING_REQUESTS",
        "maxQueuedRequests": "MAX_QUEUED_REQUESTS",
        "maxQueuedTokens": "MAX_QUEUED_TOKENS",
    }
)
"""By key below ``engine``, the variable by which it is told: server/settings.py."""
