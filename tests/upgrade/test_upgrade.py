"""A stack brought up by an earlier state of the project upgrades without losing what holds data or an address."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.endpoint_stacks import program_in
from tests.support import PROJECT

ENDPOINTS = sorted(Path(__file__).parent.glob("*/house.json"))
RECORDED = sorted(Path(__file__).parent.glob("*/dev.json"))
LASTING = ("Deployment", "PersistentVolumeClaim", "Service", "Namespace", "Endpoint")
HARMLESS = ("same", "update", "create", "read")


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda path: path.parent.name)
def test_todays_program_replaces_nothing_that_lasts(recorded, tmp_path):
    stacks = tmp_path / ".pulumi" / "stacks" / "llm-inference"
    stacks.mkdir(parents=True)
    shutil.copy(recorded, stacks)
    done = subprocess.run(
        [sys.executable, "-m", "lab.engine", "preview", "--stack=dev", "--json"],
        cwd=PROJECT.root,
        env={
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{tmp_path}",
            "PULUMI_CONFIG_PASSPHRASE": "lab",
            "KUBECONFIG": "/nonexistent",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = json.loads(done.stdout)
    steps = shown["steps"]
    # Nothing that was there has dropped out of sight.
    before = json.loads(recorded.read_text())["checkpoint"]["latest"]["resources"]
    assert sum(shown["changeSummary"].values()) >= len(before)
    lost = [
        (step["op"], step["urn"])
        for step in steps
        if step["op"] not in HARMLESS and step["urn"].split("::")[2].rpartition(":")[2] in LASTING
    ]
    assert lost == []


@pytest.mark.parametrize("recorded", ENDPOINTS, ids=lambda path: path.parent.name)
def test_todays_program_replaces_no_endpoint(recorded, tmp_path):
    """A stack of endpoints only, on a machine that cannot reach the API."""
    program_in(tmp_path / "program")
    shutil.copy(recorded.parent / "Pulumi.house.yaml", tmp_path / "program")
    stacks = tmp_path / ".pulumi" / "stacks" / "llm-inference"
    stacks.mkdir(parents=True)
    shutil.copy(recorded, stacks)
    done = subprocess.run(
        [sys.executable, "-m", "lab.engine", "preview", "--stack=house", "--json"],
        cwd=tmp_path / "program",
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("LLM_LAB_HUB")},
            "PULUMI_BACKEND_URL": f"file://{tmp_path}",
            "PULUMI_CONFIG_PASSPHRASE": "house",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = json.loads(done.stdout)
    assert [(step["op"], step["urn"]) for step in shown["steps"] if step["op"] not in ("same", "update")] == []
    before = json.loads(recorded.read_text())["checkpoint"]["latest"]["resources"]
    assert sum(shown["changeSummary"].values()) >= len(before) - 1  # the default provider is not counted


def test_there_is_something_to_upgrade_from():
    assert RECORDED != []
    assert ENDPOINTS != []
