"""Each rule of the linter finds the mistake that it is for; the twin without the mistake passes."""

import pytest

from tests.monitoring.known import Known
from tests.monitoring.lint import lint_dashboard, lint_groups
from tests.monitoring.lint_expressions import lint_expression

KNOWN = Known(
    types={
        "up": "gauge",
        "running": "gauge",
        "llm:ttft_seconds:p95_rate5m": "gauge",
        "llm:objective_missed:ratio_rate1h": "gauge",
        "llm:objective:ratio": "gauge",
        "tokens_total": "counter",
        "tgi_request_count": "counter",
        "wait_seconds_bucket": "counter",
        "wait_seconds_count": "counter",
    },
    buckets={"wait_seconds_bucket": (0.5, 1.0, 2.5)},
)

# By rule: what breaks it, and what does the same without the mistake.
EXPRESSIONS = {
    "syntax": ("sum by (", "sum by (pod) (running)"),
    "unknown-name": ("sum(vllm:gpu_cache_usage_perc)", "sum(running)"),
    "name-by-pattern": ('sum({__name__=~"vllm:.*|sglang:.*"})', 'sum({__name__="running"})'),
    "rate-without-suffix": ("rate(vllm:num_preemptions[5m])", "rate(tgi_request_count[5m])"),
    "rate-of-gauge": ("sum(rate(running[5m]))", "sum(deriv(running[5m]))"),
    "counter-without-rate": ("sum(tokens_total)", "sum(rate(tokens_total[5m]))"),
    "quantile-without-le": (
        "histogram_quantile(0.95, sum by (model) (rate(wait_seconds_bucket[5m])))",
        "histogram_quantile(0.95, sum by (model, le) (rate(wait_seconds_bucket[5m])))",
    ),
    "average-of-quantiles": ("avg(llm:ttft_seconds:p95_rate5m)", "max(llm:ttft_seconds:p95_rate5m)"),
    "ratio-without-floor": ("sum(running) / sum(up)", "sum(running) / (sum(up) > 0)"),
    "le-without-bucket": (
        'rate(wait_seconds_bucket{le="2"}[5m])',
        'rate(wait_seconds_bucket{le=~"1|1[.]0|2.5"}[5m])',
    ),
    "cannot-fire": (
        "llm:objective_missed:ratio_rate1h > 14.4 * 0.1",
        "llm:objective_missed:ratio_rate1h > 14.4 * 0.05",
    ),
}

ALERT = {
    "alert": "LLMDown",
    "expr": "running > 100",
    "for": "5m",
    "labels": {"severity": "critical"},
    "annotations": {
        "summary": "{{ $value }} of {{ $labels.model }} are down",
        "runbook_url": "https://example.com/down",
    },
}
ALERTS = {
    "alert-without-for": {**ALERT, "for": None},
    "alert-without-severity": {**ALERT, "labels": {}},
    "alert-without-summary": {**ALERT, "annotations": {"runbook_url": "https://example.com/down"}},
    "alert-without-runbook-url": {**ALERT, "annotations": {"summary": "down"}},
    "value-in-labels": {**ALERT, "labels": {"severity": "critical", "count": "{{ $value }}"}},
}

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
TARGET = {
    "refId": "A",
    "datasource": SOURCE,
    "expr": 'sum by (pod) (rate(tokens_total{model=~"$model"}[$__rate_interval]))',
    "legendFormat": "{{pod}}",
}
PANEL = {
    "id": 1,
    "type": "timeseries",
    "title": "Tokens",
    "description": "Tokens per second.",
    "datasource": SOURCE,
    "fieldConfig": {"defaults": {"unit": "ops"}},
    "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
    "targets": [TARGET],
}


VARIABLES = [
    {"name": "datasource", "type": "datasource", "query": "prometheus"},
    {"name": "logs", "type": "datasource", "query": "loki"},
    {"name": "traces", "type": "datasource", "query": "jaeger"},
    {"name": "model", "type": "query"},
]


def dashboard(*panels):
    return {"uid": "x", "templating": {"list": VARIABLES}, "panels": list(panels)}


def beside(**changes):
    return {**PANEL, "id": 2, "gridPos": {"x": 12, "y": 0, "w": 12, "h": 8}, **changes}


def asking(**changes):
    return {**PANEL, "targets": [{**TARGET, **changes}]}


LOKI = {"type": "loki", "uid": "${logs}"}
JAEGER = {"type": "jaeger", "uid": "${traces}"}
OF_MODEL = '{k8s_namespace_name="llm",k8s_pod_name=~"$model-.+"}'


def rate_of_lines(expr=f"sum by (level) (rate({OF_MODEL} [$__auto]))", legend="{{level}}"):
    target = {"refId": "A", "datasource": LOKI, "expr": expr, "legendFormat": legend}
    return {**PANEL, "datasource": LOKI, "targets": [target]}


def lines(expr=OF_MODEL):
    return {**PANEL, "type": "logs", "datasource": LOKI, "targets": [{"refId": "A", "datasource": LOKI, "expr": expr}]}


def traces(**changes):
    target = {"refId": "A", "datasource": JAEGER, "queryType": "search", "service": "$model", "limit": 20}
    return {**PANEL, "type": "table", "datasource": JAEGER, "targets": [{**target, **changes}]}


DASHBOARDS = {
    "duplicate-id": dashboard(PANEL, beside(id=1)),
    "overlap": dashboard(PANEL, beside(gridPos={"x": 11, "y": 7, "w": 12, "h": 8})),
    "outside-grid": dashboard(PANEL, beside(gridPos={"x": 13, "y": 0, "w": 12, "h": 8})),
    "dead-panel": dashboard({**PANEL, "type": "graph"}),
    "panel-without-unit": dashboard({**PANEL, "fieldConfig": {"defaults": {}}}),
    "panel-without-description": dashboard({**PANEL, "description": ""}),
    "panel-without-datasource": dashboard(asking(datasource={"type": "prometheus", "uid": "P1809F7CD0C75ACF3"})),
    "panel-without-query": dashboard({**PANEL, "targets": []}),
    "duplicate-ref": dashboard({**PANEL, "targets": [TARGET, TARGET]}),
    "fixed-window": dashboard(asking(expr="sum by (pod) (rate(tokens_total[5m]))")),
    "undefined-variable": dashboard(asking(expr='sum by (pod) (running{namespace=~"$namespace"})')),
    "legend-without-label": dashboard(asking(legendFormat="{{model}} {{pod}}")),
    "logs-fixed-window": dashboard(rate_of_lines(f"sum by (level) (rate({OF_MODEL} [5m]))")),
    "logs-in-the-wrong-panel": dashboard(lines(f"rate({OF_MODEL} [$__auto])")),
    "logs-of-everybody": dashboard(lines('{k8s_pod_name=~"$model-.+"}')),
    "traces-without-service": dashboard(traces(service="")),
    "traces-without-limit": dashboard(traces(limit=0)),
}
ALSO = {
    "undefined-variable": [
        dashboard(lines('{k8s_namespace_name="$namespace"}')),
        dashboard(traces(tags="k8s.namespace.name=$namespace")),
    ],
    "logs-in-the-wrong-panel": [dashboard(rate_of_lines(OF_MODEL, ""))],
    "legend-without-label": [dashboard(rate_of_lines(legend="{{pod}}"))],
    "panel-without-datasource": [
        # Of another kind than the variable's, and a query beside its panel's source.
        dashboard({**lines(), "datasource": {"type": "jaeger", "uid": "${logs}"}}),
        dashboard({**PANEL, "datasource": LOKI}),
    ],
}
"""By rule, further mistakes of its kind."""


def rules_of(findings):
    return {finding.split(":")[0] for finding in findings}


@pytest.mark.parametrize("rule", EXPRESSIONS)
def test_a_mistake_in_an_expression_is_found_and_its_twin_is_not(rule):
    wrong, right = EXPRESSIONS[rule]
    assert rule in [found for found, _ in lint_expression(wrong, KNOWN)]
    assert list(lint_expression(right, KNOWN)) == []


@pytest.mark.parametrize("rule", ALERTS)
def test_a_mistake_in_an_alert_is_found(rule):
    assert rules_of(lint_groups([{"name": "g", "rules": [ALERTS[rule]]}], KNOWN)) == {rule}


def test_an_alert_without_mistake_passes():
    assert lint_groups([{"name": "g", "rules": [ALERT]}], KNOWN) == []


def test_a_target_that_vanishes_needs_an_alert_of_its_own():
    down, gone = ({**ALERT, "expr": expr} for expr in ("up == 0", "absent(up)"))
    assert rules_of(lint_groups([{"name": "g", "rules": [down]}], KNOWN)) == {"up-without-absent"}
    assert lint_groups([{"name": "g", "rules": [down, gone]}], KNOWN) == []


@pytest.mark.parametrize("rule", DASHBOARDS)
def test_a_mistake_in_a_dashboard_is_found(rule):
    assert rules_of(lint_dashboard(DASHBOARDS[rule], KNOWN)) == {rule}


@pytest.mark.parametrize(("rule", "wrong"), [(rule, one) for rule, some in ALSO.items() for one in some])
def test_so_is_the_same_mistake_elsewhere(rule, wrong):
    assert rules_of(lint_dashboard(wrong, KNOWN)) == {rule}


@pytest.mark.parametrize("panel", [rate_of_lines(), lines(), traces(), traces(tags="error=true", minDuration="5s")])
def test_questions_to_other_stores_without_mistake_pass(panel):
    assert lint_dashboard(dashboard(panel, beside()), KNOWN) == []


def test_a_dashboard_without_mistake_passes():
    assert lint_dashboard(dashboard(PANEL, beside()), KNOWN) == []


def test_a_range_as_wide_as_the_picture_is_a_fixed_window_too():
    wide = asking(expr="sum by (pod) (increase(tokens_total[$__range]))")
    assert rules_of(lint_dashboard(dashboard(wide), KNOWN)) == {"fixed-window"}


def test_sums_are_quantile_averages_wherever_the_quantile_is_computed():
    nested = "sum(histogram_quantile(0.9, sum by (le, pod) (rate(wait_seconds_bucket[5m]))))"
    assert [rule for rule, _ in lint_expression(nested, KNOWN)] == ["average-of-quantiles"]
