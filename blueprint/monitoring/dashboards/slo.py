"""Objectives: whether they are kept, what is left of the budget, how fast it goes."""

from blueprint.monitoring.dashboards.common import SEVERAL, TO_MODEL, chosen
from blueprint.monitoring.dashboards.dashboard import Dashboard, Row
from blueprint.monitoring.dashboards.panels import Panel, Query, Threshold
from blueprint.monitoring.dashboards.table import Column, Table
from blueprint.monitoring.recorded import OBJECTIVE, WINDOWS, Window, bad
from blueprint.settings.objectives import BurnFactors

_ALLOWED = f"(1 - {chosen(OBJECTIVE)} > 0)"
# By default a model's alerts have the same factors.
_FACTORS = BurnFactors()
_BURN_THRESHOLDS = (
    Threshold(_FACTORS.slow_ticket, "yellow"),
    Threshold(_FACTORS.slow_page, "orange"),
    Threshold(_FACTORS.page, "red"),
)
_LEFT_THRESHOLDS = (Threshold(0, "orange"), Threshold(0.25, "yellow"), Threshold(0.5, "green"))
_FIRING = 'ALERTS{alertname=~"LLM.*",alertstate="firing"}'


def _by_sli(expr: str) -> str:
    return f"max by (namespace, model, sli) ({expr})"


def _burn(window: Window) -> str:
    """How many times faster than allowed the budget goes: at 1 it lasts exactly as long as it is meant to."""
    return f"{chosen(bad(window))} / {_ALLOWED}"


_LEFT = f"1 - {_burn('3d')}"

_KEPT = Table(
    title="Objectives",
    description="One line per model and objective: the share that has to be good, the share that was, and the part of "
    "the budget of 3 days that is left. Below 0 the objective was missed over these 3 days.",
    keys=("namespace", "sli", "model"),
    link=TO_MODEL,
    columns=(
        Column(expr=_by_sli(chosen(OBJECTIVE)), title="Objective", unit="percentunit"),
        Column(expr=_by_sli(f"1 - {chosen(bad('1h'))}"), title="Good, 1 h", unit="percentunit"),
        Column(expr=_by_sli(f"1 - {chosen(bad('1d'))}"), title="Good, 1 day", unit="percentunit"),
        Column(expr=_by_sli(f"1 - {chosen(bad('3d'))}"), title="Good, 3 days", unit="percentunit"),
        Column(expr=_by_sli(_LEFT), title="Budget left", unit="percentunit", base="red", thresholds=_LEFT_THRESHOLDS),
        Column(expr=_by_sli(_burn("1h")), title="Burn rate, 1 h", unit="none", thresholds=_BURN_THRESHOLDS),
    ),
)

_LEFT_NOW = Panel(
    kind="bargauge",
    title="Budget left, 3 days",
    description="What is left of the failures that the objective allows over 3 days.",
    queries=(Query(_by_sli(_LEFT), "{{model}} {{sli}}"),),
    unit="percentunit",
    width=12,
    minimum=0,
    maximum=1,
    base="red",
    thresholds=_LEFT_THRESHOLDS,
)

_ATTAINED = Panel(
    kind="timeseries",
    title="Good, over an hour",
    description="Share of requests, first tokens or tokens that met the objective in the hour before. Dashed: the "
    "objective.",
    queries=(
        Query(_by_sli(f"1 - {chosen(bad('1h'))}"), "{{model}} {{sli}}"),
        Query(_by_sli(chosen(OBJECTIVE)), "{{model}} {{sli}} objective", dashed=True),
    ),
    unit="percentunit",
    width=12,
    minimum=None,
    maximum=1,
)


def _burn_panel(window: Window) -> Panel:
    return Panel(
        kind="timeseries",
        title=f"Burn rate, {window}",
        description=f"Over {window}, how many times faster than allowed the budget goes. At 1 it is used up exactly; "
        "14.4 uses 2 % of a month's in an hour. Alerts look at a long and a short window together.",
        queries=(Query(_by_sli(_burn(window)), "{{model}} {{sli}}"),),
        unit="none",
        width=8 if window in WINDOWS[:3] else 6,
        thresholds=_BURN_THRESHOLDS,
    )


_ALERTS = Panel(
    kind="state-timeline",
    title="Alerts over time",
    description="Each alert while it fires. Empty: none did, or Prometheus evaluates no rules.",
    queries=(Query(f"max by (alertname, severity, model) ({_FIRING})", "{{alertname}} {{model}}"),),
    unit="none",
    width=24,
    base="red",
    no_value="No alert fires",
)

_ALERTS_NOW = Table(
    title="Alerts now",
    description="Alerts of this project that fire now, as Prometheus sees them, silenced ones too.",
    keys=("namespace", "severity", "alertname", "model"),
    columns=(
        Column(expr=f"count by (namespace, severity, alertname, model) ({_FIRING})", title="Firing", unit="none"),
    ),
    no_value="No alert fires",
    height=7,
)

SLO = Dashboard(
    uid="llm-slo",
    title="LLM / Objectives",
    description="Whether each model keeps what it promises: attainment, budget, burn rates, alerts.",
    variables=SEVERAL,
    hours=24,
    rows=(
        Row("Kept or not", (_KEPT, _LEFT_NOW, _ATTAINED)),
        Row("Burn rates", tuple(_burn_panel(window) for window in WINDOWS)),
        Row("Alerts", (_ALERTS_NOW, _ALERTS)),
    ),
)
