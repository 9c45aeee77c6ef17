"""OTLP for tests: what an engine or an agent sends, and receivers that record what arrives."""

import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

TRACE_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


@dataclass
class Received:
    """What a receiver got: each request's path, headers by lower-case name, and bytes."""

    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def bodies(self, path: str) -> bytes:
        """All bytes that came to a path, to look for what must not be in them."""
        return b"".join(body for where, _, body in self.requests if where == path)

    def headers(self, path: str) -> list[dict[str, str]]:
        """The headers of each request to a path."""
        return [headers for where, headers, _ in self.requests if where == path]

    def spans(self, path: str) -> dict[str, Any]:
        """The spans that came to a path, by name."""
        return {
            span.name: span
            for where, _, body in self.requests
            if where == path
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    def records(self, path: str) -> list[Any]:
        """The log records that came to a path."""
        return [
            record
            for where, _, body in self.requests
            if where == path
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]


def attributes(span: Any) -> dict[str, Any]:
    """A span's or a record's attributes, as plain values."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@contextmanager
def receiver() -> Iterator[tuple[Received, int, int]]:
    """Records what comes by OTLP: (what came, port of gRPC, port of HTTP). The path of gRPC is its method's."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            received.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    def export(body: bytes, context: grpc.ServicerContext) -> bytes:
        headers = {str(key): str(value) for key, value in context.invocation_metadata()}
        received.requests.append((f"/{TRACE_SERVICE}/Export", headers, body))
        return ExportTraceServiceResponse().SerializeToString()

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    rpc = grpc.server(ThreadPoolExecutor(2))
    handlers = {"Export": grpc.unary_unary_rpc_method_handler(export)}
    rpc.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(TRACE_SERVICE, handlers),))
    port = rpc.add_insecure_port("127.0.0.1:0")
    rpc.start()
    try:
        yield received, port, web.server_port
    finally:
        rpc.stop(None).wait()
        web.shutdown()
        web.server_close()
        thread.join()


def status(port: int, method: str, path: str, content: Any = None) -> int:
    """The status of an answer over HTTP. content: sent as JSON."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, json.dumps(content), {"content-type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


def send_spans(port: int, resource: Mapping[str, str], spans: list[dict[str, Any]]) -> None:
    """Send spans over gRPC, as engines do."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    _set(resource_spans.resource.attributes, resource)
    scope = resource_spans.scope_spans.add()
    for given in spans:
        span = scope.spans.add(
            name=given["name"],
            trace_id=given["trace"],
            span_id=given["trace"][:7] + bytes([len(scope.spans)]),
            start_time_unix_nano=1_800_000_000_000_000_000,
            end_time_unix_nano=1_800_000_000_000_000_000 + int(given.get("seconds", 0.2) * 1e9),
            status={"code": 2 if given.get("failed") else 0},
        )
        _set(span.attributes, given.get("attributes", {}))
        for name, event in given.get("events", {}).items():
            _set(span.events.add(name=name).attributes, event)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        channel.unary_unary(f"/{TRACE_SERVICE}/Export")(request.SerializeToString(), timeout=30)


def _set(attributes: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        attributes.add(key=key, value={"int_value" if isinstance(value, int) else "string_value": value})
