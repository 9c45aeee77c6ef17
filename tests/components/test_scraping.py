"""What a real Prometheus stores of an engine that is scraped as the rendered PodMonitor says."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app

from blueprint.metrics import METRICS, emitted
from tests.prometheus import Prometheus, needs_prometheus, prometheus
from tests.support import lab_config, manifests

CLASSES = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}


def monitor(engine: str) -> dict[str, Any]:
    """The spec of the PodMonitor that the program renders for a model of this engine."""
    config = lab_config({"m": {"engine": {"name": engine}}}, monitoring={"mode": "operator"})
    spec: dict[str, Any] = manifests(config)["PodMonitor/m"]["spec"]
    return spec


def test_sglang_is_asked_for_the_text_that_keeps_colons():
    assert monitor("sglang")["scrapeProtocols"] == ["PrometheusText0.0.4"]
    assert "scrapeProtocols" not in monitor("vllm")


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def engine_of(name: str) -> Iterator[int]:
    """What an engine of this kind serves, by the library and the application that SGLang serves it with; its port."""
    registry = CollectorRegistry()
    (version,) = {version for metric in METRICS[name] for version in metric.versions}
    for metric in {metric.name: metric for metric in emitted(name, version).values()}.values():
        CLASSES[metric.type](metric.name, "x", metric.labels, registry=registry).labels(*metric.labels)
    with make_server("127.0.0.1", 0, make_wsgi_app(registry), handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


OPERATORS = {"namespace": "llm", "pod": "m-1", "container": "engine", "endpoint": "http"}
"""What the operator labels a target with."""


@contextmanager
def scraping(folder: Path, target: int, relabelings: list[dict[str, Any]]) -> Iterator[Prometheus]:
    """A Prometheus with what the operator makes of an endpoint's metricRelabelings."""
    keys = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    job = {
        "job_name": "llm/m",
        "scrape_interval": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{target}"], "labels": OPERATORS}],
        "metric_relabel_configs": [{keys.get(key, key): step[key] for key in step} for step in relabelings],
    }
    with prometheus(folder, {"scrape_configs": [job]}) as server:
        yield server


def stored(server: Prometheus) -> set[str]:
    """The names of all series, once the target was scraped."""

    def names() -> set[str]:
        found = set(server.ask("label/__name__/values"))
        return found if "up" in found else set()

    return server.wait(names)


@needs_prometheus
def test_sglangs_names_arrive_as_the_registry_has_them(tmp_path):
    """Debian's Prometheus 2.42 asks for OpenMetrics and knows no scrape protocols: only the relabeling helps it."""
    (endpoint,) = monitor("sglang")["podMetricsEndpoints"]
    version = "0.5.23"
    wanted = {name for metric in emitted("sglang", version).values() for name in metric.series}
    with engine_of("sglang") as port, scraping(tmp_path, port, endpoint["metricRelabelings"]) as server:
        names = stored(server)
    assert {name for name in names if name.startswith("sglang")} == wanted


@needs_prometheus
def test_without_the_relabeling_they_would_not(tmp_path):
    """What the rule is for: should this fail, it is needed no more."""
    with engine_of("sglang") as port, scraping(tmp_path, port, []) as server:
        names = stored(server)
    assert "sglang_num_queue_reqs" in names
    assert "sglang:num_queue_reqs" not in names
    assert any(name.endswith("_created") for name in names)


@needs_prometheus
def test_labels_of_sglang_that_the_operator_gives_targets_too_keep_their_values(tmp_path):
    """The paths of its answers are in a label called endpoint, which the operator's hides."""
    (endpoint,) = monitor("sglang")["podMetricsEndpoints"]
    labels = {name: metric.labels for metric in emitted("sglang", "0.5.23").values() for name in metric.series}
    with engine_of("sglang") as port, scraping(tmp_path, port, endpoint["metricRelabelings"]) as server:
        stored(server)
        found = server.ask("series", **{"match[]": '{__name__=~"sglang.+"}'})
    assert {series["__name__"] for series in found} == labels.keys()
    for series in found:
        # Each label has its own name for a value here.
        assert {label: series[label] for label in labels[series["__name__"]]} == {
            label: label for label in labels[series["__name__"]]
        }
        assert not [label for label in series if label.startswith("exported_")]
