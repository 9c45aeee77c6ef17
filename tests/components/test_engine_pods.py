"""The pods of each engine, read from what the program registers: components know processes, not engines."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support import lab_config, manifests

ENGINES = {
    "vllm": {"name": "vllm", "maxModelLen": 8192},
    "sglang": {"name": "sglang", "maxModelLen": 8192},
    "tgi": {"name": "tgi", "maxTotalTokens": 8192},
    "custom": {"name": "custom", "image": "registry.example.com/team/server:1"},
}
LORA = {"adapters": {"legal": {"model": "org/legal"}, "medical": {"model": "org/medical", "revision": "v1"}}}


def stack_of(engines: dict[str, dict[str, Any]], **sections: Any) -> dict[str, Any]:
    config = lab_config({f"m-{name}": {} for name in engines}, **sections)
    for name, engine in engines.items():
        config["models"][f"m-{name}"]["engine"] = engine
    return config


@pytest.fixture(scope="module")
def objects():
    return manifests(stack_of(ENGINES, monitoring={"mode": "operator"}))


def container_of(objects: dict[str, Any], engine: str) -> dict[str, Any]:
    (container,) = objects[f"Deployment/m-{engine}"]["spec"]["template"]["spec"]["containers"]
    return container


@pytest.mark.parametrize(
    ("engine", "ports", "health", "ready"),
    [
        ("vllm", {"http": 8000}, "/health", "/health"),
        ("sglang", {"http": 30_000}, "/health", "/health"),
        ("tgi", {"http": 8080}, "/health", "/health"),
        ("custom", {"http": 8080, "metrics": 8001}, "/health", "/ready"),
    ],
)
def test_each_engine_is_reached_and_asked_where_it_answers(objects, engine, ports, health, ready):
    container = container_of(objects, engine)
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == ports
    assert container["startupProbe"]["httpGet"] == {"path": health, "port": "http"}
    assert container["livenessProbe"]["httpGet"] == {"path": health, "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": ready, "port": "http"}


def test_metrics_are_scraped_at_the_port_that_has_them(objects):
    scraped = {name: objects[f"PodMonitor/m-{name}"]["spec"]["podMetricsEndpoints"][0]["port"] for name in ENGINES}
    assert scraped == {"vllm": "http", "sglang": "http", "tgi": "http", "custom": "metrics"}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_has_a_home_that_its_user_may_write_to(objects, engine):
    pod = objects[f"Deployment/m-{engine}"]["spec"]["template"]["spec"]
    (name,) = pod["containers"][0]["envFrom"]
    environment = objects[f"ConfigMap/{name['configMapRef']['name']}"]["data"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert environment["HOME"] == mounts["home"]
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] > 0


def test_a_server_of_your_own_runs_its_own_entry_point(objects):
    container = container_of(objects, "custom")
    assert "command" not in container
    assert "args" not in container


@pytest.mark.parametrize("engine", ENGINES)
def test_the_grace_period_holds_the_engines_own_exit(objects, engine):
    pod = objects[f"Deployment/m-{engine}"]["spec"]["template"]["spec"]
    pre_stop = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] == pre_stop + 60 + (30 if engine == "sglang" else 15)


@pytest.mark.parametrize(("engine", "python"), [("vllm", "python3"), ("tgi", "/usr/src/.venv/bin/python")])
def test_adapters_are_fetched_before_the_engine_starts_into_its_cache(engine, python):
    objects = manifests(stack_of({engine: {**ENGINES[engine], "lora": LORA}}))
    pod = objects[f"Deployment/m-{engine}"]["spec"]["template"]["spec"]
    (fetching,) = pod["initContainers"]
    container = pod["containers"][0]
    assert fetching["image"] == container["image"]
    assert fetching["command"][0] == python
    cache = next(mount for mount in fetching["volumeMounts"] if mount["name"] == "cache")
    assert cache in container["volumeMounts"]
    for repository, revision, path in json.loads(fetching["command"][-1]):
        assert path.startswith(f"{cache['mountPath']}/")
        assert path.endswith(f"/{revision}")
        assert f"={path}" in " ".join(container["args"])
        assert repository in ("org/legal", "org/medical")


def test_nothing_is_fetched_where_there_are_no_adapters(objects):
    assert "initContainers" not in objects["Deployment/m-vllm"]["spec"]["template"]["spec"]


HUB = """
import os, pathlib, sys
def snapshot_download(repository, revision, local_dir):
    path = pathlib.Path(local_dir)
    path.mkdir(parents=True, exist_ok=True)
    (path / "adapter_config.json").write_text(revision)
    if repository in os.environ.get("BROKEN", ""):
        sys.exit("the Hub is gone")
    (path / "adapter_model.safetensors").write_text("weights")
"""


def test_the_fetching_script_takes_half_an_adapter_for_none_and_needs_no_hub_for_a_whole_one(tmp_path):
    """The rendered command, run as a process, with a Hub that breaks off."""
    (tmp_path / "huggingface_hub.py").write_text(HUB)
    objects = manifests(stack_of({"vllm": {**ENGINES["vllm"], "lora": LORA}}))
    (fetching,) = objects["Deployment/m-vllm"]["spec"]["template"]["spec"]["initContainers"]
    _, *words, wanted = fetching["command"]
    here = json.dumps(
        [[repository, revision, f"{tmp_path}{path}"] for repository, revision, path in json.loads(wanted)]
    )

    def run(broken: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "BROKEN": broken}
        command = [sys.executable, *words, here]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    interrupted = run(broken="org/medical")
    assert interrupted.returncode != 0
    assert "org/medical@v1: fetching" in interrupted.stdout
    again = run(broken="org/legal")
    assert again.returncode == 0, again.stderr
    assert "org/legal@main: is there" in again.stdout
    assert "org/medical@v1: fetching" in again.stdout
    whole = run(broken="org/legal org/medical")
    assert whole.returncode == 0
    assert whole.stdout.count("is there") == 2
