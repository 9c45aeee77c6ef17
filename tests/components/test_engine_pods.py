"""The pods of each engine, read from what the program registers: components know processes, not engines."""

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
@pytest.mark.parametrize("mode", ["shared", "none"])
def test_adapters_are_there_before_the_engine_starts_at_the_path_that_it_is_given(engine, python, mode):
    """By the Job that fills the cache, or in the pod itself where each start begins with an empty directory."""
    config = stack_of({engine: {**ENGINES[engine], "lora": LORA}})
    config["models"][f"m-{engine}"]["cache"] = {"mode": mode, "sizeGiB": 10}
    objects = manifests(config)
    pod = objects[f"Deployment/m-{engine}"]["spec"]["template"]["spec"]
    jobs = [item["spec"]["template"]["spec"]["containers"] for key, item in objects.items() if key.startswith("Job/")]
    assert len(jobs) == (mode == "shared")
    (download,) = pod["initContainers"] if mode == "none" else jobs[0]
    container = pod["containers"][0]
    assert download["image"] == container["image"]
    assert download["command"][0] == python
    cache = next(mount for mount in download["volumeMounts"] if mount["name"] == "cache")
    assert cache in container["volumeMounts"]
    adapters = [one for one in download["args"] if "=" in one and not one.startswith("--")]
    assert {one.partition("@")[0] for one in adapters} == {"org/legal", "org/medical"}
    for one in adapters:
        path = one.partition("=")[2]
        assert path.startswith(f"{cache['mountPath']}/")
        assert f"={path}" in " ".join(container["args"])


def test_a_draft_model_is_fetched_with_the_model():
    draft = {"method": "eagle3", "model": "org/draft", "tokens": 3}
    objects = manifests(stack_of({"vllm": {**ENGINES["vllm"], "speculative": draft}}))
    (job,) = [item for key, item in objects.items() if key.startswith("Job/")]
    (download,) = job["spec"]["template"]["spec"]["containers"]
    assert "org/draft@main" in download["args"]


def test_nothing_is_fetched_where_there_are_no_adapters(objects):
    assert "initContainers" not in objects["Deployment/m-vllm"]["spec"]["template"]["spec"]
