"""Mistakes of PromQL expressions that parse and load, and tell the wrong thing or nothing."""

import re
from collections.abc import Iterator
from typing import Any

import promql_parser as parser

from tests.monitoring.known import Known
from tests.monitoring.promql import COUNTING, bare, constant, kept_labels, name_of, selectors, walk

# What Grafana puts in for its own variables, as ranges that nobody writes.
RATE_INTERVAL = "4m7s"
_GRAFANA = {"$__rate_interval": RATE_INTERVAL, "$__interval": "4m9s", "$__range": "4m11s"}

_COUNTER_ENDS = ("_total", "_bucket", "_sum", "_count")
# Of these, only whether there is a series counts.
_PRESENCE = ("absent", "absent_over_time", "present_over_time", "changes", "timestamp")
_QUANTILE = re.compile(r":p\d+(_|$)")

Finding = tuple[str, str]
"""The rule that is broken, and how."""


def parsed(expr: str) -> Any:
    """An expression of a rule or a panel. Raises ValueError when it is none."""
    for variable, value in _GRAFANA.items():
        expr = expr.replace(variable, value)
    return parser.parse(expr)


def lint_expression(expr: str, known: Known) -> Iterator[Finding]:
    """What is wrong with an expression of a rule or a panel."""
    try:
        tree = parsed(expr)
    except ValueError as error:
        yield "syntax", str(error)
        return
    for node, above in walk(tree):
        if isinstance(node, parser.VectorSelector):
            yield from _selector(node, above, known)
        elif isinstance(node, parser.Call) and node.func.name == "histogram_quantile":
            yield from _histogram_quantile(node)
        elif isinstance(node, parser.AggregateExpr) and str(node.op) in ("avg", "sum"):
            yield from _average(node)
        elif isinstance(node, parser.BinaryExpr):
            yield from _ratio(node)
            yield from _never(node)


def fixed_windows(expr: str) -> Iterator[Finding]:
    """Ranges in a panel that do not follow the time range and the scrape interval."""
    allowed = parser.parse_duration(RATE_INTERVAL)
    for node, _ in walk(parsed(expr)):
        if isinstance(node, parser.MatrixSelector | parser.SubqueryExpr) and node.range != allowed:
            yield "fixed-window", f"{expr}: a range other than $__rate_interval"


def _selector(node: Any, above: tuple[Any, ...], known: Known) -> Iterator[Finding]:
    name = name_of(node)
    if name is None:
        yield "name-by-pattern", f"{node}: takes in names that nobody knows yet"
        return
    kind = known.types.get(name)
    if kind is None:
        yield "unknown-name", f"{name} is neither recorded nor in the registry of metrics"
    calls = [one.func.name for one in above if isinstance(one, parser.Call)]
    counted = any(call in COUNTING for call in calls)
    if counted and kind == "gauge":
        yield "rate-of-gauge", f"rate of {name}, which goes up and down"
    if counted and kind is None and not name.endswith(_COUNTER_ENDS):
        yield "rate-without-suffix", f"rate of {name}, whose name is no counter's"
    if kind == "counter" and not counted and not any(call in _PRESENCE for call in calls):
        yield "counter-without-rate", f"{name} counts since the process started"
    for matcher in node.matchers.matchers:
        if matcher.name == "le" and name in known.buckets:
            # Python writes 1.0, Go 1, and Prometheus 3 makes them one.
            spelled = ["+Inf", *(text for bound in known.buckets[name] for text in (f"{bound:g}", str(float(bound))))]
            for text in matcher.value.split("|"):
                if not any(re.fullmatch(text, one) for one in spelled):
                    yield "le-without-bucket", f"{name} has no bucket up to {text}"


def _histogram_quantile(node: Any) -> Iterator[Finding]:
    kept = kept_labels(node.args[1])
    if kept is not None and "le" not in kept:
        yield "quantile-without-le", f"{node.prettify()}: the sum has no buckets left"


def _average(node: Any) -> Iterator[Finding]:
    names = [name_of(one) or "" for one in selectors(node.expr)]
    computed = [one for one, _ in walk(node.expr) if isinstance(one, parser.Call)]
    if any(_QUANTILE.search(name) for name in names) or any(one.func.name == "histogram_quantile" for one in computed):
        yield "average-of-quantiles", f"{node.prettify()}: no quantile of all together"


def _ratio(node: Any) -> Iterator[Finding]:
    below = bare(node.rhs)
    if str(node.op) != "/" or not selectors(below):
        return
    guarded = isinstance(below, parser.BinaryExpr) and str(below.op) == ">" and (constant(below.rhs) or 0) >= 0
    if not guarded:
        yield "ratio-without-floor", f"{node.prettify()}: 0 / 0 where nothing happens; divide by (... > 0)"


def _never(node: Any) -> Iterator[Finding]:
    names = [name_of(one) or "" for one in selectors(node.lhs)]
    bound = constant(node.rhs)
    whole = isinstance(bare(node.lhs), parser.VectorSelector)
    if str(node.op) in (">", ">=") and whole and bound is not None and bound >= 1 and ":ratio" in names[0]:
        yield "cannot-fire", f"{node.prettify()}: a share is never above {bound:g}"
