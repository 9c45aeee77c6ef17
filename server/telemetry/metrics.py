"""The server's metrics. blueprint/metrics/custom.py has the same names, labels and buckets: a test compares them."""

import threading
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from server.observing import Status
from server.telemetry.record import Record, seconds

# 0.1 to 30 are the boundaries that dashboards ask for; up to 600 because a request may take as long by default.
_LATENCY = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600)
_QUEUE = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600)
# 0.1, 1 and 10 s, and 0.01 to 1 s between tokens, are boundaries of vLLM and SGLang: one goal can be held against all.
_FIRST_TOKEN = (0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
_INTER_TOKEN = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 1, 2.5)
_BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_TAKES_TIME = frozenset({"ok", "timeout", "error"})
"""Ends whose latency counts: not those that were turned away, nor those that the caller chose."""


class Metrics:
    """All metrics of one model, in a registry of their own."""

    def __init__(self, model: str):
        # A second series for each counter, which nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client's own
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._open = 0
        self._waiting = 0
        self._running = 0
        self._cache_used = 0.0

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(name, text, ["model"], buckets=buckets, registry=self.registry).labels(model)

        requests = Counter("llm_requests_total", "Requests that ended.", ["model", "status"], registry=self.registry)
        # All from the start: a rate over a series that is born with its first error does not see that error.
        self._ends = {status: requests.labels(model, status) for status in get_args(Status)}
        tokens = Counter(
            "llm_tokens_total", "Tokens of prompts read and of answers made.", ["model", "type"], registry=self.registry
        )
        self.prompt_tokens = tokens.labels(model, "prompt")
        self.completion_tokens = tokens.labels(model, "completion")
        self._latency = histogram(
            "llm_request_latency_seconds",
            "From arrival to end, of requests that had been accepted and were not cancelled.",
            _LATENCY,
        )
        self.queue = histogram("llm_queue_seconds", "From acceptance to a place in the batch.", _QUEUE)
        self.first_token = histogram(
            "llm_time_to_first_token_seconds", "From arrival to the first token.", _FIRST_TOKEN
        )
        self.inter_token = histogram("llm_inter_token_latency_seconds", "Between tokens of an answer.", _INTER_TOKEN)
        self._batch = histogram("llm_batch_size", "Answers that a step of the engine worked on.", _BATCH)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, ["model"], registry=self.registry).labels(model)

        gauge("llm_requests_waiting", "Waiting for a place in the batch.").set_function(self._read_waiting)
        gauge("llm_requests_running", "In the batch.").set_function(self._read_running)
        gauge("llm_kv_cache_usage_ratio", "Share of the KV cache that holds tokens.").set_function(self._read_cache)
        self.gpus = _Gpus()
        self.registry.register(self.gpus)

    def opened(self) -> None:
        """A request was accepted."""
        with self._lock:
            self._open += 1

    def ended(self, record: Record) -> None:
        """A request ended, with its status."""
        if record.status is not None:
            self._ends[record.status].inc()
        if record.accepted is None:
            return
        with self._lock:
            self._open -= 1
        if record.status in _TAKES_TIME:
            self._latency.observe(seconds(record.arrived, record.ended))

    def batch(self, *, size: int, waiting: int, running: int, cache_used: float) -> None:
        """The engine made a step, or only let go of requests: then size is 0."""
        if size:
            self._batch.observe(size)
        with self._lock:
            self._waiting, self._running, self._cache_used = waiting, running, cache_used

    # The engine tells of steps, and an idle engine makes none: its last word would keep a replica alive for ever.

    def _read_waiting(self) -> int:
        with self._lock:
            return self._waiting if self._open else 0

    def _read_running(self) -> int:
        with self._lock:
            return self._running if self._open else 0

    def _read_cache(self) -> float:
        with self._lock:
            return self._cache_used if self._open else 0.0


class _Gpus(Collector):
    """Memory that the engine holds, by GPU, as it told last; no series without CUDA."""

    held: Mapping[int, int] = MappingProxyType({})

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("llm_gpu_memory_bytes", "GPU memory that torch holds.", labels=["gpu_id"])
        for index, held in self.held.items():
            family.add_metric([str(index)], held)
        yield family
