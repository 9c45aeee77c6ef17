"""Metrics for Prometheus and traces for OpenTelemetry, from what the server tells of itself.

OpenLIT needs no instrumentation of its own here: its collector takes these spans by OTLP (otlp_endpoint), with the
names of the GenAI conventions and the tokens that the engine counted. Langfuse takes the same spans.
"""

from server.telemetry.options import TelemetryOptions as TelemetryOptions
from server.telemetry.telemetry import Telemetry as Telemetry
