"""The metrics that an engine's Python sources define: calls of prometheus_client's classes, with literal arguments."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.engines.sources import Sources

_TYPES = {"gauge", "counter", "histogram"}


@dataclass(frozen=True, kw_only=True)
class Defined:
    """One metric, by the name that is exposed. labels and buckets: None where they are not written out.

    conditions: the tests of the ifs around it, as they are written.
    """

    type: str
    labels: frozenset[str] | None
    buckets: tuple[float, ...] | None
    conditions: tuple[str, ...]

    @property
    def hidden(self) -> bool:
        """Whether vLLM shows it only when asked."""
        return any("show_hidden_metrics" in test for test in self.conditions)


def vllm(sources: Sources) -> Mapping[str, Defined]:
    """Those of the class PrometheusStatLogger."""
    module = ast.parse(sources.text("vllm/v1/metrics/loggers.py"))
    families: dict[str, Any] = {}
    if "vllm/v1/metrics/buckets.py" in sources:
        buckets = ast.parse(sources.text("vllm/v1/metrics/buckets.py"))
        families = _value(_assigned(buckets, "_STATIC_FAMILY_DEFAULTS"), _names(buckets), {})
    return dict(_defined(_class(module, "PrometheusStatLogger"), {}, families))


def sglang(sources: Sources) -> Mapping[str, Defined]:
    """Those of the scheduler, the tokenizer and the HTTP middleware; labels that options bring are among them."""
    module = ast.parse(sources.text("sglang/srt/observability/metrics_collector.py"))
    scheduler = _class(module, "SchedulerMetricsCollector")
    (of_tokenizer,) = (
        node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "tokenizer_metric_labels"
    )
    web = ast.parse(sources.text("sglang/srt/observability/http_request_metrics.py"))
    return {
        **dict(_defined(scheduler, {"labels": _keys(scheduler)}, {})),
        **dict(_defined(_class(module, "TokenizerMetricsCollector"), {"labels": _keys(of_tokenizer)}, {})),
        **dict(_defined(_class(web, "_HttpRequestMetrics"), {}, {})),
    }


def constant(sources: Sources, path: str, name: str) -> Any:
    """The value of a name at the top of a module."""
    return ast.literal_eval(_assigned(ast.parse(sources.text(path)), name))


def _class(module: ast.Module, name: str) -> ast.ClassDef:
    (found,) = (node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name)
    return found


def _defined(scope: ast.AST, known: Mapping[str, Any], families: Mapping[str, Any]) -> Iterator[tuple[str, Defined]]:
    names = _names(scope)
    for call, conditions in _calls(scope, ()):
        arguments = {word.arg: word.value for word in call.keywords}
        kind = _kind(call)
        if kind is None or not isinstance(arguments.get("name"), ast.Constant):
            continue
        name = arguments["name"].value  # type: ignore[attr-defined]
        if kind == "counter" and not name.endswith("_total"):
            name += "_total"  # as prometheus_client does
        labels = _value(arguments["labelnames"], names, known) if "labelnames" in arguments else ()
        yield (
            name,
            Defined(
                type=kind,
                labels=None if labels is None else frozenset(labels),
                buckets=_buckets(arguments.get("buckets"), names, families),
                conditions=conditions,
            ),
        )


def _kind(call: ast.Call) -> str | None:
    named = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    kind = named.strip("_").removesuffix("_cls").lower()
    return kind if kind in _TYPES else None


def _calls(node: ast.AST, conditions: tuple[str, ...]) -> Iterator[tuple[ast.Call, tuple[str, ...]]]:
    if isinstance(node, ast.If):
        test = ast.unparse(node.test)
        for branch, of_branch in ((node.body, test), (node.orelse, f"not ({test})")):
            for child in branch:
                yield from _calls(child, (*conditions, of_branch))
        return
    if isinstance(node, ast.Call):
        yield node, conditions
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, conditions)


def _names(scope: ast.AST) -> Mapping[str, ast.expr]:
    """What is assigned to each name of a scope, the last time."""
    return {
        target.id: node.value
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }


def _assigned(module: ast.Module, name: str) -> ast.expr:
    return _names(module)[name]


def _keys(scope: ast.AST) -> tuple[str, ...]:
    """Keys of the dictionary `labels`: of its literal, and those set one by one."""
    literal: list[str] = []
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign):
            continue
        (target,) = node.targets if len(node.targets) == 1 else (None,)
        if isinstance(target, ast.Name) and target.id == "labels" and isinstance(node.value, ast.Dict):
            literal += [ast.literal_eval(key) for key in node.value.keys if isinstance(key, ast.Constant)]
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and target.value.id == "labels":
            literal += [target.slice.value] if isinstance(target.slice, ast.Constant) else []  # type: ignore[list-item]
    return tuple(dict.fromkeys(literal))


def _value(node: ast.expr, names: Mapping[str, ast.expr], known: Mapping[str, Any]) -> Any:
    """Of literals, names, lists put together, and the keys of a known dictionary; None for what is none of these."""
    value: Any = None
    match node:
        case ast.Constant():
            value = node.value
        case ast.Name(id=name) | ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="keys")) if name in known:
            value = known[name]
        case ast.Name(id=name) if name in names:
            value = _value(names[name], names, known)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            value = _together(elements, names, known)
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            value = {ast.literal_eval(key): _value(each, names, known) for key, each in pairs if key is not None}
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            both = _value(left, names, known), _value(right, names, known)
            value = None if None in both else (*both[0], *both[1])
        case ast.Call(func=ast.Name(id="list"), args=[inner]):
            value = _value(inner, names, known)
    return value


def _together(elements: list[ast.expr], names: Mapping[str, ast.expr], known: Mapping[str, Any]) -> Any:
    parts: list[Any] = []
    for element in elements:
        value = _value(element.value if isinstance(element, ast.Starred) else element, names, known)
        if value is None:
            return None
        parts += value if isinstance(element, ast.Starred) else [value]
    return tuple(parts)


def _buckets(
    node: ast.expr | None, names: Mapping[str, ast.expr], families: Mapping[str, Any]
) -> tuple[float, ...] | None:
    if node is None:
        return None
    if isinstance(node, ast.Name) and node.id in names:
        node = names[node.id]
    match node:
        case ast.Call(func=ast.Name(id="histogram_buckets"), args=[ast.Constant(value=family), *_]):
            return families.get(str(family))
        case _:
            return _value(node, names, {})
