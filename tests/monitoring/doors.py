"""Public hosts as callers find them, over TLS, and a real blackbox exporter that asks there."""

import contextlib
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from lab.cluster.settings import free_port
from tests.prometheus import PATIENCE

PROGRAM = "prometheus-blackbox-exporter"
needs_blackbox = pytest.mark.skipif(
    not shutil.which(PROGRAM), reason=f"needs {PROGRAM} on PATH (apt-get install {PROGRAM})"
)


@contextlib.contextmanager
def door(
    authority: trustme.CA, status: Callable[[Mapping[str, str], str], int], *, until: datetime | None = None
) -> Iterator[int]:
    """The port of a host whose certificate is valid until then. status: of an answer, by headers and path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status(self.headers, self.path))
            self.send_header("Content-Length", "0")
            self.send_header("Location", "/login")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: Any) -> None:
            """A caller who refuses the certificate leaves."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    start = datetime(2020, 1, 1, tzinfo=until.tzinfo) if until else None
    authority.issue_cert("localhost", not_before=start, not_after=until).configure_cert(context)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def blackbox(folder: Path, config: Any, authority: trustme.CA) -> Iterator[str]:
    """Host and port of an exporter with this configuration, which trusts that authority and no other."""
    (folder / "blackbox.yaml").write_text(yaml.safe_dump(config))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    address = f"127.0.0.1:{free_port(set())}"
    command = [PROGRAM, f"--config.file={folder}/blackbox.yaml", f"--web.listen-address={address}"]
    trusts = {**os.environ, "SSL_CERT_FILE": str(folder / "ca.pem"), "SSL_CERT_DIR": str(folder / "none")}
    with (folder / "blackbox.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=trusts)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)
