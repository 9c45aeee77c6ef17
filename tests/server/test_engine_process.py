"""The engine's process: what it is told, how it ends, and what its end means for those who wait."""

import json
import os
import shutil
import signal
import threading
import time

import psutil
import pytest

from tests.server.running import Running, running, starting

LONG = {"prompt": "The cluster", "max_tokens": 1900, "temperature": 0, "ignore_eos": True}
WAIT_SECONDS = 60


def engine(server: Running) -> psutil.Process:
    """The one process that the server has started."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        found = psutil.Process(server.process.pid).children()
        if found and "server.engine" in found[0].cmdline():
            assert len(found) == 1
            return found[0]
        time.sleep(0.01)
    raise AssertionError("there is no process of the engine")


def ended(process: psutil.Process) -> None:
    """Wait until it is gone, or dead and nobody has asked for its exit code."""
    until = time.monotonic() + WAIT_SECONDS
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, f"{process} still runs"
        time.sleep(0.05)


def test_it_knows_no_key_and_no_setting_of_the_server(narrow):
    process = engine(narrow)
    told = " ".join(process.cmdline())
    assert str(narrow.log.parent) not in told
    variables = process.environ()
    assert narrow.key not in {*variables.values(), told}
    assert not {"API_KEY", "API_KEYS_FILE", "PORT", "MODEL_ID"} & variables.keys()


def test_the_servers_process_goes_first_and_has_no_torch(narrow):
    process = engine(narrow)
    assert process.nice() > psutil.Process(narrow.process.pid).nice()
    maps = [{os.path.basename(each.path) for each in one.memory_maps()} for one in (process, process.parent())]  # noqa: PTH119
    assert ["libtorch_cpu.so" in each for each in maps] == [True, False]


def test_no_orphan_is_left_by_a_server_that_is_killed(tiny, tmp_path):
    with running(tiny, tmp_path) as server:
        stream = server.events("/v1/completions", {**LONG, "stream": True})
        next(stream)
        process = engine(server)
        server.process.kill()
        ended(process)


def test_nor_by_one_that_is_killed_while_the_model_is_loaded(tiny, tmp_path):
    with starting(tiny, tmp_path) as server:
        process = engine(server)
        server.process.kill()
        ended(process)


def test_its_death_is_an_error_to_those_who_wait_and_the_end_of_the_server(tiny, tmp_path):
    with running(tiny, tmp_path) as server:
        stream = server.events("/v1/completions", {**LONG, "stream": True})
        next(stream)
        waiting: list[int] = []
        thread = threading.Thread(
            target=lambda: waiting.append(server.post("/v1/completions", LONG).status_code), daemon=True
        )
        thread.start()
        until = time.monotonic() + WAIT_SECONDS
        while server.metric("llm_requests_running") < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        engine(server).kill()
        *_, last, done = stream
        assert (last["error"]["code"], done) == ("engine_error", "[DONE]")
        thread.join(WAIT_SECONDS)
        assert waiting == [500]
        assert server.process.wait(WAIT_SECONDS) == 1
        (line,) = [line for line in server.lines() if line["message"] == "the engine has stopped"]
        assert line["process"] == "its process was ended by SIGKILL"


def test_a_signal_to_all_processes_lets_answers_complete(tiny, tmp_path):
    """As of a terminal, or of a service manager: the engine leaves it to the server."""
    with running(tiny, tmp_path, DRAIN_SECONDS="300") as server:
        stream = server.events("/v1/completions", {**LONG, "max_tokens": 250, "stream": True})
        next(stream)
        process = engine(server)
        for number in (signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
        server.terminate()
        *_, last, _ = stream
        assert last["choices"][0]["finish_reason"] == "length"
        assert server.process.wait(WAIT_SECONDS) == 0
        ended(process)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"MAX_MODEL_LEN": "4096"}, "MAX_MODEL_LEN is 4096, and the model reads at most 2048 tokens"),
        (
            {"QUANTIZATION": "bitsandbytes-4bit"},
            "QUANTIZATION is bitsandbytes-4bit, and the package bitsandbytes is not installed",
        ),
    ],
)
def test_what_keeps_the_model_from_being_loaded_is_told_by_the_server(tiny, tmp_path, variables, said):
    with starting(tiny, tmp_path, **variables) as server:
        assert server.process.wait(240) == 1
        (line,) = [line for line in server.lines() if line["level"] == "error"]
        assert line["message"] == f"the model cannot be loaded: {said}"
        assert line["exception"] == "LoadError"
        assert any("server/engine/load.py" in frame for frame in line["frames"])


def test_a_process_that_dies_while_it_loads_is_told_with_its_signal(tiny, tmp_path):
    """As where memory is short: the kernel kills it, and it says nothing."""
    with starting(tiny, tmp_path) as server:
        engine(server).kill()
        assert server.process.wait(WAIT_SECONDS) == 1
        (line,) = [line for line in server.lines() if line["level"] == "error"]
        assert line["message"] == (
            "the model cannot be loaded: the engine ended before the model was loaded: its process was ended by SIGKILL"
        )


def test_a_tokenizer_that_cannot_be_loaded_ends_the_server(tiny, tmp_path):
    model = shutil.copytree(tiny, tmp_path / "model")
    (model / "tokenizer.json").write_text("{}")
    with starting(model, tmp_path) as server:
        assert server.process.wait(240) == 1
        errors = [json.dumps(line) for line in server.lines() if line["level"] == "error"]
        assert any("the model cannot be loaded" in line for line in errors)
