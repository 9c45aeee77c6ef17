"""Promises that are broken: budgets that burn too fast, and the flat thresholds that some people want besides.

The budget of an objective is the share that may miss it. An alert looks at two windows: the long one says that it
matters, the short one that it goes on. https://sre.google/workbook/alerting-on-slos/, table 5-8.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from blueprint.monitoring import recorded
from blueprint.monitoring.recorded import Window
from blueprint.monitoring.rule import Alert, Severity
from blueprint.monitoring.slis import Name, Sli
from blueprint.monitoring.subject import Subject

ERROR_SHARE = 0.05
"""Share of failures that is told whatever the objective says."""


@dataclass(frozen=True)
class _Burn:
    """One of the four speeds. field: of BurnFactors. wait: a tenth of the short window and more, against flapping."""

    field: str
    severity: Severity
    long: Window
    short: Window
    wait: str


_BURNS = (
    _Burn("page", "critical", "1h", "5m", "2m"),
    _Burn("slow_page", "critical", "6h", "30m", "10m"),
    _Burn("ticket", "warning", "1d", "2h", "30m"),
    _Burn("slow_ticket", "warning", "3d", "6h", "1h"),
)

_ALERTS: dict[Name, tuple[str, str]] = {
    "availability": ("LLMAvailabilityBudgetBurn", "requests failed"),
    "ttft": ("LLMTimeToFirstTokenBudgetBurn", "first tokens came later than {seconds:g} s"),
    "itl": ("LLMInterTokenLatencyBudgetBurn", "tokens came later than {seconds:g} s after the one before"),
}


def alerts(subject: Subject) -> Iterator[Alert]:
    """Alerts on a model's promises."""
    for sli in subject.slis:
        for burn in _BURNS:
            yield _budget_burn(subject, sli, burn)
    yield from _latency_high(subject)
    yield from _error_rate_high(subject)


def _budget_burn(subject: Subject, sli: Sli, burn: _Burn) -> Alert:
    name, what = _ALERTS[sli.name]
    factor = getattr(sli.factors, burn.field)
    limit = round(factor * (1 - sli.share), 12)
    long, short = (subject.recorded(recorded.bad(window), sli=sli.name) for window in (burn.long, burn.short))
    missed = what.format(seconds=sli.seconds)
    expr = f"{long} > {limit!r} and {short} > {limit!r}"
    if "requests_ended" in subject.metrics:
        # At night a single slow request is a large share.
        ended = f"avg_over_time({subject.recorded(recorded.ENDED)}[{burn.long}])"
        expr += f" and on () {ended} > {subject.traffic_floor!r}"
    return Alert(
        alert=name,
        expr=expr,
        wait=burn.wait,
        severity=burn.severity,
        labels={"window": burn.long},
        summary=f"{subject.workload.name}: {{{{ $value | humanizePercentage }}}} of {missed} in {burn.long}; "
        f"{(1 - sli.share) * 100:.4g} % may",
        description=f"The budget goes {factor:g} times too fast or more, over {burn.long} and over {burn.short}. "
        f"Objective: {sli.share * 100:.6g} %.",
        dashboard="llm-slo",
        panel=f"Burn rate, {burn.long}",
    )


def _latency_high(subject: Subject) -> Iterator[Alert]:
    seconds = subject.workload.objectives.latency_p95_seconds
    if seconds is None:
        return
    yield Alert(
        alert="LLMLatencyHigh",
        expr=f"{subject.recorded(recorded.latency('p95'))} > {seconds!r}",
        wait="10m",
        severity="warning",
        summary=f"{subject.workload.name}: 5 % of the requests take longer than {{{{ $value | humanizeDuration }}}}",
        description=f"objectives.latencyP95Seconds is {seconds:g}, for whole answers: long ones take longer.",
        dashboard="llm-model",
        panel="Latency",
    )


def _error_rate_high(subject: Subject) -> Iterator[Alert]:
    if not {"requests_ended", "requests_failed"} <= subject.metrics.keys():
        return
    yield Alert(
        alert="LLMErrorRateHigh",
        expr=f"{subject.recorded(recorded.FAILED)} > {ERROR_SHARE!r}"
        f" and {subject.recorded(recorded.ENDED)} > {subject.traffic_floor!r}",
        wait="5m",
        severity="warning",
        summary=f"{subject.workload.name}: {{{{ $value | humanizePercentage }}}} of the requests fail",
        description=f"More than {ERROR_SHARE:.0%} for 5 minutes, with more than {subject.traffic_floor:g} requests/s.",
        dashboard="llm-model",
        panel="Requests",
    )
