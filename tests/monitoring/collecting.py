"""The real collector with the configuration that a stack deploys."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from blueprint.monitoring.collector import secret_variables
from blueprint.settings.collector import Collector
from lab.tools.build import ensure
from lab.tools.sets import COLLECTOR
from tests.monitoring.otlp import status
from tests.support import caller_keys, manifests

PATIENCE = 240.0  # seconds; ends a test that hangs, and no other


@dataclass
class Collecting:
    """A collector at work. grpc, http: its ports."""

    process: "subprocess.Popen[bytes]"
    grpc: int
    http: int

    def stop(self) -> int:
        """Stop it as Kubernetes does, so that everything that waits is sent; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def collecting(config: dict[str, Any], folder: Path, addresses: Mapping[str, str]) -> Iterator[Collecting]:
    """The deployed configuration with this machine's addresses in place of the cluster's, and nothing else changed."""
    grpc, http, health = free_ports(3)
    text = configuration(config)
    for there, here in {
        "0.0.0.0:4317": f"127.0.0.1:{grpc}",
        "0.0.0.0:4318": f"127.0.0.1:{http}",
        "0.0.0.0:13133": f"127.0.0.1:{health}",
        **addresses,
    }.items():
        assert there in text
        text = text.replace(there, here)
    file = folder / "collector.yaml"
    file.write_text(text)
    with at_work([program(), f"--config={file}"], health, folder / "log", env=environment(config)) as process:
        yield Collecting(process, grpc, http)
    assert "deprecated" not in (folder / "log").read_text()


@contextmanager
def at_work(
    command: list[str], port: int, log: Path, path: str = "/", **options: Any
) -> Iterator["subprocess.Popen[bytes]"]:
    """A program for as long as it is needed, once it answers on a port. options: as Popen has them."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, **options)
    try:
        until = time.monotonic() + PATIENCE
        while not _healthy(port, path):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _healthy(port: int, path: str) -> bool:
    try:
        return status(port, "GET", path) == HTTPStatus.OK
    except OSError:
        return False


def configuration(config: dict[str, Any]) -> str:
    """As its ConfigMap has it."""
    text: str = manifests(config)["ConfigMap/llm-collector"]["data"]["collector.yaml"]
    return text


def environment(config: dict[str, Any]) -> dict[str, str]:
    """As its pod has it."""
    objects = manifests(config)
    (container,) = objects["Deployment/llm-collector"]["spec"]["template"]["spec"]["containers"]
    named = {key.partition(":")[2]: value for key, value in caller_keys(config).items()}
    settings = Collector.model_validate(config["monitoring"]["collector"])
    keys = {one.name: one.value(named) for one in secret_variables(settings)}
    return {
        one["name"]: one["value"] if "value" in one else keys[one["valueFrom"]["secretKeyRef"]["key"]]
        for one in container["env"]
    }


def program() -> str:
    """Its path; builds it where this machine has not done so yet."""
    return str(ensure(COLLECTOR).program("collector"))


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
