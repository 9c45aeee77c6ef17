"""Pods of this project's server, as the program renders them: the server itself stands behind them in the lab."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import psutil
import pytest
import yaml

from lab.cluster.processes import Processes
from lab.dataplane import ENGINES
from tests.conftest import clean
from tests.lab.conftest import eventually
from tests.server.own_python import needs_server
from tests.support import LAB_CLUSTER, PROJECT, manifests

pytestmark = needs_server

CONFIG = {
    "cluster": LAB_CLUSTER,
    "models": {
        "own": {
            "target": "kubernetes",
            "model": "Qwen/Qwen2.5-1.5B-Instruct",
            "owner": "team-search",
            "engine": {"name": "custom", "image": "registry.example.com/team/server:1", "userId": 1000},
            "accelerator": {"type": "nvidia-l4", "count": 1},
            "cache": {"mode": "shared", "sizeGiB": 10, "preDownload": False},
        }
    },
}
PATIENCE = 240
"""Seconds for making a model and starting a server, which are 10 on an idle machine."""
KEY = "canary-key-5b1e"
KEYS = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "callers", "namespace": "llm"},
    "stringData": {"keys": f"another-key\n{KEY}\n"},
}


def guarded(objects):
    """The rendered objects, with a file of keys in the server's container."""
    pod = objects["Deployment/own"]["spec"]["template"]["spec"]
    pod["volumes"].append({"name": "callers", "secret": {"secretName": "callers"}})
    container = pod["containers"][0]
    container["volumeMounts"].append({"name": "callers", "mountPath": "/etc/callers"})
    container.setdefault("env", []).append({"name": "API_KEYS_FILE", "value": "/etc/callers/keys"})
    return [*objects.values(), KEYS]


@pytest.fixture(scope="module")
def lab(cluster):
    """The lab, with the server's pod in it, which is Ready."""
    cluster.apply(*guarded(manifests(CONFIG)))
    try:
        while not pods(cluster):
            time.sleep(0.1)
        (pod,) = pods(cluster)
        # It is not Ready before its process answers, for which that had to make its model first.
        ready = ("--for=condition=Ready", f"pod/{pod}", "--namespace=llm", f"--timeout={PATIENCE}s")
        cluster.kubectl("wait", *ready, seconds=PATIENCE + 10)
        assert metrics(cluster.lab, pod).status_code == 200
        yield cluster.lab
    finally:
        clean(cluster)
        cluster.kubectl("delete", "secret/callers", "--namespace=llm")


def pods(cluster):
    listed = cluster.get("pods", "--selector=llm-inference/model=own", ".items[*].metadata.name").split()
    gone = cluster.get("pods", "--selector=llm-inference/model=own", ".items[*].metadata.deletionTimestamp")
    return [] if gone else listed


def addresses(lab):
    return json.loads(lab.addresses.read_text())


def metrics(lab, pod):
    return httpx2.get(addresses(lab)["metrics"][f"llm/{pod}"], trust_env=False)


@pytest.fixture
def url(lab):
    found = eventually(lambda: addresses(lab)["services"].get("llm/own"))
    # The proxy follows the Service's endpoints a moment after the pod is Ready.
    eventually(lambda: httpx2.get(f"{found}/health", trust_env=False).text != "no healthy upstream")
    return found


def engines(lab):
    processes, prefix = Processes(lab.home), f"{ENGINES}llm.own-"
    return {name: found for name in processes.names(prefix) if (found := processes.find(name))}


def asked(url, key=KEY):
    question = {"model": "own", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5, "ignore_eos": True}
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.post(f"{url}/v1/chat/completions", json=question, headers=headers, timeout=30, trust_env=False)


def llm_chat(lab, folder, *words):
    """What `llm chat` prints."""
    for name in ("Pulumi.yaml", "models.lock.yaml", "images.lock.yaml"):
        shutil.copy(PROJECT.root / name, folder)
    values = {f"llm-inference:{name}": section for name, section in CONFIG.items()}
    (folder / "Pulumi.own.yaml").write_text(yaml.safe_dump({"config": values}))
    done = subprocess.run(
        [Path(sys.executable).with_name("llm"), "chat", "--stack", "own", *words],
        cwd=folder,
        env={**os.environ, "LLM_LAB_ADDRESSES": str(lab.addresses), "LLM_ENGINE_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_server_itself_answers_and_asks_for_a_key_of_the_pods_file(lab, url):
    described = httpx2.get(f"{url}/openapi.json", headers={"Authorization": f"Bearer {KEY}"}, trust_env=False).json()
    assert described["info"]["title"] == "llm-inference server"
    answer = asked(url).json()
    assert (answer["model"], answer["usage"]["completion_tokens"]) == ("own", 5)
    assert asked(url, "another-key").status_code == 200
    assert asked(url, "no-key").status_code == 401
    assert httpx2.get(f"{url}/metrics", trust_env=False).status_code in (401, 404)


def test_llm_chat_gets_its_stream(lab, url, tmp_path):
    said = llm_chat(lab, tmp_path, "own", "Hello", "--max-tokens", "8")
    assert said.strip()
    assert "simulated" not in said


def test_its_metrics_are_found_by_the_pods_name(lab, cluster, url):
    (pod,) = pods(cluster)
    asked(url)
    text = metrics(lab, pod).text
    assert 'llm_requests_running{model="own"}' in text
    counted = next(line for line in text.splitlines() if line.startswith('llm_requests_total{model="own",status="ok"'))
    assert float(counted.rpartition(" ")[2]) >= 1


def test_no_command_line_holds_a_key_and_it_listens_on_loopback_alone(lab, url):
    (process,) = engines(lab).values()
    listening = {item.laddr.ip for item in process.net_connections() if item.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    lines = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if KEY in line]
    assert KEY not in "".join(path.read_text(errors="replace") for path in (lab.home / "logs").glob("*.log"))


def test_the_data_plane_may_restart_under_it(lab, url):
    before = {name: process.pid for name, process in engines(lab).items()}
    Processes(lab.home).find("dataplane").kill()
    assert lab.start() is True
    assert asked(url).status_code == 200
    assert {name: process.pid for name, process in engines(lab).items()} == before


def test_without_it_the_simulated_engine_answers_and_the_log_says_so(lab, cluster, url, tmp_path):
    """Also: a stream that has begun when its pod is deleted ends well. Last: the others share the server."""
    (old,) = engines(lab)
    assert lab.start(server=False) is True
    try:
        messages = [{"role": "user", "content": "Hi"}]
        question = {"model": "own", "messages": messages, "max_tokens": 60, "ignore_eos": True, "stream": True}
        headers = {"Authorization": f"Bearer {KEY}"}
        stream = httpx2.stream("POST", f"{url}/v1/chat/completions", json=question, headers=headers, trust_env=False)
        with stream as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("data: ")
            cluster.kubectl("delete", f"pod/{pods(cluster)[0]}", "--namespace=llm", "--wait=false")
            assert [line for line in lines if line][-1] == "data: [DONE]"
        eventually(lambda: old not in engines(lab) and engines(lab), seconds=60)
        eventually(lambda: not (lab.home / "dataplane/keys" / old).exists())
        eventually(lambda: asked(url).status_code == 200, seconds=60)
        assert "simulated answer" in llm_chat(lab, tmp_path, "own", "Hello")
        told = Processes(lab.home).log("dataplane").read_text()
        assert [line for line in told.splitlines() if "started" in line][-1].endswith(": simulated engine")
    finally:
        lab.start(server=True)
