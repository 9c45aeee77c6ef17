"""The mistakes that people make with the collector, and what each is answered with."""

from collections.abc import Mapping
from typing import Any

from tests.blueprint.mistakes import Mistake, wrong
from tests.blueprint.stack_files import LAB, PROD, edited

COLLECTING: Mapping[str, Any] = edited(
    LAB,
    {
        "monitoring": {
            "mode": "operator",
            "collector": {
                "tracesTo": {"address": "http://jaeger.monitoring.svc:4317"},
                "logsTo": {"address": "http://loki-gateway.monitoring.svc/otlp", "podPort": 8080},
                "langfuse": {"host": "https://cloud.langfuse.com", "publicKey": "lf-pk", "secretKey": "lf-sk"},
            },
        }
    },
)
AT = "monitoring.collector"
HERE = "monitoring.collector decides where traces go"


def collecting(key: str, value: Any, problem: str, remedy: str, **more: Any) -> Mistake:
    """A mistake in COLLECTING."""
    return wrong(key, value, problem, remedy, base=COLLECTING, **more)


COLLECTOR_MISTAKES = {
    "collector without a target": collecting(AT, {}, "send them nowhere", "tracesTo, logsTo or langfuse"),
    "collector of no known digest": wrong(
        "monitoring.collector",
        {"tracesTo": {"address": "https://tempo.example.com"}},
        "opentelemetry-collector-contrib",
        "llm lock docker.io/otel",
        base=PROD,
    ),
    "traces in clear text": collecting(
        f"{AT}.tracesTo.address", "http://tempo.example.com:4317", "is outside the cluster", "NAME.NAMESPACE.svc"
    ),
    "namespace without svc": collecting(
        f"{AT}.logsTo.address",
        "http://loki.monitoring/otlp",
        "is outside the cluster",
        "NAME.NAMESPACE.svc",
        also={f"{AT}.logsTo.podPort": None},
    ),
    "pods outside the cluster": collecting(
        f"{AT}.langfuse.podPort", 3000, "cloud.langfuse.com is outside the cluster", "Remove it"
    ),
    "addresses of a service": collecting(
        f"{AT}.tracesTo.ranges", ["10.0.0.0/24"], "jaeger.monitoring.svc is a Service", "Remove it"
    ),
    "path of http for traces": collecting(
        f"{AT}.tracesTo.address", "http://jaeger.monitoring.svc:4317/v1/traces", "has no path", "host and port alone"
    ),
    "key for the name of a key": collecting(
        f"{AT}.langfuse.secretKey", "sk lf 1234", "allowed form", "The NAME of a secret"
    ),
    "header in capitals": collecting(
        f"{AT}.tracesTo.headers",
        {"X-Scope-OrgID": "tenant"},
        "allowed form",
        "lower case",
        at=f"{AT}.tracesTo.headers.X-Scope-OrgID",
    ),
    "traces to elsewhere": collecting(
        "models.m.engine.extraArgs",
        ["--otlp_traces_endpoint=http://elsewhere:4317"],
        HERE,
        "Remove it",
        at="models.m.engine.extraArgs.0",
    ),
    "traces to elsewhere, by a variable": collecting(
        "models.m.engine",
        {"name": "custom", "image": "registry.example.com/team/server:1", "environment": {"OTEL_SERVICE_NAME": "x"}},
        HERE,
        "Remove it",
        at="models.m.engine.environment.OTEL_SERVICE_NAME",
    ),
}
