"""A stack brought up by an earlier state of the project upgrades without losing what holds data or an address."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import PROJECT

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


def test_there_is_something_to_upgrade_from():
    assert RECORDED != []
