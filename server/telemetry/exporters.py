"""How spans leave the server. A collector that is away costs spans, never a request, and its errors tell no header."""

import base64
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from server.telemetry.options import TelemetryOptions

_log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 5
_HEADER_VARIABLES = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")


def exporters(options: TelemetryOptions) -> Sequence[SpanExporter]:
    """One to the collector and one to Langfuse, as far as they are given."""
    # Its errors show what a peer answered, and in gRPC's case the headers that it did not like.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
    found: list[SpanExporter] = []
    with _no_headers_from_the_environment():
        if options.otlp_endpoint is not None:
            found.append(Told(_collector(options.otlp_endpoint, options), to="the OTLP collector"))
        if options.langfuse_host is not None:
            found.append(Told(_langfuse(options.langfuse_host, options), to="Langfuse"))
    return found


class Told(SpanExporter):
    """An exporter that raises nothing, and whose failure and recovery are logged once each."""

    def __init__(self, inner: SpanExporter, *, to: str):
        self._inner = inner
        self._to = to
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them, or lose them."""
        try:
            result = self._inner.export(spans)
        except Exception:  # noqa: BLE001 - of any library below, with headers in its text
            result = SpanExportResult.FAILURE
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self._failing:
            _log.warning("Traces do not reach %s; they are lost until it answers", self._to)
        elif self._failing and not failed:
            _log.info("Traces reach %s again", self._to)
        self._failing = failed
        return result

    def shutdown(self) -> None:
        """No more spans come."""
        self._inner.shutdown()


def _collector(endpoint: str, options: TelemetryOptions) -> SpanExporter:
    headers = dict(options.headers())
    exporter: SpanExporter
    if options.otlp_protocol == "grpc":
        exporter = GrpcExporter(endpoint=endpoint, headers=headers, timeout=_TIMEOUT_SECONDS)
    else:
        exporter = HttpExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", headers=headers, timeout=_TIMEOUT_SECONDS)
    return exporter


def _langfuse(host: str, options: TelemetryOptions) -> SpanExporter:
    keys = f"{options.langfuse_public_key}:{options.langfuse_secret_key}".encode()
    exporter: SpanExporter = HttpExporter(
        endpoint=f"{host.rstrip('/')}/api/public/otel/v1/traces",
        headers={
            "authorization": f"Basic {base64.b64encode(keys).decode()}",
            "x-langfuse-ingestion-version": "4",
        },
        timeout=_TIMEOUT_SECONDS,
    )
    return exporter


@contextmanager
def _no_headers_from_the_environment() -> Iterator[None]:
    """The HTTP exporter adds them to those it is given: Langfuse would get the key of the collector."""
    kept = {name: os.environ.pop(name) for name in _HEADER_VARIABLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
