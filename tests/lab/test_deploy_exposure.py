"""A published model through `make up`: its keys rotate by one rollout, and are nowhere in clear text."""

import json
import subprocess
import sys

import pytest
import yaml

from tests.lab.test_deploy import deploy, kubectl
from tests.support import copy_project

OLD, NEW = "an-old-key-of-the-tests-" + "0" * 16, "a-new-key-of-the-tests-" + "1" * 16
DOORS = {
    "gateway": {"className": "envoy", "podNamespace": "envoy-gateway-system"},
    "ingress": {"controller": "nginx"},
    "certIssuer": "letsencrypt",
}


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "project"
    copy_project(root)
    yield root
    subprocess.run([sys.executable, "-m", "lab.cluster", "down", "--delete"], cwd=root, check=True)


def publish(root, *keys):
    file = root / "Pulumi.dev.yaml"
    stack = yaml.safe_load(file.read_text())
    config = stack["config"]
    config["llm-inference:cluster"] |= DOORS
    models = config["llm-inference:models"]
    models.pop("qwen-1-5b-endpoint", None)
    models["qwen-1-5b"]["expose"] = {"host": "llm.example.com", "auth": "engineKey", "keys": list(keys)}
    file.write_text(yaml.safe_dump(stack))


def set_key(root, name, value):
    command = [sys.executable, "-m", "lab.engine", "config", "set", "--stack=dev", "--secret"]
    subprocess.run([*command, f"llm-inference-secrets:{name}"], cwd=root, input=value, text=True, check=True)


@pytest.mark.prove
def test_keys_rotate_by_one_rollout_that_preview_names_and_stay_secret(checkout, monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "lab")
    set_key(checkout, "old", OLD)
    publish(checkout, "old")
    outputs = [deploy(checkout, "up", "--engine=lab")]
    assert 'qwen-1-5b: "https://llm.example.com"' in outputs[0]

    set_key(checkout, "new", NEW)
    publish(checkout, "new", "old")
    outputs.append(deploy(checkout, "preview", "--engine=lab"))
    assert '["llm-inference/keys"]: "old" => "new, old"' in outputs[-1]
    assert "new, old are valid; a change restarts the replicas, the new one first: no interruption" in outputs[-1]
    outputs.append(deploy(checkout, "up", "--engine=lab"))
    assert "Nothing changes" in deploy(checkout, "up", "--engine=lab")

    rollouts = json.loads(kubectl(checkout, "get", "replicasets", "--namespace=llm", "--output=json"))["items"]
    assert len(rollouts) == 2
    (secret,) = [
        item
        for item in json.loads(kubectl(checkout, "get", "secrets", "--namespace=llm", "--output=json"))["items"]
        if item["metadata"]["name"].startswith("qwen-1-5b-keys-")
    ]
    (volume,) = [
        one["secret"]["secretName"]
        for one in json.loads(kubectl(checkout, "get", "deployment", "qwen-1-5b", "-nllm", "-ojson"))["spec"][
            "template"
        ]["spec"]["volumes"]
        if one["name"] == "keys"
    ]
    assert volume == secret["metadata"]["name"]

    state = [path.read_text() for path in (checkout / ".lab/state").rglob("*.json")]
    logs = [path.read_text(errors="replace") for path in (checkout / ".lab").rglob("*.log")]
    seen = "\n".join([*outputs, *state, *logs, (checkout / "Pulumi.dev.yaml").read_text()])
    assert state
    assert OLD not in seen
    assert NEW not in seen
