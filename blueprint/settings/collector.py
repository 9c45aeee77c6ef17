"""Settings of the OpenTelemetry Collector: where traces and logs go, and what they may hold."""

from typing import Annotated

from pydantic import Field, StringConstraints

from blueprint.settings.base import HttpAddress, SecretName, SettingsModel
from blueprint.settings.exposure import AddressRange

HeaderName = Annotated[
    str,
    # Lower case alone: gRPC takes no other, and two that differ in case would be one.
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=64),
    Field(description="The name of a header: lower case letters, digits, '-'."),
]


class Target(SettingsModel):
    """Where something is sent."""

    pod_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of the pods behind that Service, where it is another than the Service's: network policies "
        "see the pods'.",
    )
    ranges: list[AddressRange] = Field(
        default_factory=list,
        description="Its private addresses, where it is no Service of the cluster. Public ones are reached without.",
    )


class TraceTarget(Target):
    """A store of traces that takes OTLP over gRPC, as Jaeger 2 and Tempo do."""

    address: HttpAddress = Field(
        description="http:// or https://, host and port (default 4317): http://jaeger.monitoring.svc:4317. "
        "A Service is named NAME.NAMESPACE.svc."
    )
    headers: dict[HeaderName, SecretName] = Field(
        default_factory=dict, description="Headers of each request, by name, with the NAMES of their secrets."
    )


class LogTarget(Target):
    """A store of logs that takes OTLP over HTTP, as Loki does."""

    address: HttpAddress = Field(
        description="Address before /v1/logs, of Loki its path /otlp: http://loki-gateway.monitoring.svc/otlp."
    )
    headers: dict[HeaderName, SecretName] = Field(
        default_factory=dict, description="Headers of each request, by name, with the NAMES of their secrets."
    )


class Langfuse(Target):
    """Langfuse, which gets the spans of generations and no others."""

    host: HttpAddress = Field(description="Its address: http://langfuse-web.langfuse.svc:3000.")
    public_key: SecretName
    secret_key: SecretName


class Sampling(SettingsModel):
    """Which traces the store of traces gets. Langfuse gets every generation."""

    # 10 %: enough to compare with; what went wrong or was slow is kept whole.
    percent: float = Field(
        default=10, ge=0, le=100, description="Share of the traces that are neither failed nor slow."
    )
    # 5 s: the alert on p95 latency that people ask for most often.
    slow_seconds: float = Field(
        default=5, ge=0.001, le=86_400, description="Traces that take longer are kept, and those with an error."
    )


class Collector(SettingsModel):
    """An OpenTelemetry Collector in the stack's namespace, to which the engines send traces."""

    traces_to: TraceTarget | None = None
    logs_to: LogTarget | None = None
    langfuse: Langfuse | None = None
    sampling: Sampling = Field(default_factory=Sampling)
    keep_content: bool = Field(
        default=False,
        description="Let prompts and answers through to all targets. Otherwise they are taken out of traces and logs.",
    )
