"""The server's observer: one model, its metrics and its traces."""

from collections.abc import Mapping
from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server

from server.observing import Watch
from server.telemetry.exporters import exporters
from server.telemetry.metrics import Metrics
from server.telemetry.options import TelemetryOptions
from server.telemetry.record import Record
from server.telemetry.traces import Traces
from server.telemetry.watch import RequestWatch


class Telemetry:
    """Implements server.observing.Observer. Every call is cheap, and from any thread.

    model: its served name, which is all that metrics and spans call it.
    """

    def __init__(self, *, model: str, options: TelemetryOptions | None = None):
        options = options or TelemetryOptions()
        self._metrics = Metrics(model)
        found = exporters(options)
        self._traces = (
            Traces(model, service_name=options.service_name, exporters=found, texts=options.capture_prompts)
            if found
            else None
        )
        self._keep_content = options.capture_prompts and self._traces is not None
        self._server: WSGIServer | None = None

    def serve(self, host: str, port: int) -> int:
        """Answer /metrics from a thread of its own; gives the port, which matters where 0 was asked for."""
        server: WSGIServer
        server, _ = start_http_server(port, host, self._metrics.registry)
        self._server = server
        return server.server_port

    def close(self) -> None:
        """Send the spans that wait, for five seconds at most, and stop answering /metrics."""
        if self._traces is not None:
            self._traces.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def request(
        self, operation: str, *, headers: Mapping[str, str], request_id: str, parameters: Mapping[str, float | int]
    ) -> Watch:
        """A request arrived."""
        record = Record(
            operation=operation,
            request_id=request_id,
            parameters=parameters,
            parent=self._traces.parent(headers) if self._traces is not None else None,
        )
        return RequestWatch(record, metrics=self._metrics, traces=self._traces, keep_content=self._keep_content)

    def batch(self, *, size: int, waiting: int, running: int, cache_used: float) -> None:
        """The engine made a step."""
        self._metrics.batch(size=size, waiting=waiting, running=running, cache_used=cache_used)

    def gpu_memory(self, held: Mapping[int, int]) -> None:
        """The engine holds so many bytes of each GPU."""
        self._metrics.gpus.held = held
