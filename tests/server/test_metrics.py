"""The server's metrics, as Prometheus scrapes them."""

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from blueprint.metrics import SERVER_METRICS, emitted
from tests.server.own_python import ROOT, needs_server, run

pytestmark = needs_server


@pytest.fixture(scope="module")
def scrapes() -> Mapping[str, Any]:
    return run("scrape.py")[0]


def value(scrape: Any, name: str, **labels: str) -> float:
    """Of the one series with these labels beside its model."""
    found = [
        number
        for family in scrape
        for sample, own, number in family["samples"]
        if sample == name and {key: text for key, text in own.items() if key != "model"} == labels
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def test_they_are_those_of_the_registry(scrapes):
    """Name, type, labels and buckets; dashboards and alerts are written from the registry."""
    registered = {metric.name: metric for metric in SERVER_METRICS}
    # The parser takes _total off a counter's name.
    found = {family["name"] + ("_total" if family["type"] == "counter" else ""): family for family in scrapes["unused"]}
    assert found.keys() == registered.keys()
    for name, family in found.items():
        metric = registered[name]
        assert family["type"] == metric.type, name
        labels = {tuple(sorted(own.keys() - {"le"})) for _, own, _ in family["samples"]}
        assert labels == ({tuple(sorted(metric.labels))} if family["samples"] else set()), name
        bounds = [own["le"] for sample, own, _ in family["samples"] if sample.endswith("_bucket")]
        assert [float(bound) for bound in bounds[:-1]] == list(metric.buckets), name
        assert bounds[-1:] == (["+Inf"] if metric.type == "histogram" else []), name


def test_only_gpu_memory_waits_for_its_first_series(scrapes):
    """A rate does not see the first error of a series that is born with it."""
    assert [family["name"] for family in scrapes["unused"] if not family["samples"]] == ["llm_gpu_memory_bytes"]
    for status in ("ok", "invalid", "unauthorized", "rejected", "cancelled", "timeout", "error"):
        assert value(scrapes["unused"], "llm_requests_total", status=status) == 0


def test_the_registry_names_the_servers_version():
    version = tomllib.loads((ROOT / "server/pyproject.toml").read_text())["project"]["version"]
    assert {one for metric in SERVER_METRICS for one in metric.versions} == {version}


def test_nothing_is_assumed_of_a_foreign_image():
    assert not emitted("custom", None)


def test_the_latency_has_the_boundaries_that_goals_are_set_on():
    (latency,) = (metric for metric in SERVER_METRICS if metric.meaning == "request_latency")
    assert {0.1, 0.5, 1, 2, 5, 10, 30} <= set(latency.buckets)


def test_while_requests_run_the_engine_is_believed(scrapes):
    assert value(scrapes["busy"], "llm_requests_waiting") == 3
    assert value(scrapes["busy"], "llm_requests_running") == 4
    assert value(scrapes["busy"], "llm_kv_cache_usage_ratio") == 0.5
    assert value(scrapes["busy"], "llm_batch_size_sum") == 2
    assert value(scrapes["busy"], "llm_batch_size_count") == 1


def test_the_engine_tells_what_it_holds_of_each_gpu(scrapes):
    assert value(scrapes["busy"], "llm_gpu_memory_bytes", gpu_id="0") == 5_000
    assert value(scrapes["busy"], "llm_gpu_memory_bytes", gpu_id="1") == 6_000


def test_tokens_count_as_they_are_made(scrapes):
    assert value(scrapes["busy"], "llm_tokens_total", type="prompt") == 5
    assert value(scrapes["busy"], "llm_tokens_total", type="completion") == 4
    assert value(scrapes["busy"], "llm_time_to_first_token_seconds_count") == 1
    assert value(scrapes["busy"], "llm_inter_token_latency_seconds_count") == 3
    assert value(scrapes["busy"], "llm_request_latency_seconds_count") == 0


def test_an_idle_engine_that_makes_no_step_has_no_load(scrapes):
    """Its last word was 4 running: a scaler would keep the replica for ever."""
    for name in ("llm_requests_waiting", "llm_requests_running", "llm_kv_cache_usage_ratio"):
        assert value(scrapes["ended"], name) == 0


def test_every_request_ends_once(scrapes):
    for status in ("ok", "invalid", "unauthorized", "rejected", "cancelled", "timeout", "error"):
        assert value(scrapes["ended"], "llm_requests_total", status=status) == 1


def test_latency_is_of_requests_that_the_server_took_and_had_to_finish(scrapes):
    """ok, timeout and error: what was turned away at once would make it look fast."""
    assert value(scrapes["ended"], "llm_request_latency_seconds_count") == 3


def test_who_left_or_failed_before_a_token_had_no_prompt_read(scrapes):
    assert value(scrapes["ended"], "llm_tokens_total", type="prompt") == 5
    assert value(scrapes["ended"], "llm_tokens_total", type="completion") == 4
    assert value(scrapes["ended"], "llm_queue_seconds_count") == 2


def test_threads_lose_no_count(scrapes):
    assert value(scrapes["crowd"], "llm_requests_total", status="ok") == 1 + 8 * 50
    assert value(scrapes["crowd"], "llm_tokens_total", type="completion") == 4 + 8 * 50 * 4
    assert value(scrapes["crowd"], "llm_requests_total", status="cancelled") == 2
    assert value(scrapes["crowd"], "llm_requests_running") == 0


def test_no_metric_holds_text(scrapes):
    assert "secret" not in str(scrapes)
