"""What an engine says about its load: the registry's metrics of its version, in Prometheus' text format."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from blueprint.metrics import Meaning, Metric
from lab.dataplane.load import Finish, Kind, Load, Totals

Labels = tuple[tuple[str, str], ...]

_FROM_THE_START = frozenset({"custom", "vllm"})
"""Engines that have a series before its first event, and count tokens as they are made: the others do with the end."""

_ALONE = {
    "engine": "0",
    "engine_type": "unified",
    "tp_rank": "0",
    "pp_rank": "0",
    "moe_ep_rank": "0",
    "dp_rank": "",
    "priority": "",
    "cache_source": "device",
}
"""Labels of an engine without parallelism and priorities; an empty one is to Prometheus none."""

_STATUS: Mapping[Finish, str] = {"stop": "ok", "length": "ok", "abort": "cancelled"}
_BY_FINISH: Mapping[Finish, Mapping[str, str]] = {
    # Before its 0.13.0 vLLM says of its own errors, too, that they were aborted.
    "error": {"status": "error", "status_code": "500", "err": "generation"},
    "rejected": {"status": "rejected", "status_code": "503", "err": "overloaded", "reason": "max_num_queued_reqs"},
}
"""Labels of requests that failed or were turned away, in the words of the engines that count them."""


def exposition(load: Load) -> str:
    """The text that a Prometheus reads; nothing for an engine of which no metric is known."""
    by_name: dict[str, list[Metric]] = {}
    for metric in load.metrics.values():
        by_name.setdefault(metric.family or metric.name, []).append(metric)
    lines: list[str] = []
    for name, metrics in by_name.items():
        kind = "histogram" if metrics[0].family else metrics[0].type
        lines += [f"# HELP {name} {metrics[0].meaning}", f"# TYPE {name} {kind}"]
        series: dict[tuple[str, Labels], float] = {}
        for metric in metrics:
            for at, labels, value in _series(load, metric):
                series.setdefault((at, labels), value)
        lines += [f"{at}{_braces(labels)} {value}" for (at, labels), value in series.items()]
    return "".join(f"{line}\n" for line in lines)


def _series(load: Load, metric: Metric) -> Iterator[tuple[str, Labels, float]]:
    if metric.meaning == "gpu_memory":
        for gpu, used in load.gpu_bytes.items():
            yield metric.name, (("gpu_id", gpu),), used
    elif metric.type == "gauge":
        for labels in _selected(load, metric):
            yield metric.name, labels, _gauge(load, metric.meaning)
    elif metric.type == "histogram":
        yield from _histogram(load, metric)
    elif metric.family:
        yield from _sum_of_histogram(load, metric)
    else:
        yield from _counter(load, metric)


def _gauge(load: Load, meaning: Meaning) -> float:
    if meaning == "kv_cache_usage":
        return load.kv_usage
    return load.requests_running if meaning == "requests_running" else load.requests_waiting


def _counter(load: Load, metric: Metric) -> Iterator[tuple[str, Labels, float]]:
    counted: dict[Labels, float] = {}
    if load.engine in _FROM_THE_START:
        of_ends = (_labels(load, metric, {"finished_reason": finish, "status": _STATUS[finish]}) for finish in _STATUS)
        counted = dict.fromkeys((*_selected(load, metric), *filter(None, of_ends)), _amount(metric, load.making))
    if metric.meaning == "preemptions" and (counted or load.preemptions):
        counted = dict.fromkeys(_selected(load, metric), load.preemptions)
    for kind, totals in load.ended.items():
        labels = _labels(load, metric, _of_kind(load, kind)) if _tells(metric, kind) else None
        amount = _amount(metric, totals)
        if labels is not None and amount:
            counted[labels] = counted.get(labels, 0) + amount
    for labels, value in counted.items():
        yield metric.name, labels, value


def _tells(metric: Metric, kind: Kind) -> bool:
    """Whether a metric counts requests that ended so; one may have all ends, by label."""
    rejected = kind.finish == "rejected"
    if "reason" in metric.labels:
        return rejected
    if "err" in metric.labels:
        return kind.finish in _BY_FINISH
    return not rejected or not (metric.meaning == "requests_ended" or "finished_reason" in metric.labels)


def _amount(metric: Metric, totals: Totals) -> float:
    """What requests add."""
    match metric.meaning:
        case "prompt_tokens" | "prefix_cache_queries":
            return totals.prompt_tokens
        case "generation_tokens":
            return totals.generation_tokens
        case "prefix_cache_hits":
            return totals.cached_tokens
        case "requests_ended" | "requests_failed" | "requests_rejected":
            return totals.requests
    return 0


def _histogram(load: Load, metric: Metric) -> Iterator[tuple[str, Labels, float]]:
    split = "is_streaming" in metric.labels
    for streamed in (True, False) if split else (None,):
        of_kind = {} if streamed is None else {"is_streaming": _word(streamed)}
        labels = _labels(load, metric, of_kind)
        if labels is None:
            continue
        parts = [
            load.observed(metric.meaning, streamed=each, bounds=metric.buckets)
            for each in ((True, False) if streamed is None else (streamed,))
        ]
        counts = [sum(of_parts) for of_parts in zip(*(part.cumulative for part in parts), strict=True)]
        if not counts[-1] and load.engine not in _FROM_THE_START:
            continue
        for bound, count in zip(metric.buckets, counts[:-1], strict=True):
            yield f"{metric.name}_bucket", (*labels, ("le", _bound(load.engine, bound))), count
        yield from _ends(metric.name, labels, sum(part.sum for part in parts), counts[-1])


def _sum_of_histogram(load: Load, metric: Metric) -> Iterator[tuple[str, Labels, float]]:
    """Its buckets are not part of what the counter means; the last one is in every histogram."""
    requests = sum(totals.requests for totals in load.ended.values())
    if requests:
        total = sum(_amount(metric, totals) for totals in load.ended.values())
        yield from _ends(metric.family, (), total, requests)


def _ends(name: str, labels: Labels, total: float, count: int) -> Iterator[tuple[str, Labels, float]]:
    yield f"{name}_bucket", (*labels, ("le", "+Inf")), count
    yield f"{name}_sum", labels, total
    yield f"{name}_count", labels, count


def _of_kind(load: Load, kind: Kind) -> Mapping[str, str]:
    told = kind.finish != "error" or "requests_failed" in load.metrics
    return {
        "finished_reason": kind.finish if told else "abort",
        "status": _STATUS.get(kind.finish, ""),
        "is_streaming": _word(kind.streamed),
        "endpoint": kind.path,
        "method": "POST",
        "status_code": "200",
        **_BY_FINISH.get(kind.finish, {}),
    }


def _selected(load: Load, metric: Metric) -> Iterator[Labels]:
    """The series that the metric selects; none where a label is left open."""
    keys = list(metric.where)
    for values in product(*(_ways(metric.where[key]) for key in keys)):
        labels = _labels(load, metric, dict(zip(keys, values, strict=True)))
        if labels is not None:
            yield labels


def _labels(load: Load, metric: Metric, given: Mapping[str, str]) -> Labels | None:
    """All labels of the metric; None where nothing says the value of one."""
    single = {key: value for key, value in metric.where.items() if isinstance(value, str)}
    known = {"model": load.model, "model_name": load.model, **_ALONE, **single, **given}
    if any(label not in known for label in metric.labels):
        return None
    return tuple((label, known[label]) for label in metric.labels)


def _ways(values: str | tuple[str, ...]) -> Sequence[str]:
    return (values,) if isinstance(values, str) else values


def _word(truth: bool) -> str:
    return "true" if truth else "false"


def _bound(engine: str, bound: float) -> str:
    """As the engine's library writes it: Python's with a point always, Rust's without one where it can."""
    text = str(float(bound))
    return text.removesuffix(".0") if engine == "tgi" else text


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    escaped = ((key, value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")) for key, value in labels)
    return "{" + ",".join(f'{key}="{value}"' for key, value in escaped) + "}"
