"""Logs and traces of one model: what it says, how much of it is bad, which requests failed or took long."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from blueprint.monitoring.dashboards.common import ONE
from blueprint.monitoring.dashboards.dashboard import Dashboard, Link, Row
from blueprint.monitoring.dashboards.panels import Panel, Query, Source, frame, steps, target
from blueprint.monitoring.stores import Store
from blueprint.monitoring.subject import HASH
from blueprint.settings.collector import Sampling

LOGS_UID = "llm-logs"
TO_LOGS = Link("Logs and traces", LOGS_UID)

LOKI = Source(kind="loki", name="logs", label="Logs")
JAEGER = Source(kind="jaeger", name="traces", label="Traces")

# As the pods of a model are called (Subject.pod_pattern), and those of the Job that fills its cache.
_OF_A_MODEL = f"((-decode)?-{HASH}+-{HASH}{{5}}|-[0-9]+(-[0-9]+)?|-download-{HASH}{{5}})"
_NAMESPACE = 'k8s_namespace_name="$namespace"'
_MODEL = f'{{{_NAMESPACE},k8s_pod_name=~"${{model}}{_OF_A_MODEL}"}}'
_BAD = 'detected_level=~"error|critical|fatal"'
"""What Loki calls the severity of a line, from the record or else from its text (discover_log_levels)."""

_SLOW_SECONDS = Sampling().slow_seconds


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Log lines as they were written, the newest first."""

    title: str
    description: str
    expr: str
    width: int = 24
    height: int = 12

    def model(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The panel as Grafana reads it."""
        return {
            **frame(number, "logs", self.title, self.description, (x, y, self.width, self.height), source=LOKI),
            "fieldConfig": {"defaults": {"unit": "none"}, "overrides": []},
            "options": {
                "dedupStrategy": "none",
                "enableLogDetails": True,
                "prettifyLogMessage": False,
                "showCommonLabels": False,
                "showLabels": False,
                "showTime": True,
                "sortOrder": "Descending",
                "wrapLogMessage": True,
            },
            "targets": [{**target("A", self.expr, "", instant=False, source=LOKI), "maxLines": 500}],
        }


@dataclass(frozen=True, kw_only=True)
class Traces:
    """A table of the newest traces of the model; a line leads to its trace.

    tags: in logfmt, what one of its spans has. seconds: how long one of its spans took at least.
    """

    title: str
    description: str
    tags: str = ""
    seconds: float | None = None
    width: int = 12
    height: int = 10

    def model(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The panel as Grafana reads it."""
        search = {
            "datasource": JAEGER.reference,
            "queryType": "search",
            "refId": "A",
            # What the pods call themselves: OTEL_SERVICE_NAME.
            "service": "$model",
            "tags": self.tags,
            "limit": 50,
        }
        if self.seconds is not None:
            search["minDuration"] = f"{self.seconds:g}s"
        return {
            **frame(number, "table", self.title, self.description, (x, y, self.width, self.height), source=JAEGER),
            "fieldConfig": {
                "defaults": {
                    "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True},
                    "noValue": "None",
                    "thresholds": steps("green", ()),
                    "unit": "none",
                },
                "overrides": [],
            },
            "options": {"cellHeight": "sm", "showHeader": True, "sortBy": []},
            "targets": [search],
            "transformations": [],
        }


def _rate(title: str, description: str, expr: str, legend: str) -> Panel:
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        queries=(Query(expr, legend),),
        unit="cps",
        stacked=True,
        no_value="Nothing was said",
        source=LOKI,
    )


_HOW_MUCH = (
    _rate(
        "Lines by workload",
        "Log lines per second of all models of the namespace, and of what else runs beside them.",
        f'sum by (workload) (label_replace(rate({{{_NAMESPACE},k8s_pod_name=~".+{_OF_A_MODEL}"}}[$__auto]), '
        f'"workload", "$1", "k8s_pod_name", "(.+?){_OF_A_MODEL}"))',
        "{{workload}}",
    ),
    _rate(
        "Lines by severity",
        "Log lines per second of the chosen model. The severity is the record's, or what its text says.",
        f"sum by (detected_level) (rate({_MODEL}[$__auto]))",
        "{{detected_level}}",
    ),
    _rate(
        "Errors by pod",
        "Error lines per second of each pod. One pod alone: look at its node and GPU; all of them: at the model.",
        f"sum by (k8s_pod_name) (rate({_MODEL} | {_BAD} [$__auto]))",
        "{{k8s_pod_name}}",
    ),
)

_SAID = (
    Lines(
        title="Errors",
        description="Lines of severity error and above. Details of a line that names its trace lead to the trace.",
        expr=f"{_MODEL} | {_BAD}",
        height=9,
    ),
    Lines(
        title="Lines",
        description="All lines of the model's pods, and of the Job that filled its cache.",
        expr=_MODEL,
    ),
)

_TRACES = (
    Traces(
        title="Failed",
        description="The newest traces with a span that failed, all of which are kept.",
        tags="error=true",
    ),
    Traces(
        title="Slow",
        description=f"The newest traces with a span of {_SLOW_SECONDS:g} s and longer. Long answers take long.",
        seconds=_SLOW_SECONDS,
    ),
)


def logs(stores: Sequence[Store]) -> Dashboard:
    """The dashboard, with what these stores have. stores: at least one."""
    rows = {
        "loki": (LOKI, (Row("How much is said", _HOW_MUCH), Row("What is said", _SAID))),
        "jaeger": (JAEGER, (Row("Traces", _TRACES),)),
    }
    shown = [rows[store] for store in stores]
    return Dashboard(
        uid=LOGS_UID,
        title="LLM / Logs and traces",
        description="What a model's pods say, how much of it is errors, and its requests that failed or took long.",
        variables=ONE,
        stores=[source for source, _ in shown],
        rows=[row for _, some in shown for row in some],
        hours=1,
    )
