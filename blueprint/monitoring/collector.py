"""The configuration of the OpenTelemetry Collector: what comes in, what is done to it, where it goes."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from blueprint.addresses import address_of
from blueprint.engines import custom, sglang, tgi, vllm
from blueprint.monitoring import content
from blueprint.settings.collector import Collector

GRPC_PORT, HTTP_PORT = 4317, 4318
"""OTLP: https://opentelemetry.io/docs/specs/otlp/"""

HEALTH_PORT = 13133

IMAGE = "docker.io/otel/opentelemetry-collector-contrib:0.161.0"
"""The release whose components lab/tools/collector builds, and whose names are used here."""

_ASKED_BY_MACHINES = sorted(
    {
        *(engine.HEALTH_PATH for engine in (custom, sglang, tgi, vllm)),
        *(engine.METRICS_PATH for engine in (custom, sglang, tgi, vllm)),
        custom.READY_PATH,
    }
)
_PATH_ATTRIBUTES = ("url.path", "http.target", "http.route")  # of today's conventions, of earlier ones, of frameworks

_OLD_USAGE = {
    "gen_ai.usage.prompt_tokens": "gen_ai.usage.input_tokens",
    "gen_ai.usage.completion_tokens": "gen_ai.usage.output_tokens",
}
"""By the engines' name, the one of the GenAI conventions.

vLLM 0.10.2 to 0.33.0 (vllm/tracing, SpanAttributes); SGLang 0.5.23 (srt/observability/trace.py).
"""

_LANGFUSE_PATH = "/api/public/otel"
_LANGFUSE_HEADERS = {"x-langfuse-ingestion-version": "4"}
"""https://langfuse.com/integrations/native/opentelemetry"""

# The spans of one request arrive within the second that they end in, and the SDKs hold them for up to five.
_DECISION_WAIT_SECONDS = 10
_WAITING_TRACES = 20_000
"""Traces that wait for their decision: 2000 requests a second. At 8 KiB each they take 160 MiB."""


@dataclass(frozen=True, kw_only=True)
class SecretVariable:
    """A variable of the collector whose value comes from secrets.

    names: of the secrets. form: the secret as it is, or user and password as HTTP's Basic.
    """

    name: str
    names: Sequence[str]
    form: Literal["plain", "basic"] = "plain"

    def value(self, secrets: Mapping[str, str]) -> str:
        """What the variable holds, from the secrets' values by name."""
        given = ":".join(secrets[name] for name in self.names)
        return f"Basic {base64.b64encode(given.encode()).decode()}" if self.form == "basic" else given


def takes_traces(collector: Collector | None) -> bool:
    """Whether the engines have a reason to send traces."""
    return collector is not None and (collector.traces_to is not None or collector.langfuse is not None)


def secret_variables(collector: Collector) -> Sequence[SecretVariable]:
    """The variables that hold headers and keys: none of them stands in the configuration."""
    targets = {"TRACES": collector.traces_to, "LOGS": collector.logs_to}
    found = [
        SecretVariable(name=_header_variable(prefix, header), names=(secret,))
        for prefix, target in targets.items()
        if target is not None
        for header, secret in sorted(target.headers.items())
    ]
    if collector.langfuse is not None:
        keys = (collector.langfuse.public_key, collector.langfuse.secret_key)
        found.append(SecretVariable(name="LANGFUSE_AUTHORIZATION", names=keys, form="basic"))
    return found


def configuration(collector: Collector) -> Mapping[str, Any]:
    """The collector's configuration. Of a collector that sends somewhere."""
    return {
        # All of the pod's addresses: the network policy says who reaches them.
        "extensions": {"health_check": {"endpoint": f"0.0.0.0:{HEALTH_PORT}"}},
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"0.0.0.0:{GRPC_PORT}"},
                    "http": {"endpoint": f"0.0.0.0:{HTTP_PORT}"},
                }
            }
        },
        "processors": _processors(collector),
        "exporters": _exporters(collector),
        "service": {
            "extensions": ["health_check"],
            # Its own metrics would be on a port that nobody scrapes; its failures are in its log.
            "telemetry": {"metrics": {"level": "none"}, "logs": {"encoding": "json"}},
            "pipelines": _pipelines(collector),
        },
    }


def _pipelines(collector: Collector) -> Mapping[str, Any]:
    kept = collector.keep_content
    spans = ["filter/probes", "transform/genai", *([] if kept else ["transform/redact_traces"])]
    steps = {
        "traces": ("otlp_grpc/traces", [*spans, "tail_sampling"]) if collector.traces_to else None,
        # Not sampled: it counts tokens and money.
        "traces/langfuse": ("otlp_http/langfuse", [*spans, "filter/generations"]) if collector.langfuse else None,
        "logs": ("otlp_http/logs", ["transform/link", *([] if kept else ["transform/redact_logs"])])
        if collector.logs_to
        else None,
    }
    return {
        name: {
            "receivers": ["otlp"],
            # The limiter first, so that what it refuses has cost nothing; batch last, so that batches stay whole.
            "processors": ["memory_limiter", *step[1], "batch"],
            "exporters": [step[0]],
        }
        for name, step in steps.items()
        if step is not None
    }


def _processors(collector: Collector) -> Mapping[str, Any]:
    processors = {
        # Of the container's limit. What a request takes between two checks has to fit into the rest.
        "memory_limiter": {"check_interval": "1s", "limit_percentage": 80, "spike_limit_percentage": 25},
        "filter/probes": {"error_mode": "ignore", "trace_conditions": [_asked_by_machines()]},
        "transform/genai": {"error_mode": "ignore", "trace_statements": list(_genai())},
        "transform/redact_traces": {
            # What cannot be redacted is dropped, not let through.
            "error_mode": "propagate",
            "trace_statements": list(content.trace_statements()),
        },
        "filter/generations": {
            "error_mode": "ignore",
            "trace_conditions": ['span.attributes["gen_ai.request.model"] == nil'],
        },
        "transform/link": {"error_mode": "ignore", "log_statements": list(content.link_statements())},
        "transform/redact_logs": {"error_mode": "propagate", "log_statements": list(content.log_statements())},
        "tail_sampling": {
            "decision_wait": f"{_DECISION_WAIT_SECONDS}s",
            "num_traces": _WAITING_TRACES,
            "policies": [
                {"name": "failed", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
                {
                    "name": "slow",
                    "type": "latency",
                    "latency": {"threshold_ms": round(collector.sampling.slow_seconds * 1000)},
                },
                {
                    "name": "share",
                    "type": "probabilistic",
                    "probabilistic": {"sampling_percentage": collector.sampling.percent},
                },
            ],
        },
        "batch": {},
    }
    used = {name for pipeline in _pipelines(collector).values() for name in pipeline["processors"]}
    return {name: processor for name, processor in processors.items() if name in used}


def _asked_by_machines() -> str:
    """Probes and scrapes: several a second, and nobody's request."""
    paths = "|".join(path.removeprefix("/") for path in _ASKED_BY_MACHINES)
    # A target may have a query behind its path.
    return " or ".join(f'IsMatch(span.attributes["{name}"], "^/({paths})/?([?].*)?$$")' for name in _PATH_ATTRIBUTES)


def _genai() -> Iterator[str]:
    """The GenAI conventions' names for what engines call otherwise, or leaves to the resource."""
    for old, new in _OLD_USAGE.items():
        missing = f'span.attributes["{old}"] != nil and span.attributes["{new}"] == nil'
        yield f'set(span.attributes["{new}"], span.attributes["{old}"]) where {missing}'
        yield f'delete_key(span.attributes, "{old}")'
    model, known = 'span.attributes["gen_ai.request.model"]', 'resource.attributes["llm.model"]'
    generation = 'span.attributes["gen_ai.request.id"] != nil or span.attributes["gen_ai.usage.input_tokens"] != nil'
    yield f"set({model}, {known}) where {model} == nil and {known} != nil and ({generation})"


def _exporters(collector: Collector) -> Mapping[str, Any]:
    exporters: dict[str, Any] = {}
    if collector.traces_to is not None:
        parts = address_of(collector.traces_to.address)
        exporters["otlp_grpc/traces"] = {
            "endpoint": f"{parts.host}:{parts.port or GRPC_PORT}",
            "tls": {"insecure": parts.scheme == "http"},
            **_headers("TRACES", collector.traces_to.headers),
        }
    if collector.logs_to is not None:
        exporters["otlp_http/logs"] = {
            "endpoint": collector.logs_to.address.rstrip("/"),
            **_headers("LOGS", collector.logs_to.headers),
        }
    if collector.langfuse is not None:
        exporters["otlp_http/langfuse"] = {
            "endpoint": collector.langfuse.host.rstrip("/") + _LANGFUSE_PATH,
            "headers": {"authorization": "${env:LANGFUSE_AUTHORIZATION}", **_LANGFUSE_HEADERS},
        }
    return exporters


def _headers(prefix: str, headers: Mapping[str, str]) -> Mapping[str, Any]:
    named = {header: f"${{env:{_header_variable(prefix, header)}}}" for header in sorted(headers)}
    return {"headers": named} if named else {}


def _header_variable(prefix: str, header: str) -> str:
    return f"{prefix}_HEADER_{header.upper().replace('-', '_')}"
