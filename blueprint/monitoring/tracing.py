"""Engines that send traces: what each is told, in its own words."""

from dataclasses import replace

from blueprint.description import Description
from blueprint.engines.process import EngineProcess
from blueprint.monitoring.collector import GRPC_PORT, takes_traces
from blueprint.monitoring.targets import collector_of

OPTIONS = {
    "vllm": ("--otlp-traces-endpoint",),
    "sglang": ("--enable-trace", "--otlp-traces-endpoint", "--otlp-service-name"),
    "tgi": ("--otlp-endpoint", "--otlp-service-name"),
}
"""By engine, what the collector decides, so that extraArgs may not."""

VARIABLES = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SERVICE_NAME",
    "OTEL_TRACES_SAMPLER",
)
"""What the collector decides of the environment: https://opentelemetry.io/docs/specs/otel/configuration/"""


def sends_traces(description: Description) -> bool:
    """Whether the stack's models send traces to a collector of its own."""
    return description.collector_name is not None and takes_traces(collector_of(description))


def traced(engine: EngineProcess, *, name: str, collector: str) -> EngineProcess:
    """The engine, sending the traces of a model called name to the collector's Service, over gRPC."""
    host = f"{collector}:{GRPC_PORT}"
    flags = {
        "vllm": [f"--otlp-traces-endpoint=http://{host}"],
        # Without a scheme, as its documentation has it (docs/references/production_request_trace).
        "sglang": ["--enable-trace", f"--otlp-traces-endpoint={host}"],
        "tgi": [f"--otlp-endpoint=http://{host}", f"--otlp-service-name={name}"],
    }.get(engine.name, [])
    standard = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{host}", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    return replace(
        engine,
        arguments=[*engine.arguments, *flags],
        # All nodes of a replica get the same: what differs between them may be taken for another configuration.
        worker_arguments=[*engine.worker_arguments, *flags] if engine.worker_arguments else (),
        environment={
            **engine.environment,
            **({} if flags else standard),
            "OTEL_SERVICE_NAME": name,
            # The caller decides, and otherwise all: the collector keeps the failed and the slow, which it has to see.
            "OTEL_TRACES_SAMPLER": "parentbased_always_on",
        },
    )


def resource_attributes(name: str) -> str:
    """OTEL_RESOURCE_ATTRIBUTES of a model's pods, with variables that Kubernetes fills in: see POD_FIELDS."""
    fields = ",".join(f"{attribute}=$({variable})" for attribute, (variable, _) in POD_FIELDS.items())
    return f"llm.model={name},{fields}"


POD_FIELDS = {
    "k8s.namespace.name": ("POD_NAMESPACE", "metadata.namespace"),
    "k8s.pod.name": ("POD_NAME", "metadata.name"),
    "k8s.pod.uid": ("POD_UID", "metadata.uid"),
    "k8s.node.name": ("NODE_NAME", "spec.nodeName"),
}
"""By attribute, the variable that holds it and the field of the pod that it comes from.

The pods say it themselves. A collector that looks it up needs a token that lists all pods of the namespace.
"""
