"""server/compose.yaml: what each profile starts. Read by compose itself where it is installed."""

import json
import os
import shutil
import subprocess

import pytest
import yaml

from blueprint.engines import EXIT_SECONDS
from tests.support import PROJECT

FILE = PROJECT.root / "server/compose.yaml"
PROFILES = {"vllm": "vllm", "quantized": "quantized", "70b": "llama-70b", "cpu": "cpu", "tgi": "tgi"}
SERVICES = yaml.safe_load(FILE.read_text())["services"]


def _compose() -> list[str] | None:
    for words in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(words[0])
            and not subprocess.run([*words, "version"], capture_output=True, check=False).returncode
        ):
            return words
    return None


@pytest.mark.skipif(_compose() is None, reason="needs docker compose")
@pytest.mark.parametrize("profile", PROFILES)
def test_compose_takes_the_file(profile):
    done = subprocess.run(
        [*_compose(), "--file", FILE, "--profile", profile, "config"],
        env={"PATH": os.environ["PATH"], "HF_TOKEN": "from-the-shell"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    service = yaml.safe_load(done.stdout)["services"][PROFILES[profile]]
    assert service["environment"]["HF_TOKEN"] == "from-the-shell"


def test_each_profile_starts_one_service():
    assert {profile: name for name, service in SERVICES.items() for profile in service["profiles"]} == PROFILES


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_reachable_from_other_machines(name):
    assert [port for port in SERVICES[name]["ports"] if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", SERVICES)
def test_keys_and_tokens_are_taken_from_the_shell(name):
    environment = SERVICES[name]["environment"]
    secret = {key: value for key, value in environment.items() if key.endswith(("_KEY", "_TOKEN"))}
    assert len(secret) == 2
    assert set(secret.values()) == {None}


@pytest.mark.parametrize("name", SERVICES)
def test_a_stop_waits_for_the_drain_and_the_exit(name):
    """SIGKILL comes after both, or answers are cut off."""
    service = SERVICES[name]
    engine = {"cpu": "custom", "tgi": "tgi"}.get(name, "vllm")
    drain = service["environment"].get("DRAIN_SECONDS") or service["command"][-1]
    assert int(service["stop_grace_period"].removesuffix("s")) > int(drain) + EXIT_SECONDS[engine]


@pytest.mark.parametrize(("name", "gpus"), [("vllm", 1), ("quantized", 1), ("llama-70b", 4), ("tgi", 1), ("cpu", 0)])
def test_gpus_are_as_many_as_the_engine_uses(name, gpus):
    deploy = json.dumps(SERVICES[name].get("deploy", {}))
    assert deploy.count(f'"count": {gpus}, "capabilities": ["gpu"]') == (1 if gpus else 0)
    if name == "llama-70b":
        assert SERVICES[name]["environment"]["TENSOR_PARALLEL_SIZE"] == gpus


def test_images_are_the_projects_or_the_locks():
    images = {service["image"] for service in SERVICES.values() if "build" not in service}
    assert images <= set(PROJECT.images_lock().images)
