"""The lab's own stand-in: a process, its home, and what survives its sudden death."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx2
import pytest

from lab.hub.server import HubServer
from tests.lab.hub.support import Caller, body


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def process(tmp_path):
    """Start `python -m lab.hub` and wait until it answers; whatever still runs at the end is killed."""
    running = []

    def process(port, home=tmp_path / "home", *options, wait=True):
        command = [sys.executable, "-m", "lab.hub", "--port", str(port), "--home", str(home), *options]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(started)
        until = time.monotonic() + 100
        while wait:
            with contextlib.suppress(httpx2.TransportError):
                health = httpx2.get(f"http://127.0.0.1:{port}/_lab/health", trust_env=False)
                assert health.json() == {"home": str(home), "version": 1}
                break
            assert time.monotonic() < until
            time.sleep(0.02)
        return started

    yield process
    for one in running:
        one.kill()
        one.communicate()


def client(port, token="lab-manage"):
    return httpx2.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=10
    )


def test_what_was_answered_survives_a_kill_and_goes_on_where_it_was(process, tmp_path):
    port, home = free_port(), tmp_path / "home"
    first = process(port, home, "--latency", "2")
    with client(port) as http:
        for name in ("one", "two", "three"):
            answer = http.post("/v2/endpoint/lab-org", json=body(name, model__secrets={"S": "opensesame"}))
            assert answer.status_code == 200
        http.post("/v2/endpoint/lab-org/two/pause")
        http.delete("/v2/endpoint/lab-org/three")
        made = http.get("/v2/endpoint/lab-org/one").json()["status"]
    first.send_signal(signal.SIGKILL)
    first.wait(10)

    kept = (home / "hub.json").read_text()
    assert "opensesame" not in kept
    assert (home / "hub.json").stat().st_mode & 0o077 == 0

    other = free_port()
    process(other, home, "--latency", "2")
    with client(other) as http, client(other, "lab-invoke") as caller:
        until = time.monotonic() + 50
        while http.get("/v2/endpoint/lab-org/one").json()["status"]["state"] != "running":
            assert time.monotonic() < until
            time.sleep(0.05)
        status = http.get("/v2/endpoint/lab-org/one").json()["status"]
        assert status["createdAt"] == made["createdAt"]
        assert status["url"].startswith(f"http://127.0.0.1:{other}/e/"), "its address is where the stand-in is now"
        while caller.get(f"{status['url']}/health").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert http.get("/v2/endpoint/lab-org/two").json()["status"]["state"] == "paused"
        assert http.get("/v2/endpoint/lab-org/three").status_code == 404


def test_a_kill_in_the_middle_of_writing_loses_nothing_that_was_answered(process, tmp_path):
    port, home, answered = free_port(), tmp_path / "home", []
    victim = process(port, home)

    def create():
        with client(port) as http, contextlib.suppress(httpx2.TransportError):
            for number in range(1000):
                made = http.post("/v2/endpoint/other-org", json=body(f"e-{number}"), headers=OTHER)
                if made.status_code == 200:
                    answered.append(made.json()["name"])
                    http.post(f"/v2/endpoint/other-org/e-{number}/pause", headers=OTHER)

    thread = threading.Thread(target=create)
    thread.start()
    until = time.monotonic() + 100
    while len(answered) < 20 and time.monotonic() < until:
        time.sleep(0.001)
    victim.kill()
    victim.wait(10)
    thread.join()
    with HubServer(home=home) as hub, Caller(hub, "other-write").http as http:
        seen, cursor = set(), None
        while True:
            query = {"limit": 100} | ({"cursor": cursor} if cursor else {})
            page = http.get("/v2/endpoint/other-org", params=query).json()
            seen |= {item["name"] for item in page["items"]}
            cursor = page.get("nextCursor")
            if cursor is None:
                break
    assert len(answered) >= 20
    assert set(answered) <= seen


OTHER = {"authorization": "Bearer other-write"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(process, number):
    running = process(free_port())
    began = time.monotonic()
    running.send_signal(number)
    running.wait(50)
    assert time.monotonic() - began < 20
    assert "Traceback" not in running.stderr.read()


def test_it_says_nothing(process):
    running = process(port := free_port())
    with client(port) as http:
        http.get("/v2/endpoint/lab-org")
        http.get("/v2/endpoint/lab-org", headers={"authorization": "Bearer nobodys"})
    running.terminate()
    assert running.communicate(timeout=50) == ("", "")


def test_two_cannot_share_a_home_or_a_port(process, tmp_path):
    process(port := free_port())
    second = process(free_port(), wait=False)
    assert second.wait(20) == 1
    assert "Another stand-in runs with" in second.stderr.read()
    third = process(port, tmp_path / "another", wait=False)
    assert third.wait(20) == 1
    assert f"Port {port} cannot be used: Address already in use. Choose another with --port." in third.stderr.read()


def test_a_file_that_cannot_be_read_is_named(process, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    for content in ("{", "[]", '{"version": 99, "created": 0, "endpoints": []}'):
        (home / "hub.json").write_text(content)
        refused = process(free_port(), home, wait=False)
        assert refused.wait(20) == 1
        message = refused.stderr.read()
        assert message.startswith("error: ")
        assert "Remove it to start with no endpoints." in message
        assert "Traceback" not in message


def test_switches_come_by_the_command_line(process, tmp_path):
    process(port := free_port(), tmp_path / "home", "--switch", "create_status=202")
    with client(port) as http:
        assert http.post("/v2/endpoint/lab-org", json=body()).status_code == 202
    refused = process(free_port(), tmp_path / "x", "--switch", "create_status=203", wait=False)
    assert refused.wait(20) == 1
    assert "create_status cannot be '203'; it is one of 200, 202." in refused.stderr.read()


def test_it_listens_on_this_machine_alone(process):
    process(port := free_port())
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)} - {"127.0.0.1", "::1"}
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as probe:
            probe.settimeout(2)
            assert probe.connect_ex((address, port)) != 0


def test_starting_takes_little(tmp_path):
    """`make up` starts it each time; the bound is wide, because machines are busy."""
    script = "import time; a = time.perf_counter(); import lab.hub.server; print(time.perf_counter() - a)"
    environment = {"PATH": os.environ["PATH"]}
    took = [
        float(subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True).stdout)
        for _ in range(2)
    ]
    assert min(took) < 3
