"""The server as a process of its own, over a tiny model made on the spot."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.server.own_python import PYTHON, ROOT

START_SECONDS = 240
ANSWER_SECONDS = 240
"""Waits that only end a test that hangs: a machine that others use too can be many times slower than it is alone."""


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    process: "subprocess.Popen[bytes]"
    url: str
    metrics_url: str
    log: Path
    key: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=self.headers, timeout=ANSWER_SECONDS)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers={**self.headers, **headers}, timeout=ANSWER_SECONDS)

    def events(self, path: str, body: Any) -> Iterator[Any]:
        """The events of a stream, as they come; [DONE] is one of them."""
        stream = httpx.stream("POST", self.url + path, json=body, headers=self.headers, timeout=ANSWER_SECONDS)
        with stream as response:
            assert response.status_code == 200, response.read()
            for line in response.iter_lines():
                if line:
                    data = line.removeprefix("data: ")
                    yield data if data == "[DONE]" else json.loads(data)

    def metric(self, line: str) -> float:
        """The value of the metric whose line begins so."""
        lines = httpx.get(self.metrics_url, timeout=ANSWER_SECONDS).text.splitlines()
        return next(float(each.rsplit(" ", 1)[1]) for each in lines if each.startswith(line))

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def lines(self) -> list[dict[str, Any]]:
        """The log, all of it JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def environment(**variables: str) -> dict[str, str]:
    """Of this process, without what the machine may say of traces or models."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "LANGFUSE_"))}
    return {**kept, "OMP_NUM_THREADS": "2", **variables}


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


@contextlib.contextmanager
def running(model: Path, folder: Path, **variables: str) -> Iterator[Running]:
    """Start the server and wait until it is ready; it is killed afterwards, if it still runs."""
    with starting(model, folder, **variables) as server:
        _wait(server)
        yield server


@contextlib.contextmanager
def starting(model: Path, folder: Path, **variables: str) -> Iterator[Running]:
    """Start the server; it is killed afterwards, if it still runs."""
    port, metrics_port = free_ports()
    log = folder / f"server-{port}.log"
    ports = {"PORT": str(port), "METRICS_PORT": str(metrics_port)}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [PYTHON, "-m", "server"],
            cwd=ROOT,
            env=environment(MODEL_ID=str(model), **ports, **variables),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    server = Running(
        process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics", log, variables.get("API_KEY")
    )
    try:
        yield server
    finally:
        process.kill()
        process.wait()


def _wait(server: Running) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if server.get("/ready").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"the server did not get ready:\n{server.log.read_text()}")
