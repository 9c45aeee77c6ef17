"""Rules as plain data, and as the Prometheus operator takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from blueprint.settings.monitoring import Severity as Severity  # noqa: PLC0414  rules know it from here

Dashboard = Literal["llm-fleet", "llm-model", "llm-slo", "llm-autoscaling", "llm-gpu", "llm-cost"]
"""uid of the dashboard that shows what an alert is about."""

RUNBOOKS = "docs/runbooks"
"""Where the page of each alert is, <alert>.md, in this repository."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A series that is computed in advance."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A condition that somebody is told of.

    wait: how long it has to hold, as Prometheus writes durations.
    summary, description: templates of Prometheus.
    labels: beside those of its group.
    """

    alert: str
    expr: str
    wait: str
    severity: Severity
    summary: str
    description: str
    dashboard: Dashboard
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rules that are evaluated together, in their order. labels: of its alerts, by which they are routed."""

    name: str
    interval: str
    rules: Sequence[Recording | Alert]
    labels: Mapping[str, str] = field(default_factory=dict)


def rules_spec(groups: Sequence[Group], runbooks: str | None) -> Any:
    """The spec of a PrometheusRule, which is also the content of a rule file. runbooks: address of their folder."""
    return {
        "groups": [
            {
                "name": group.name,
                "interval": group.interval,
                "rules": [_written(rule, group.labels, (runbooks or RUNBOOKS).rstrip("/")) for rule in group.rules],
            }
            for group in groups
            if group.rules
        ]
    }


def _written(rule: Recording | Alert, labels: Mapping[str, str], runbooks: str) -> Any:
    if isinstance(rule, Recording):
        return {"record": rule.record, "expr": rule.expr, **({"labels": dict(rule.labels)} if rule.labels else {})}
    return {
        "alert": rule.alert,
        "expr": rule.expr,
        "for": rule.wait,
        "labels": {"severity": rule.severity, **labels, **rule.labels},
        "annotations": {
            "summary": rule.summary,
            "description": rule.description,
            "runbook_url": f"{runbooks}/{rule.alert}.md",
            "dashboard": rule.dashboard,
        },
    }
