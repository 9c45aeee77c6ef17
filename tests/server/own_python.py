"""Runs a script in the server's own environment, which this one lacks, and reads what it tells as JSON."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "server/.venv/bin/python"
TINY_MODEL = ROOT / "lab/tiny_model.py"
"""Makes a tiny model in the folder that it is told."""
SCRIPTS = Path(__file__).parent / "scripts"

needs_server = pytest.mark.skipif(not PYTHON.exists(), reason="needs server/.venv (make server)")


def run(script: str, *arguments: str, **environment: str) -> tuple[Any, str]:
    """What it wrote as JSON, and its log."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    done = subprocess.run(
        [PYTHON, SCRIPTS / script, *arguments],
        env={**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr
