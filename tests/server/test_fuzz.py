"""The server against whatever its own OpenAPI description allows, and what it does not: schemathesis makes it up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.running import running

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
HANGS = 30  # seconds: an answer here has less than a hundred tokens


@pytest.mark.parametrize(
    ("selected", "seconds"),
    [
        (("--phases", "fuzzing", "--include-method", "POST", "--seed", "1"), 30),
        pytest.param(("--phases", "coverage,fuzzing,stateful"), 300, marks=pytest.mark.prove),
    ],
    ids=["what asks the model", "all"],
)
def test_nothing_that_is_sent_breaks_it_or_hangs(tiny, tmp_path, selected, seconds):
    with running(tiny, tmp_path, MAX_MODEL_LEN="96", MAX_RUNNING_REQUESTS="8") as server:
        words = ["--checks", ",".join(CHECKS), *selected, "--max-time", str(seconds)]
        words += ["--request-timeout", str(HANGS), "--continue-on-failure", "--no-shrink"]
        done = subprocess.run(
            [Path(sys.executable).parent / "schemathesis", "run", f"{server.url}/openapi.json", *words],
            env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.server.fuzz_hooks", "NO_COLOR": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=seconds + 120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert server.post("/v1/completions", {"prompt": "a", "max_tokens": 2}).status_code == 200
        assert [line for line in server.lines() if line["level"] == "error"] == []
