"""A server of your own: what it is told, and what it has to answer. docs/engines/custom.md says the same to people.

The server of this project keeps to it. What a server does with a variable is its own business; that it gets them, on
these ports, is not.
"""

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
