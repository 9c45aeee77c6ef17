import json
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / "server" / ".venv" / "bin" / "python"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="the server's dependencies are missing: make server")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    subprocess.run(
        [PYTHON, HERE.parents[1] / "lab/tiny_model.py", folder], check=True, capture_output=True, env=environment
    )
    command = [PYTHON, HERE / "engine_run.py", folder]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def test_greedy_is_what_the_library_generates(seen):
    assert seen["choice"]["greedy"]


def test_the_same_seed_gives_the_same_tokens_alone_and_in_a_full_batch(seen):
    assert seen["choice"]["batch"] == 16
    assert seen["choice"]["batched"] == seen["choice"]["alone"]
    assert seen["choice"]["other seed"]
    assert seen["choice"]["no seed differs"]


def test_the_narrowest_rules_take_the_likeliest_token(seen):
    assert seen["choice"]["coldest"]
    assert seen["choice"]["first only"]


def test_logprobs_are_told_beside_the_tokens_and_change_none(seen):
    assert seen["choice"]["logprobs change nothing"]
    for _, logprob, likeliest in seen["choice"]["logprobs"]:
        assert logprob <= likeliest[0][1] <= 0
        assert len(likeliest) == 3
        assert [value for _, value in likeliest] == sorted((value for _, value in likeliest), reverse=True)


def test_an_answer_ends_at_its_limit_and_every_token_is_told_once(seen):
    assert seen["ends"]["limited"] == 7
    assert seen["ends"]["told"] == ["scheduled", 1, 1, 1, 1, 1, 1, 1]
    assert seen["ends"]["times"] == sorted(seen["ends"]["times"])
    assert len(set(seen["ends"]["times"])) == 8


def test_an_answer_ends_with_a_stop_token_unless_it_is_ignored(seen):
    assert seen["ends"]["stopped"]
    assert seen["ends"]["last"][-1]
    assert not any(seen["ends"]["last"][:-1])
    assert seen["ends"]["ignored"]
    assert not seen["ends"]["ignored last"]


def test_200_readers_that_vanish_leave_no_place_taken(seen):
    assert seen["cancelled"]["left"] == {"size": 0, "waiting": 0, "running": 0, "cache_used": 0.0}
    assert seen["cancelled"]["survivor"]
    assert seen["cancelled"]["again"] == [48] * 8
    assert seen["cancelled"]["size"] == 8


def test_batch_and_cache_stay_within_their_limits(seen):
    """Six answers of two pages each share four pages: some are put back and read again, and none is lost or changed."""
    assert seen["limits"]["lengths"] == [350] * 6
    assert seen["limits"]["same"]
    assert seen["limits"]["size"] <= 3
    assert seen["limits"]["running"] <= 3
    assert 0.5 <= seen["limits"]["used"] <= 1
    assert seen["limits"]["left"] == 0
    assert seen["limits"]["longest"] == 1024
    assert "the engine takes 1 + 1 to 1024" in seen["limits"]["refused"]


def test_a_failing_step_fails_its_requests_and_three_in_a_row_end_the_engine(seen):
    failed = "the engine failed: RuntimeError"
    assert seen["failures"]["once"] == [failed, "48"]
    assert seen["failures"]["alive"]
    assert seen["failures"]["often"] == [failed, failed, failed, "the engine has stopped"]


def test_an_engine_that_says_nothing_any_more_is_not_alive_and_its_end_is_an_error(seen):
    assert seen["silent"] == {"at once": True, "later": False, "told": "the engine failed: stopped"}


def test_what_cannot_be_loaded_is_refused_by_name(seen):
    assert seen["refusals"] == [
        "QUANTIZATION is bitsandbytes-4bit, and the package bitsandbytes is not installed",
        "MAX_MODEL_LEN is 4096, and the model reads at most 2048 tokens",
    ]
