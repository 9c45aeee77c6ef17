#!/usr/bin/env python3
# ruff: noqa: T201 -- what it prints is read
"""Stands where a server stands: says how it was started, and with STAND_IN_SERVES answers /health until SIGTERM."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


def terminated(*_):
    print(json.dumps({"signal": "SIGTERM"}), flush=True)
    sys.exit(0)


print(
    json.dumps({"argv": sys.argv[1:], "environment": dict(os.environ), "pid": os.getpid(), "uid": os.getuid()}),
    flush=True,
)
if "STAND_IN_SERVES" in os.environ:
    signal.signal(signal.SIGTERM, terminated)
    HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Health).serve_forever()
