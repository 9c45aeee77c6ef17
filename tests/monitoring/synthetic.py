"""A real Prometheus that scrapes made-up series of everything that dashboards ask for."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from blueprint.metrics import RAW, blackbox, dcgm, endpoints
from blueprint.metrics.queries import matchers
from blueprint.metrics.raw import Raw
from blueprint.monitoring import recorded
from tests.monitoring.known import recorded_names
from tests.prometheus import Prometheus, prometheus

# Model a works; b has replicas and no request. By name, what both have; the default is 1.
VALUES: Mapping[str, tuple[float, float]] = {
    recorded.ENDED: (9, 1),
    recorded.FAILED: (0.1, 0.5),
    recorded.IN_FLIGHT: (12, 0),
    recorded.RUNNING: (8, 0),
    recorded.WAITING: (4, 0),
    recorded.TARGETS: (3, 1),
    recorded.TARGETS_UP: (2, 1),
    recorded.GPUS: (3, 1),
    recorded.COST: (2.4, 0.8),
    recorded.GENERATION_TOKENS: (900, 100),
    recorded.OBJECTIVE: (0.95, 0.99),
    recorded.bad("1h"): (0.1, 0.02),
    recorded.bad("3d"): (0.02, 0.02),
    recorded.first_token("p95"): (0.8, 0.3),
}
_POD = {"pod", "gpu"}
_ADDED: Mapping[str, set[str]] = {
    recorded.KV_CACHE_USAGE: {"pod"},
    recorded.GPU_MEMORY: _POD,
    recorded.GPU_BUSY: _POD,
    recorded.OBJECTIVE: {"sli"},
    recorded.OBJECTIVE_SECONDS: {"sli"},
    **{recorded.bad(window): {"sli"} for window in recorded.WINDOWS},
}
_STATES = {
    "phase": "Pending",
    "condition": "ScalingActive",
    "status": "false",
    "state": "running",
    "hf_namespace": "my-org",
    "gpu": "0",
    "resource": "nvidia_com_gpu",
}
_RAW_VALUES = {
    "DCGM_FI_DEV_FB_USED": 30.0,
    "DCGM_FI_DEV_FB_FREE": 60.0,
    "DCGM_FI_DEV_FB_RESERVED": 10.0,
    endpoints.COST.name: 0.8,
}


def recorded_series(seconds: float) -> str:
    """What rules record of two models."""
    lines = []
    for index, model in enumerate(("a", "b")):
        for name in recorded_names():
            labels = {"namespace", "model", "engine"} | _ADDED.get(name, set())
            slis = ("availability", "ttft", "itl") if "sli" in labels else ("",)
            value = VALUES.get(name, (1, 1))[index]
            lines += [_line(name, labels, {**_known(model, f"{model}-1"), "sli": sli}, value) for sli in slis]
    return "\n".join(lines) + "\n"


def exporters_series(pods: Mapping[str, str], seconds: float) -> str:
    """What all exporters say of models. pods: by model."""
    lines = []
    for model, pod in pods.items():
        for raw in RAW:
            labels = {*raw.labels, *_further(raw)}
            value = seconds if raw.type == "counter" else _RAW_VALUES.get(raw.name, 1)
            lines.append(_line(raw.name, labels, _known(model, pod), value))
    return "\n".join(lines) + "\n"


def _further(raw: Raw) -> Sequence[str]:
    """Labels that it has beside those of the registry, and that queries name."""
    if raw in dcgm.METRICS:
        return ("Hostname",)
    return ("job",) if raw in blackbox.METRICS else ()


def _known(model: str, pod: str) -> Mapping[str, str]:
    return {
        **_STATES,
        "namespace": "llm",
        "model": model,
        "engine": "vllm",
        "pod": pod,
        "Hostname": f"node-{model}",
        "horizontalpodautoscaler": f"keda-hpa-{model}",
        "scaledObject": model,
        "metric": "s0-prometheus",
        "endpoint": f"{model}-endpoint",
        "job": f"probe/llm/{model}",
    }


def _line(name: str, labels: set[str], known: Mapping[str, str], value: float) -> str:
    return f"{name}{{{matchers({label: known.get(label, 'x') for label in sorted(labels)})}}} {value}"


def filled(uid: str, expr: str, *, model: str, window: str = "10s") -> str:
    """A query of a dashboard as Grafana sends it: of one model where only one can be chosen, and of all elsewhere.

    window: what Grafana makes $__rate_interval: four scrapes at least.
    """
    chosen = model if uid == "llm-model" else ".+"
    values = {
        "$namespace": "llm",
        "$model": chosen,
        "$hf_namespace": ".+",
        "$endpoint": ".+",
        "$__rate_interval": window,
    }
    for variable, value in values.items():
        expr = expr.replace(variable, value)
    # What stands in for no answer is no answer.
    return expr.removesuffix(" or vector(0)")


@dataclass(frozen=True)
class Job:
    """What is scraped each second. text: the exposition, some seconds after the start; labels: of the target."""

    name: str
    text: Callable[[float], str]
    labels: Mapping[str, str] = field(default_factory=dict)


FIRING = {
    "alert": "LLMMadeUp",
    "expr": "vector(1)",
    "labels": {"severity": "warning", "namespace": "llm", "model": "a"},
}


@contextlib.contextmanager
def scraping(folder: Path, jobs: Sequence[Job], groups: Sequence[Any] = ()) -> Iterator[Prometheus]:
    """One that scrapes these jobs, evaluates these groups of rules, and lets an alert fire."""
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "made-up", "rules": [FIRING]}, *groups]}))
    with contextlib.ExitStack() as stack:
        scraped = [
            {
                "job_name": job.name,
                "honor_labels": True,
                "static_configs": [
                    {"targets": [f"127.0.0.1:{stack.enter_context(served(job.text))}"], "labels": dict(job.labels)}
                ],
            }
            for job in jobs
        ]
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": scraped}
        yield stack.enter_context(prometheus(folder, config))


@contextlib.contextmanager
def served(text: Callable[[float], str]) -> Iterator[int]:
    """The port of whoever shows this, some seconds after the start."""
    started = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text(time.monotonic() - started).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
