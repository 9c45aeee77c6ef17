"""`hf endpoints`, as a process of its own, against the stand-in."""

import json
import os
import subprocess
import sys

import pytest

RUN = """\
import sys
import huggingface_hub.constants as constants
constants.INFERENCE_ENDPOINTS_ENDPOINT = sys.argv[1] + "/v2"
constants.INFERENCE_CATALOG_ENDPOINT = sys.argv[1] + "/api/v1/catalog"
sys.argv = ["hf", *sys.argv[2:]]
from huggingface_hub.cli.hf import main
main()
"""
"""The client has no option for its address: the constants are set, and its own main is called."""


@pytest.fixture
def hf(hub, tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "lab-write",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "NO_PROXY": "127.0.0.1",
    }

    def hf(*arguments, code=0):
        command = [sys.executable, "-c", RUN, hub.url, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    return hf


def test_the_commands_lead_through_the_life_of_an_endpoint(hf, hub):
    where = ("--namespace", "lab-org")
    hf(
        *("endpoints", "deploy", "one", "--repo", "Qwen/Qwen2.5-1.5B-Instruct", "--framework", "custom"),
        *("--engine", "vllm", "--custom-image", "vllm/vllm-openai:v0.23.0", "--port", "8000"),
        *("--accelerator", "gpu", "--instance-type", "nvidia-l4", "--instance-size", "x1"),
        *("--region", "us-east-1", "--vendor", "aws", "--type", "private", "--min-replica", "1"),
        *("--env", "A=1", "--secrets", "S=opensesame", *where),
    )
    assert hub.endpoint("one").state == "pending"
    hub.advance(60)
    assert json.loads(hf("endpoints", "ls", *where, "--format", "json"))[0]["status"] == "running"
    assert json.loads(hf("endpoints", "ls", "--namespace", "*", "--format", "json"))[0]["name"] == "one"
    assert "opensesame" not in hf("endpoints", "describe", "one", *where)
    hf("endpoints", "update", "one", "--container-args", "--max-model-len 4096", *where)
    hub.advance(60)
    assert hub.endpoint("one").serving["model"]["args"] == ["--max-model-len", "4096"]
    hf("endpoints", "scale-to-zero", "one", *where)
    assert hub.endpoint("one").state == "scaledToZero"
    hf("endpoints", "pause", "one", *where)
    hf("endpoints", "resume", "one", *where)
    hub.advance(60)
    hf("endpoints", "resume", "one", *where)
    hf("endpoints", "resume", "one", "--fail-if-already-running", *where, code=400 % 256)
    hf("endpoints", "delete", "one", "--yes", *where)
    assert hub.endpoint("one").deleted_at is not None


def test_hardware_and_catalogue(hf):
    listed = hf("endpoints", "hardware", "--namespace", "lab-org", "--instance-type", "nvidia-l4", "--format", "json")
    assert {row["price_per_hour"] for row in json.loads(listed)} == {0.8, 3.8, 0.7}
    assert "simulated-noodles-l4x1" in hf("endpoints", "catalog", "ls", "--format", "json")
    hf("endpoints", "catalog", "deploy", "--recipe", "simulated-noodles-l4x1", "--name", "x", "--namespace", "lab-org")


def test_download(hf, tmp_path):
    hf("download", "lab-org/tiny", "--local-dir", str(tmp_path / "tiny"))
    assert (tmp_path / "tiny" / "model.safetensors").stat().st_size > 1000
