"""Containers whose program is on this machine: what they see, what they may, and whom they reach."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from lab.cluster.settings import free_port
from lab.containers import inside, outside
from lab.containers.pod import Place, prepare
from lab.containers.programs import available
from lab.dataplane.network import network
from tests.lab.conftest import eventually

PYTHON = Path("/usr/bin/python3")
needs_namespaces = pytest.mark.skipif(
    not (available() and PYTHON.exists()), reason=f"needs Linux that lets users have namespaces, and {PYTHON}"
)

# What a container sees, told to whoever asks it; and then it ends with a code of its own when it is told to.
PROGRAM = """
import http.server, json, os, signal, sys, urllib.request

def got(url):
    return urllib.request.urlopen(url, timeout=5).read().decode()

def tried(do):
    try:
        return do() or "done"
    except OSError as error:
        return type(error).__name__

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        told = {
            "user": os.getuid(),
            "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")],
            "configuration": open("/etc/program/file").read(),
            "to root": tried(lambda: open("/new", "w").close()),
            "to configuration": tried(lambda: open("/etc/program/new", "w").close()),
            "to data": tried(lambda: open("/data/new", "w").close()),
            "home of this machine": os.path.exists("/root") or os.path.exists("/home"),
            "service": tried(lambda: got("http://there.elsewhere.svc:80/")),
            "pod": tried(lambda: got("http://10.244.0.9:8000/")),
            "nobody": tried(lambda: got("http://10.244.0.10:8000/")),
            "outside": tried(lambda: got("http://192.0.2.1/")),
            # The one is Python's own.
            "variables": sorted(os.environ.keys() - {"LC_CTYPE"}),
        }
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
http.server.ThreadingHTTPServer(("0.0.0.0", 9090), Handler).serve_forever()
"""


class Says(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def neighbour():
    """A process of this machine that is behind a pod and a Service; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Says)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def started(folder, port, routes):
    """The process of a container that tells what it sees on a port of this machine."""
    (folder / "network.json").write_text(
        json.dumps({"services": [["there", "elsewhere", "10.96.0.7"]], "routes": routes})
    )
    (folder / "secret").write_text("not for it")
    mounts = [
        {"name": "configuration", "mountPath": "/etc/program", "readOnly": True},
        {"name": "data", "mountPath": "/data"},
    ]
    pod = {
        "metadata": {"name": "p", "namespace": "llm", "uid": "u"},
        "spec": {
            "securityContext": {"runAsUser": 4711},
            "containers": [{"name": "c", "args": ["-c", PROGRAM], "volumeMounts": mounts}],
            "volumes": [
                {
                    "name": "configuration",
                    "downwardAPI": {"items": [{"path": "file", "fieldRef": {"fieldPath": "metadata.name"}}]},
                },
                {"name": "data", "emptyDir": {}},
            ],
        },
    }
    place = Place(folder=folder / "c", claims=folder / "claims", network=folder / "network.json", ports={9090: port})
    about = asyncio.run(prepare(None, pod, PYTHON, place))
    command = [sys.executable, "-m", outside.__name__, "--pod=u", f"--port={port}", f"--ready={port}/", str(about)]
    return subprocess.Popen(command, cwd=Path(inside.__file__).parents[2])


def asked(port):
    with contextlib.suppress(httpx2.HTTPError):
        return httpx2.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=30).json()
    return None


@needs_namespaces
def test_it_sees_its_own_files_and_the_clusters_addresses_and_may_write_to_its_data_alone(tmp_path, neighbour):
    port = free_port(set())
    process = started(tmp_path, port, {"10.96.0.7:80": [neighbour], "10.244.0.9:8000": [neighbour]})
    try:
        told = eventually(lambda: asked(port))
        # Names and routes come a moment later.
        told = eventually(lambda: (now := asked(port)) and now["service"] == "hello" and now)
    finally:
        process.terminate()
        assert process.wait(30) == 7
    assert told == {
        "user": 4711,
        "capabilities": ["0000000000000000"],
        "configuration": "p",
        "to root": "OSError",
        "to configuration": "OSError",
        "to data": "done",
        "home of this machine": False,
        "service": "hello",
        "pod": "hello",
        "nobody": told["nobody"],
        "outside": "URLError",
        "variables": ["HOME", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"],
    }
    assert told["nobody"] in ("ConnectionResetError", "URLError", "RemoteDisconnected")
    assert (tmp_path / "c/volumes/data/new").exists()


@needs_namespaces
def test_nothing_of_it_is_left_when_its_process_is_killed(tmp_path):
    port = free_port(set())
    process = started(tmp_path, port, {})
    eventually(lambda: asked(port))
    process.kill()
    process.wait()

    def listening():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    assert not listening()
    eventually(lambda: str(tmp_path) not in running_commands())


def running_commands():
    return subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout


def service(name, **spec):
    return {"metadata": {"name": name, "namespace": "llm", "uid": f"uid-of-{name}"}, "spec": spec}


def test_services_lead_to_the_ready_pods_that_have_a_process():
    a, b, c = ({"metadata": {"name": name}, "status": {"podIP": f"10.244.0.{n}"}} for n, name in enumerate("abc"))
    conditions = {"10.244.0.0": True, "10.244.0.1": True, "10.244.0.2": False}
    piece = {
        "metadata": {"namespace": "llm", "labels": {"kubernetes.io/service-name": "m"}},
        "ports": [{"name": "http", "port": 8000}, {"name": "other", "port": 9}],
        "endpoints": [{"addresses": [one], "conditions": {"ready": ready}} for one, ready in conditions.items()],
    }
    found = network(
        [
            service("m", clusterIP="10.96.0.5", ports=[{"name": "http", "port": 80}]),
            service("headless", clusterIP="None"),
            service("here", type="ExternalName", externalName="localhost", ports=[{"port": 4317}]),
            service("there", type="ExternalName", externalName="example.com", ports=[{"port": 4317}]),
        ],
        [piece],
        [(a, {8000: 21000}), (b, {}), (c, {8000: 21002})],
        api_server=6443,
    )
    here, m = found["services"]
    assert here[:2] == ["here", "llm"]
    assert m == ["m", "llm", "10.96.0.5"]
    assert found["routes"] == {
        "127.0.0.1:443": [6443],
        "10.244.0.0:8000": [21000],
        "10.244.0.2:8000": [21002],
        "10.96.0.5:80": [21000],
        f"{here[2]}:4317": [4317],
    }
