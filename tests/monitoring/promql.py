"""What is read out of a parsed PromQL expression."""

from collections.abc import Iterator, Sequence
from typing import Any

import promql_parser as parser

COUNTING = ("rate", "irate", "increase", "resets")
"""Functions that take counters and handle their restarts."""

_FOLDED = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
}


def children(node: Any) -> Sequence[Any]:
    """The expressions directly inside one."""
    if isinstance(node, parser.BinaryExpr):
        return (node.lhs, node.rhs)
    if isinstance(node, parser.Call):
        return tuple(node.args)
    if isinstance(node, parser.MatrixSelector):
        return (node.vector_selector,)
    inner = getattr(node, "expr", None)
    return () if inner is None else (inner,)


def walk(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every expression, with those that it stands in, the outermost first."""
    yield node, above
    for child in children(node):
        yield from walk(child, (*above, node))


def bare(node: Any) -> Any:
    """An expression without the parentheses around it."""
    while isinstance(node, parser.ParenExpr):
        node = node.expr
    return node


def constant(node: Any) -> float | None:
    """The value of an expression of numbers alone."""
    node = bare(node)
    if isinstance(node, parser.NumberLiteral):
        return float(node.val)
    if isinstance(node, parser.BinaryExpr) and str(node.op) in _FOLDED:
        left, right = constant(node.lhs), constant(node.rhs)
        return None if left is None or right is None else _FOLDED[str(node.op)](left, right)
    return None


def name_of(selector: Any) -> str | None:
    """The metric that a selector names; None where it names none, or by a pattern."""
    if selector.name:
        return str(selector.name)
    exact = parser.MatchOp.Equal
    named = [m.value for m in selector.matchers.matchers if m.name == "__name__" and m.op == exact]
    return named[0] if named else None


def selectors(node: Any) -> list[Any]:
    """All vector selectors of an expression."""
    return [one for one, _ in walk(node) if isinstance(one, parser.VectorSelector)]


def kept_labels(node: Any) -> list[str] | None:
    """The labels that an outermost aggregation keeps; None where there is none, or it names those that go."""
    node = bare(node)
    if not isinstance(node, parser.AggregateExpr) or str(node.op) in ("topk", "bottomk"):
        return None
    if node.modifier is None:
        return []
    return list(node.modifier.labels) if node.modifier.type == parser.AggModifierType.By else None
