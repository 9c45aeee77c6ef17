"""The examples: what a person copies has to work as it stands."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.support import PROJECT, copy_project

EXAMPLES = sorted((PROJECT.root / "examples").glob("*.yaml"))
KINDS = {
    "adapters": "Deployment",
    "custom-server": "Image",
    "monitoring-standalone": "StatefulSet",
    "processors": "Deployment",
    "quantised": "ScaledObject",
    "seventy-billion": "HTTPRoute",
    "two-nodes": "LeaderWorkerSet",
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_previews_as_a_stack_of_its_own(example, tmp_path):
    root = tmp_path / "project"
    copy_project(root)
    shutil.copy(example, root / f"Pulumi.{example.stem}.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "lab.deploy", "preview", f"--stack={example.stem}", "--engine=lab"],
        cwd=root,
        env={**os.environ, "PULUMI_BACKEND_URL": f"file://{tmp_path}", "PULUMI_CONFIG_PASSPHRASE": "x"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\+ \d+ to create", done.stdout)
    assert f":{KINDS[example.stem]} " in done.stdout


def test_every_example_is_told_of():
    told = (PROJECT.root / "examples" / "README.md").read_text()
    assert [path.name for path in EXAMPLES if f"({path.name})" not in told] == []
