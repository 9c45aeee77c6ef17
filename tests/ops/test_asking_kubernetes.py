"""`llm chat` and `llm generate` of models on Kubernetes: the lab's data plane, the model's host, a port-forward."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest

from ops.asking.workload import workload_target
from ops.endpoints.outcome import UnusableError
from ops.project import Project
from tests.lab.conftest import eventually

PREFACE = "This is a simulated answer of the lab; no model has read:"
MODEL = {
    "target": "kubernetes",
    "model": "Qwen/Qwen2.5-1.5B-Instruct",
    "owner": "team-search",
    "engine": {"name": "vllm", "maxModelLen": 8192},
    "accelerator": {"type": "nvidia-l4", "count": 1},
    "formerly": ["old"],
}
CLUSTER = {"namespace": {"name": "llm"}, "accelerators": {"nvidia-l4": {"available": 8}}}
KUBECTL = """\
#!{python}
import json, os, sys, time
json.dump({{"arguments": sys.argv[1:], "pid": os.getpid()}}, open({seen!r}, "w"))
if {complaint!r}:
    sys.exit("error: " + {complaint!r})
if {port}:
    print("Forwarding from 127.0.0.1:{port} -> 8000", flush=True)
time.sleep(60)
"""


@contextmanager
def engine(keys=()):
    """An engine of the lab; gives its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    about = ["--engine=vllm", "--engine-version=0.31.0", "--model=m", "--model=other", "--max-num-seqs=4"]
    options = [f"--port={port}", "--pod=p", *about]
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.dataplane.engine", *options, "--drain=1"],
        env={**os.environ, "LAB_ENGINE_KEYS": json.dumps(keys)},
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: _listens(port))
        yield port
    finally:
        process.terminate()
        process.wait()


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def kubectl(tmp_path, monkeypatch):
    """Put a kubectl on PATH that says that it forwards from a port, or nothing; gives what it was asked."""
    seen = tmp_path / "kubectl.json"

    def install(port=0, complaint=""):
        program = tmp_path / "bin" / "kubectl"
        program.parent.mkdir()
        program.write_text(KUBECTL.format(python=sys.executable, seen=str(seen), port=port, complaint=complaint))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    install.asked = lambda: json.loads(seen.read_text())
    return install


def on(desk, context, **model):
    desk.write("k8s", {"cluster": {"context": context, "id": context, **CLUSTER}, "models": {"m": {**MODEL, **model}}})


def test_in_the_lab_it_is_asked_at_its_service(desk, tmp_path):
    on(desk, "lab")
    addresses = tmp_path / "addresses.json"
    with engine() as port:
        addresses.write_text(json.dumps({"services": {"llm/old": f"http://127.0.0.1:{port}"}}))

        result = desk.run("chat", "m", "hi", "--stack", "k8s", LLM_LAB_ADDRESSES=str(addresses))

    assert (result.exit_code, result.output) == (0, f"{PREFACE} hi\n")


def test_a_service_that_the_lab_does_not_have_is_said(desk, tmp_path):
    on(desk, "lab")
    result = desk.run("chat", "m", "hi", "--stack", "k8s", LLM_LAB_ADDRESSES=str(tmp_path / "nothing"))
    assert (result.exit_code, result.stderr) == (1, "Error: m: the lab has no Service llm/old. `make up` makes it.\n")


def test_outside_make_the_way_into_the_lab_is_told(desk):
    on(desk, "lab")
    result = desk.run("chat", "m", "hi", "--stack", "k8s", LLM_LAB_ADDRESSES=None)
    assert result.exit_code == 2
    assert "`make chat MODEL=m` sets it." in result.stderr


def test_elsewhere_a_port_forward_of_the_stacks_context_leads_there_and_ends(desk, kubectl):
    on(desk, "production")
    with engine() as port:
        kubectl(port)
        result = desk.run("chat", "m", "hi", "--stack", "k8s")

    assert (result.exit_code, result.output) == (0, f"{PREFACE} hi\n")
    forward = ["port-forward", "service/old", ":80", "--address=127.0.0.1"]
    assert kubectl.asked()["arguments"] == ["--context", "production", "--namespace", "llm", *forward]
    assert not psutil.pid_exists(kubectl.asked()["pid"])


def test_a_port_forward_ends_with_ctrl_c_too(desk, kubectl):
    on(desk, "production")
    kubectl()
    process = desk.spawn("chat", "m", "hi", "--stack", "k8s")
    asked = eventually(lambda: kubectl.asked() if (desk.folder.parent / "kubectl.json").exists() else None)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=150)
    eventually(lambda: not psutil.pid_exists(asked["pid"]))


def test_what_kubectl_complains_about_is_passed_on(desk, kubectl):
    on(desk, "production")
    kubectl(complaint='services "old" not found')
    result = desk.run("chat", "m", "hi", "--stack", "k8s")
    assert result.exit_code == 1
    assert result.stderr == 'Error: m: kubectl port-forward: error: services "old" not found\n'


def test_without_kubectl_the_sentence_says_so(desk, monkeypatch, tmp_path):
    on(desk, "production")
    monkeypatch.setenv("PATH", str(tmp_path))
    result = desk.run("chat", "m", "hi", "--stack", "k8s")
    assert result.exit_code == 2
    assert "no kubectl on PATH" in result.stderr


def test_the_engines_key_is_sent_and_a_wrong_one_is_said(desk, kubectl):
    on(desk, "production")
    with engine(keys=["right"]) as port:
        kubectl(port)
        assert desk.run("chat", "m", "hi", "--stack", "k8s", LLM_ENGINE_KEY="right").output == f"{PREFACE} hi\n"
        result = desk.run("chat", "m", "hi", "--stack", "k8s", LLM_ENGINE_KEY="wrong")
    assert result.exit_code == 2
    assert "LLM_ENGINE_KEY needs one of the engine's keys." in result.stderr


def test_a_text_engine_alone_is_asked_by_generate(desk, kubectl):
    on(desk, "production")
    kubectl(port=1)
    result = desk.run("generate", "m", "hi", "--stack", "k8s")
    assert result.exit_code == 2
    assert "m runs vLLM, which has no such route. Ask it with `llm chat m`." in result.stderr


def test_an_exposed_model_is_asked_at_its_host(desk, monkeypatch):
    on(desk, "production")
    stack = Project(desk.folder).resolve("k8s")
    workload, cluster = stack.workloads[0], stack.cluster
    exposed = {"expose": {"host": "llm.example.com", "auth": "engineKey"}}
    monkeypatch.delenv("LLM_ENGINE_KEY", raising=False)

    with pytest.raises(UnusableError, match="set LLM_ENGINE_KEY"), workload_target(workload, cluster, exposed):
        pass
    monkeypatch.setenv("LLM_ENGINE_KEY", "one")
    with workload_target(workload, cluster, exposed) as target:
        assert (target.openai_url, target.token) == ("https://llm.example.com/v1", "one")
