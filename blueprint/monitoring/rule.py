"""Rules as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from blueprint.settings.monitoring import Severity as Severity  # noqa: PLC0414  rules know it from here

Dashboard = Literal["llm-fleet", "llm-model", "llm-slo", "llm-autoscaling", "llm-gpu", "llm-cost", "llm-endpoints"]
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
    dashboard, panel: uid of the dashboard and title of the panel on it that show what the alert is about.
    labels: beside those of its group.
    """

    alert: str
    expr: str
    wait: str
    severity: Severity
    summary: str
    description: str
    dashboard: Dashboard
    panel: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rules that are evaluated together, in their order. labels: of its alerts, by which they are routed."""

    name: str
    interval: str
    rules: Sequence[Recording | Alert]
    labels: Mapping[str, str] = field(default_factory=dict)
