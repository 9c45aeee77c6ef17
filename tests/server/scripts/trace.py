"""Sends the server's spans to collectors that listen here, and writes what reached them and how long callers waited.

Its argument is JSON. mode: answer, refuse (with the header it was given in its reason), silent (takes no connection),
returning (refuses once). options: of the telemetry, without addresses.
"""

import json
import logging
import os
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from server.telemetry import Telemetry, TelemetryOptions

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

asked = json.loads(sys.argv[1])
mode = asked["mode"]
arrived = []


def refused():
    return mode == "refuse" or (mode == "returning" and not arrived)


class Grpc(TraceServiceServicer):
    def Export(self, request, context):  # noqa: N802 - the service's own name
        headers = dict(context.invocation_metadata())
        refuse = refused()
        arrived.append({"via": "grpc", "headers": headers, **MessageToDict(request)})
        if refuse:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, f"not with {headers.get('authorization')}")
        return ExportTraceServiceResponse()


class Http(BaseHTTPRequestHandler):
    def do_POST(self):
        body = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        headers = {key.lower(): value for key, value in self.headers.items()}
        refuse = refused()
        arrived.append({"via": "http", "path": self.path, "headers": headers, **MessageToDict(body)})
        self.send_response(401, f"not with {headers.get('authorization')}") if refuse else self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


logging.basicConfig(level=logging.DEBUG)
if mode == "silent":
    silent = socket.create_server(("127.0.0.1", 0))
    grpc_port = http_port = silent.getsockname()[1]
else:
    listener = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(Grpc(), listener)
    grpc_port = listener.add_insecure_port("127.0.0.1:0")
    listener.start()
    web = ThreadingHTTPServer(("127.0.0.1", 0), Http)
    http_port = web.server_port
    threading.Thread(target=web.serve_forever, daemon=True).start()

addresses = {}
if asked.get("collector"):
    addresses["otlp_endpoint"] = f"http://127.0.0.1:{http_port if asked['collector'] == 'http/protobuf' else grpc_port}"
    addresses["otlp_protocol"] = asked["collector"]
if asked.get("langfuse"):
    addresses["langfuse_host"] = f"http://127.0.0.1:{http_port}"
telemetry = Telemetry(model="tiny", options=TelemetryOptions(**asked.get("options", {}), **addresses))


def request(request_id, **headers):
    parameters = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 8, "unknown": 1}
    return telemetry.request("chat", headers=headers, request_id=request_id, parameters=parameters)


def answered(request_id, **headers):
    watch = request(request_id, **headers)
    watch.accepted(prompt_tokens=5)
    watch.scheduled()
    watch.produced(1)
    watch.produced(3)
    watch.content(prompt="a secret question", answer="a secret answer" + "." * asked.get("dots", 0))
    watch.ended("ok", finish_reason="stop")
    watch.ended("error")


start = time.monotonic()
answered("ok", traceparent=TRACEPARENT)
answered("unsampled", traceparent=TRACEPARENT[:-1] + "0")
answered("garbled", traceparent="garbled")
request("rejected").ended("rejected")
request("invalid").ended("invalid")
left = request("cancelled")
left.accepted(prompt_tokens=7)
left.ended("cancelled")
broken = request("error")
broken.accepted(prompt_tokens=7)
broken.scheduled()
broken.ended("error")
for number in range(asked.get("more", 0)):
    answered(f"more-{number}")
waited = time.monotonic() - start
if mode == "returning":
    time.sleep(1.5)  # above the second after which spans leave
    answered("second")
start = time.monotonic()
telemetry.close()
json.dump({"waited": waited, "closed": time.monotonic() - start, "arrived": arrived}, sys.stdout)
sys.stdout.flush()
os._exit(0)  # the collectors here are no part of what is measured
