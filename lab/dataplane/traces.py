"""Traces of this project's server, to the stack's own collector where that runs."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from blueprint.description import COLLECTOR
from lab.containers.pod import field
from lab.dataplane.pods import Pod, Variables, variables_of_fields

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_KEPT = ("OTEL_SERVICE_NAME", "OTEL_TRACES_SAMPLER", "OTEL_RESOURCE_ATTRIBUTES")
_VARIABLE = re.compile(r"\$\((\w+)\)")


def collector_of(told: Variables) -> str | None:
    """The Service of the stack's collector, where a container is told to send traces to it."""
    host = urlsplit(told.get(_ENDPOINT, "")).hostname or ""
    return host if host.startswith(COLLECTOR) and "." not in host else None


def traced(pod: Pod, told: Variables, address: str) -> Mapping[str, str]:
    """The variables of a container that sends traces, with the collector's address on this machine.

    There it takes them over HTTP: what leads to a Service here does not speak gRPC.
    """
    fields = {name: field(pod, path) for name, path in variables_of_fields(pod).items()}
    kept = {
        name: _VARIABLE.sub(lambda found: fields.get(found[1], found[0]), told[name]) for name in _KEPT if name in told
    }
    return {**kept, _ENDPOINT: address, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
