"""The vLLM image's entrypoint as a process, with a stand-in `vllm` on PATH."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from blueprint.engines import vllm
from blueprint.engines.flags import flags_of
from tests.support import PROJECT

ENTRYPOINT = PROJECT.root / "server/vllm/entrypoint.py"
STAND_IN = Path(__file__).parent / "vllm_stand_in.py"
MODEL = "Qwen/Qwen2.5-1.5B-Instruct"


@pytest.fixture
def started(tmp_path):
    """Run the entrypoint with an environment: what it gave to vllm, or None and what it said."""
    program = tmp_path / "bin/vllm"
    program.parent.mkdir()
    shutil.copy(STAND_IN, program)
    program.chmod(0o755)

    def start(**environment):
        path = f"{program.parent}:{os.environ['PATH']}"
        done = subprocess.run(
            [sys.executable, ENTRYPOINT], env={"PATH": path, **environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == (1 if done.stderr else 0)
        return (json.loads(done.stdout) if done.stdout else None), done.stderr

    return start


def test_a_model_alone_gets_the_defaults(started):
    given, _ = started(MODEL_NAME=MODEL)
    assert given["argv"] == [
        "serve",
        MODEL,
        "--host=0.0.0.0",
        "--port=8000",
        "--max-model-len=8192",
        "--gpu-memory-utilization=0.9",
        "--tensor-parallel-size=1",
        "--shutdown-timeout=60",
    ]


def test_every_variable_reaches_the_command_line(started):
    given, _ = started(
        MODEL_NAME="/models/mine",
        MODEL_REVISION="989aa7980e4c",
        MAX_MODEL_LEN="4096",
        GPU_MEMORY_UTILIZATION="0.85",
        TENSOR_PARALLEL_SIZE="4",
        DRAIN_SECONDS="0",
        EXTRA_ARGS="""--served-model-name 'two words' --hf-overrides '{"a": "$HOME"}' --enable-prefix-caching""",
    )
    assert given["argv"] == [
        "serve",
        "/models/mine",
        "--revision=989aa7980e4c",
        "--host=0.0.0.0",
        "--port=8000",
        "--max-model-len=4096",
        "--gpu-memory-utilization=0.85",
        "--tensor-parallel-size=4",
        "--shutdown-timeout=0",
        "--served-model-name",
        "two words",
        "--hf-overrides",
        '{"a": "$HOME"}',
        "--enable-prefix-caching",
    ]


def test_an_empty_variable_is_as_good_as_none(started):
    """A compose file gives an empty text for what the shell does not have."""
    empty = dict.fromkeys(("MODEL_REVISION", "MAX_MODEL_LEN", "GPU_MEMORY_UTILIZATION", "DRAIN_SECONDS"), "")
    assert started(MODEL_NAME=MODEL, **empty)[0]["argv"] == started(MODEL_NAME=MODEL)[0]["argv"]


def test_keys_stay_in_the_environment(started):
    given, _ = started(MODEL_NAME=MODEL, VLLM_API_KEY="canary-key", HF_TOKEN="canary-token")
    assert "canary" not in " ".join(given["argv"])
    assert given["environment"]["VLLM_API_KEY"] == "canary-key"
    assert given["environment"]["HF_TOKEN"] == "canary-token"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MODEL_NAME", "", "MODEL_NAME is empty. Give a repository or a directory"),
        ("MODEL_NAME", "--trust-remote-code", "starts with a dash"),
        ("MODEL_NAME", "two words", "has a space"),
        ("MAX_MODEL_LEN", "8k", "MAX_MODEL_LEN='8k' is no whole number from 1 up"),
        ("MAX_MODEL_LEN", "0", "MAX_MODEL_LEN='0' is no whole number from 1 up"),
        ("MAX_MODEL_LEN", "٤٠٩٦", "is no whole number from 1 up"),
        ("TENSOR_PARALLEL_SIZE", "-1", "TENSOR_PARALLEL_SIZE='-1' is no whole number from 1 up"),
        ("DRAIN_SECONDS", "1.5", "DRAIN_SECONDS='1.5' is no whole number from 0 up"),
        *[
            ("GPU_MEMORY_UTILIZATION", bad, "no number above 0 and up to 1")
            for bad in ("90%", "0", "1.1", "nan", "inf")
        ],
        (
            "EXTRA_ARGS",
            "--max-model-len 4096",
            "EXTRA_ARGS has --max-model-len, which is set already. Use MAX_MODEL_LEN.",
        ),
        ("EXTRA_ARGS", "--max_model_len=4096", "Use MAX_MODEL_LEN."),
        ("EXTRA_ARGS", "--gpu-mem 0.5", "Use GPU_MEMORY_UTILIZATION."),
        ("EXTRA_ARGS", "--dtype auto -tp 2", "Use TENSOR_PARALLEL_SIZE."),
        ("EXTRA_ARGS", "-tp=2", "Use TENSOR_PARALLEL_SIZE."),
        ("EXTRA_ARGS", "--model x", "Use MODEL_NAME."),
        ("EXTRA_ARGS", "--shutdown-timeout 1", "Use DRAIN_SECONDS."),
        ("EXTRA_ARGS", "--port 9000", "Use the published port of the container."),
        ("EXTRA_ARGS", "--api-key canary-key", "Use VLLM_API_KEY."),
        ("EXTRA_ARGS", "--hf-token=canary-token", "Use HF_TOKEN."),
        (
            "EXTRA_ARGS",
            "--name 'canary-key",
            "EXTRA_ARGS cannot be split into words as a shell does: no closing quotation.",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(started, name, value, said):
    given, refusal = started(**{"MODEL_NAME": MODEL, name: value})
    assert given is None
    assert said in refusal
    assert "canary" not in refusal
    assert "Traceback" not in refusal


def test_all_mistakes_are_told_at_once(started):
    _, refusal = started(MAX_MODEL_LEN="many", GPU_MEMORY_UTILIZATION="2", EXTRA_ARGS="--port 1 --model x")
    assert [line.split("=")[0].split(" ")[0] for line in refusal.splitlines()] == [
        "MODEL_NAME",
        "GPU_MEMORY_UTILIZATION",
        "MAX_MODEL_LEN",
        "EXTRA_ARGS",
        "EXTRA_ARGS",
    ]


def test_a_base_without_vllm_is_told(tmp_path):
    done = subprocess.run(
        [sys.executable, ENTRYPOINT],
        env={"PATH": str(tmp_path), "MODEL_NAME": MODEL},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("vllm cannot be started: No such file or directory.")


@pytest.mark.parametrize("version", vllm.VERSIONS)
def test_every_flag_is_one_that_vllm_has(started, version):
    given, _ = started(MODEL_NAME=MODEL, MODEL_REVISION="main")
    flags = {word.partition("=")[0] for word in given["argv"] if word.startswith("--")}
    assert [flag for flag in flags if flags_of("vllm", version).get(flag) is None] == []
