"""The server's observer: one model, its metrics and its traces."""

from collections.abc import Mapping

from server.observing import Watch
from server.telemetry.options import TelemetryOptions


class Telemetry:
    """Implements server.observing.Observer. Every call is cheap, and from any thread."""

    def __init__(self, *, model: str, options: TelemetryOptions | None = None):
        self._model = model
        self._options = options or TelemetryOptions()

    def serve(self, host: str, port: int) -> int:
        """Answer /metrics from a thread of its own; gives the port, which matters where 0 was asked for."""
        raise NotImplementedError

    def close(self) -> None:
        """Send the spans that wait, for a few seconds at most, and stop answering /metrics."""
        raise NotImplementedError

    def request(
        self, operation: str, *, headers: Mapping[str, str], request_id: str, parameters: Mapping[str, float | int]
    ) -> Watch:
        """A request arrived."""
        raise NotImplementedError

    def batch(self, *, size: int, waiting: int, running: int, cache_used: float) -> None:
        """The engine made a step."""
        raise NotImplementedError
