"""The scalers' queries, asked of a real Prometheus engine over series as a PodMonitor's scrape labels them."""

import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml

from blueprint.engines import VLLM_VERSIONS
from blueprint.metrics import METRICS, adapter, emitted
from blueprint.metrics.queries import full_pods, selector, total
from blueprint.scaling import NEEDS
from blueprint.settings.scaling import EngineSignal
from tests.prometheus import needs_promtool

# By meaning, what two pods of the model m report, the second in two shards: 3 + 5 + 7 requests run.
VALUES = {
    "requests_running": (3, 5, 7),
    "requests_waiting": (1, 0, 2),
    "requests_waiting_for_capacity": (1, 0, 1),
    "kv_cache_usage": (0.5, 0.25, 0.75),
}
TOTALS = {"inFlight": 18, "waiting": 2, "kvCache": 1.25}
BY_POD = {"inFlight": (4, 14), "waiting": (1, 1), "kvCache": (0.5, 0.75)}


def scraped(monitor: str, pod: str, namespace: str = "llm", endpoint: str = "http") -> dict[str, str]:
    """Labels that the Prometheus operator's configuration gives the targets of a PodMonitor."""
    labels = {"namespace": namespace, "container": "engine", "pod": pod, "job": f"{namespace}/{monitor}"}
    return {**labels, "endpoint": endpoint, "instance": "10.0.0.7:8000"}


def recorded(engine: str, version: str) -> list[dict[str, Any]]:
    """All series of two pods of m, and those that must not count: other models, namespaces, jobs and reasons."""
    series = []

    def add(metric: Any, scrape: Mapping[str, str], shard: str, value: float, **labels: str) -> None:
        own = dict.fromkeys(metric.labels, "0") | {"model_name": "m"} | dict(metric.where) | labels
        own |= {metric.shard: shard} if metric.shard else {}
        written = ",".join(f'{key}="{text}"' for key, text in {**own, **scrape}.items())
        series.append({"series": f"{metric.name}{{{written}}}", "values": f"{value}+0x10"})

    seen: set[str] = set()
    for meaning, metric in emitted(engine, version).items():
        if metric.name in seen or meaning not in VALUES:
            continue  # two meanings of one metric, or one that no scaler asks for
        seen.add(metric.name)
        first, second, third = VALUES[meaning]
        add(metric, scraped("m", "m-1"), "0", first)
        if metric.shard:
            add(metric, scraped("m", "m-2"), "0", second)
            add(metric, scraped("m", "m-2"), "1", third)
        else:
            add(metric, scraped("m", "m-2"), "", second + third)
        for repeated in set(metric.labels) - {"model_name", metric.shard, *metric.where}:
            add(metric, scraped("m", "m-2"), "1", third, **{repeated: "1"})
        add(metric, scraped("other", "other-1"), "0", 1000)
        add(metric, scraped("m", "m-1", namespace="elsewhere"), "0", 1000)
        add(metric, scraped("router", "router-1"), "0", 1000)
        for key in metric.where:
            add(metric, scraped("m", "m-1"), "0", 1000, **{key: "another"})
    return series


def evaluate(tmp_path: Any, series: Sequence[Any], expected: Mapping[str, Sequence[tuple[str, float]]]) -> None:
    """Let promtool compare each query's whole answer: labels, values and number of elements."""
    tests = [
        {"expr": query, "eval_time": "5m", "exp_samples": [{"labels": at, "value": value} for at, value in samples]}
        for query, samples in expected.items()
    ]
    path = tmp_path / "test.yaml"
    path.write_text(
        yaml.safe_dump({"tests": [{"interval": "1m", "input_series": list(series), "promql_expr_test": tests}]})
    )
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


SAME = {
    (engine, tuple(sorted(metric.name for metric in emitted(engine, version).values()))): (engine, version)
    for engine, known in METRICS.items()
    for one in known
    for version in one.versions
}
ENGINES = sorted(SAME.values())
"""One version of those of an engine that have the same metrics."""


def signals(engine: str, version: str) -> list[EngineSignal]:
    """Those that the version's metrics make."""
    return [signal for signal, needed in NEEDS.items() if set(needed) <= emitted(engine, version).keys()]


def scaler_query(engine: str, version: str, signal: EngineSignal) -> str:
    metrics = [emitted(engine, version)[meaning] for meaning in NEEDS[signal]]
    labels = selector("llm", "m")
    return full_pods(metrics[0], labels) if signal == "kvCache" else total(metrics, labels)


@needs_promtool
@pytest.mark.parametrize(("engine", "version"), ENGINES)
def test_each_query_gives_one_number_of_this_model_alone(tmp_path, engine, version):
    values = totals(engine, version)
    queries = {scaler_query(engine, version, signal): values[signal] for signal in signals(engine, version)}
    evaluate(tmp_path, recorded(engine, version), {query: [("{}", value)] for query, value in queries.items()})


def totals(engine: str, version: str) -> dict[str, float]:
    """Where an engine does not say why requests wait, all of them count."""
    known = emitted(engine, version)
    same = known["requests_waiting_for_capacity"].name == known["requests_waiting"].name
    return {**TOTALS, **({"waiting": 3} if same else {})}


@needs_promtool
@pytest.mark.parametrize(("engine", "version"), ENGINES)
def test_without_a_scraped_pod_no_query_gives_a_number(tmp_path, engine, version):
    """A zero would look like no load; nothing is an error, and the scaler falls back."""
    others = [one for one in recorded(engine, version) if 'job="llm/m"' not in one["series"]]
    assert others
    evaluate(tmp_path, others, {scaler_query(engine, version, signal): [] for signal in signals(engine, version)})


@needs_promtool
@pytest.mark.parametrize(("engine", "version"), ENGINES)
def test_the_adapter_gives_each_pod_its_own_number(tmp_path, engine, version):
    """Its template filled in as the adapter does, for the pods that the scaler names."""
    expected = {}
    by_pod = {**BY_POD, **({"waiting": (1, 2)} if totals(engine, version)["waiting"] == 3 else {})}
    for signal in signals(engine, version):
        first, second = by_pod[signal]
        rule = adapter.rule(engine, signal, [emitted(engine, version)[meaning] for meaning in NEEDS[signal]])
        query = rule["metricsQuery"].replace("<<.LabelMatchers>>", 'namespace="llm",pod=~"m-1|m-2"')
        query = query.replace("<<.GroupBy>>", "pod")
        expected[query] = [('{pod="m-1"}', first), ('{pod="m-2"}', second)]
    evaluate(tmp_path, recorded(engine, version), expected)


def test_every_registered_version_emits_every_signal():
    """A version whose metrics nobody looked up would not scale; this is where one notices."""
    for version in VLLM_VERSIONS:
        assert {meaning for needed in NEEDS.values() for meaning in needed} <= emitted("vllm", version).keys()


def test_names_of_custom_metrics_fit_into_a_path():
    for engine in METRICS:
        for signal in NEEDS:
            assert ":" not in adapter.metric_name(engine, signal)
