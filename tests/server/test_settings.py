"""What the server makes of its environment."""

import json
import subprocess
from typing import get_args

import pytest

from blueprint.engines import custom
from blueprint.settings.engine_custom import ClusterCustom
from tests.server.own_python import PYTHON, ROOT, needs_server, run
from tests.server.running import environment


def refused(**variables: str) -> list[str]:
    """What it says to an environment that it refuses."""
    if not PYTHON.exists():
        pytest.skip("needs make server")
    done = subprocess.run(
        [PYTHON, "-m", "server"],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return [json.loads(line)["message"] for line in done.stdout.splitlines()]


def test_every_wrong_value_is_named_with_what_would_work():
    said = refused(MODEL_ID="", PORT="many", DTYPE="int3", MAX_RUNNING_REQUESTS="0", DRAIN_SECONDS="-1")
    assert [line.split(":")[0].split(" is")[0] for line in said] == [
        "MODEL_ID",
        "PORT=many",
        "DTYPE=int3",
        "MAX_RUNNING_REQUESTS=0",
        "DRAIN_SECONDS=-1",
    ]
    assert "'auto', 'float32', 'float16' or 'bfloat16'" in said[2]
    assert "greater than or equal to 1" in said[3]


def test_a_file_of_keys_that_is_empty_opens_nothing(tmp_path):
    (tmp_path / "keys").write_text("\n\n")
    (said,) = refused(MODEL_ID="m", API_KEYS_FILE=str(tmp_path / "keys"))
    assert said == f"API_KEYS_FILE={tmp_path}/keys: no key in it; write one a line"


def test_traces_that_cannot_be_sent_are_refused_by_the_variables_name():
    (said,) = refused(MODEL_ID="m", LANGFUSE_HOST="https://langfuse.example.com", LANGFUSE_SECRET_KEY="sk-canary")
    assert "LANGFUSE_PUBLIC_KEY" in said
    assert "sk-canary" not in said


def test_they_are_printed_at_start_without_secrets(narrow):
    printed = narrow.lines()[0]["settings"]
    assert printed["MAX_RUNNING_REQUESTS"] == 1
    assert printed["SERVED_NAME"] == "tiny"
    assert printed["API_KEY"] == "set"
    assert printed["LANGFUSE_SECRET_KEY"] is None


@needs_server
def test_what_a_stack_tells_the_server_is_what_it_reads():
    listed, _ = run("settings_table.py")
    defaults = {name.strip("`"): default.strip("`") for name, default, _ in listed}
    told = {*custom.OPTIONS.values(), custom.KEYS.keys_variable, *custom.VARIABLES} - {"USER"}
    assert told <= defaults.keys()
    assert defaults["MAX_RUNNING_REQUESTS"] == str(custom.SERVER_MAX_RUNNING)


@pytest.mark.parametrize("option", ["dtype", "quantization"])
def test_a_stack_offers_the_words_that_the_server_knows(option):
    (offered, _) = get_args(ClusterCustom.model_fields[option].annotation)
    (said,) = refused(MODEL_ID="x", **{custom.OPTIONS[option]: "another"})
    words = [f"'{word}'" for word in get_args(offered)]
    assert f"should be {', '.join(words[:-1])} or {words[-1]}." in said
