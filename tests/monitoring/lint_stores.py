"""Mistakes of questions to Loki and Jaeger that are answered, with too much, with nothing, or in the wrong panel.

Whether it is LogQL at all Loki's own parser says: tests/monitoring/test_logql.py.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_RANGE = re.compile(r"\[([^\]]+)\]\s*\)")
_SELECTOR = re.compile(r"\{(?P<matchers>(?:[^\"{}]|\"(?:[^\"\\]|\\.)*\")*)\}")
_BY = re.compile(r"\bby\s*\(([^)]*)\)")
_LEGEND_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")

Finding = tuple[str, str]


def lint_logs(expr: str, legend: str, panel: str) -> Iterator[Finding]:
    """What is wrong with a question to Loki. panel: the type of the panel that shows the answer."""
    windows = _RANGE.findall(expr)
    if any(window != "$__auto" for window in windows):
        yield "logs-fixed-window", f"{expr}: a range other than $__auto"
    if (panel == "logs") == bool(windows):
        yield "logs-in-the-wrong-panel", f"{expr}: {'numbers' if windows else 'lines'} in a panel {panel}"
    selectors = [found["matchers"] for found in _SELECTOR.finditer(expr)]
    if not any("k8s_namespace_name=" in one for one in selectors):
        yield "logs-of-everybody", f"{expr}: names no namespace"
    kept = [label.strip() for labels in _BY.findall(expr)[:1] for label in labels.split(",")]
    for label in _LEGEND_LABEL.findall(legend):
        if label not in kept:
            yield "legend-without-label", f"{legend}: {label} is aggregated away"


def lint_traces(target: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with a question to Jaeger."""
    if target.get("queryType") == "search" and not target.get("service"):
        yield "traces-without-service", "Jaeger answers no search without a service"
    if target.get("queryType") == "search" and not target.get("limit"):
        yield "traces-without-limit", "whole traces are fetched, however many there are"
