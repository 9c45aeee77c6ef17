"""The linter of rules and dashboards. Each function gives findings as lines: rule, place, what is wrong."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import promql_parser as parser

from tests.monitoring.known import Known
from tests.monitoring.lint_expressions import fixed_windows, lint_expression, parsed
from tests.monitoring.lint_stores import lint_logs, lint_traces
from tests.monitoring.promql import kept_labels, name_of, walk

LIVING = ("timeseries", "stat", "gauge", "bargauge", "table", "heatmap", "state-timeline", "logs", "row", "text")
"""Panel types here; graph, singlestat, table-old and others of Angular's time are gone since Grafana 12."""

_WITHOUT_QUERY = ("row", "text")
_COLUMNS = 24
_VARIABLE = re.compile(r"\$\{?([a-z]\w*)")
_LEGEND_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def lint_groups(groups: Sequence[Mapping[str, Any]], known: Known) -> list[str]:
    """What is wrong with the groups of a PrometheusRule."""
    found = [
        f"{rule}: {group['name']}/{one.get('alert') or one.get('record')}: {problem}"
        for group in groups
        for one in group["rules"]
        for rule, problem in (*lint_expression(str(one["expr"]), known), *_alert(one))
    ]
    if not any(line.startswith("syntax:") for line in found):
        found += [f"{rule}: {problem}" for rule, problem in _vanished(groups)]
    return found


def lint_dashboard(model: Mapping[str, Any], known: Known) -> list[str]:
    """What is wrong with a dashboard as Grafana reads it."""
    variables = {one["name"]: one for one in model["templating"]["list"]}
    sources = {f"${{{name}}}": one["query"] for name, one in variables.items() if one["type"] == "datasource"}
    found = [*_layout(model["panels"])]
    for panel in model["panels"]:
        problems = [*_panel(panel, sources)]
        for target in panel.get("targets", ()):
            problems += _target(target, panel["type"], known, set(variables))
        found += [(rule, f"{panel.get('title')}: {problem}") for rule, problem in problems]
    return [f"{rule}: {model['uid']}/{problem}" for rule, problem in found]


def _alert(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "alert" not in rule:
        return
    labels, annotations = rule.get("labels", {}), rule.get("annotations", {})
    given = {"for": rule, "severity": labels, "summary": annotations, "runbook_url": annotations}
    for key, place in given.items():
        if not place.get(key):
            yield f"alert-without-{key.replace('_', '-')}", f"says no {key}"
    for key, text in labels.items():
        if "$value" in str(text):
            yield "value-in-labels", f"{key} changes with the value: each value is an alert of its own"


def _vanished(groups: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    alerts = [parsed(str(one["expr"])) for group in groups for one in group["rules"] if "alert" in one]
    nodes = [node for alert in alerts for node, _ in walk(alert)]
    called = {node.func.name for node in nodes if isinstance(node, parser.Call)}
    asked = {name_of(node) for node in nodes if isinstance(node, parser.VectorSelector)}
    if "up" in asked and "absent" not in called:
        yield "up-without-absent", "a target that is not discovered any more has no series of up, and no alert"


def _panel(panel: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if panel["type"] not in LIVING:
        yield "dead-panel", f"Grafana has no panel {panel['type']}"
    if panel["type"] in _WITHOUT_QUERY:
        return
    if not panel.get("description"):
        yield "panel-without-description", "says not what it shows"
    if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
        yield "panel-without-unit", "says not in what"
    asked = [panel, *panel.get("targets", ())]
    named = [one.get("datasource", {}) for one in asked]
    if any(sources.get(one.get("uid", "")) != one.get("type") for one in named) or len({*map(str, named)}) > 1:
        yield "panel-without-datasource", "asks another data source than the one that is chosen"
    refs = [target["refId"] for target in panel.get("targets", ())]
    if len(set(refs)) < len(refs):
        yield "duplicate-ref", f"queries are called {', '.join(refs)}"
    if not refs:
        yield "panel-without-query", "asks nothing"


def _target(target: Mapping[str, Any], panel: str, known: Known, variables: set[str]) -> list[tuple[str, str]]:
    kind = target.get("datasource", {}).get("type")
    texts = [str(target[key]) for key in ("expr", "service", "tags") if key in target]
    undefined = {name for text in texts for name in _VARIABLE.findall(text)} - variables
    found = [("undefined-variable", f"${name} is no variable of the dashboard") for name in sorted(undefined)]
    if kind == "jaeger":
        return [*found, *lint_traces(target)]
    expr, legend = target["expr"], target.get("legendFormat", "")
    if kind == "loki":
        return [*found, *lint_logs(expr, legend, panel)]
    problems = list(lint_expression(expr, known))
    if any(rule == "syntax" for rule, _ in problems):
        return problems
    kept = kept_labels(parsed(expr))
    lost = [] if kept is None else [label for label in _LEGEND_LABEL.findall(legend) if label not in kept]
    without = [("legend-without-label", f"{legend}: {label} is aggregated away") for label in lost]
    return [*problems, *fixed_windows(expr), *found, *without]


def _layout(panels: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    ids = [panel["id"] for panel in panels]
    for number in sorted({one for one in ids if ids.count(one) > 1}):
        yield "duplicate-id", f"{ids.count(number)} panels have the id {number}"
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        at = panel["gridPos"]
        if at["x"] + at["w"] > _COLUMNS:
            yield "outside-grid", f"{panel['title']} ends in column {at['x'] + at['w']} of {_COLUMNS}"
        cells = [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
        for below in sorted({taken[cell] for cell in cells if cell in taken}):
            yield "overlap", f"{panel['title']} lies on {below}"
        taken |= dict.fromkeys(cells, panel["title"])
