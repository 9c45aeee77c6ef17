"""SIGTERM in the middle of answers."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.server.running import Running, running, starting

TOKENS = 250
"""Enough that SIGTERM arrives before the last of them, also where a token takes 5 ms only."""

ASKED = {"prompt": "The cluster", "max_tokens": TOKENS, "temperature": 0, "ignore_eos": True}


def drained(server: Running) -> None:
    """Send SIGTERM, and wait until it has arrived."""
    server.terminate()
    until = time.monotonic() + 60
    while server.get("/ready").status_code != 503:
        assert time.monotonic() < until


def test_what_was_accepted_completes_and_the_new_is_refused(tiny, tmp_path):
    with (
        running(tiny, tmp_path, DRAIN_SECONDS="300", MAX_RUNNING_REQUESTS="2") as server,
        ThreadPoolExecutor(3) as threads,
    ):
        stream = server.events("/v1/completions", {**ASKED, "stream": True})
        next(stream)
        others = [threads.submit(server.post, "/v1/completions", ASKED) for _ in range(3)]  # one runs, two wait
        until = time.monotonic() + 60
        while server.metric("llm_requests_running") + server.metric("llm_requests_waiting") < 4:
            assert time.monotonic() < until
            time.sleep(0.01)
        drained(server)
        assert server.get("/health").status_code == 200
        refused = server.post("/v1/completions", ASKED)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert refused.json()["error"]["code"] == "server_draining"
        *_, last, done = stream
        assert last["choices"][0]["finish_reason"] == "length"
        assert done == "[DONE]"
        assert [other.result().json()["usage"]["completion_tokens"] for other in others] == [TOKENS] * 3
        assert server.process.wait(timeout=300) == 0


def test_what_does_not_complete_in_time_is_cut_off_and_told_so(tiny, tmp_path):
    with running(tiny, tmp_path, DRAIN_SECONDS="1") as server:
        stream = server.events("/v1/completions", {**ASKED, "max_tokens": 2000, "stream": True})
        next(stream)
        began = time.monotonic()
        server.terminate()
        *_, last, _ = stream
        assert last["error"]["code"] == "server_exits"
        assert server.process.wait(timeout=20) == 0
        assert 1 <= time.monotonic() - began < 15


@pytest.mark.parametrize("said", ["settings", "listening"])
def test_before_the_model_is_loaded_it_exits_at_once(tiny, tmp_path, said):
    """While libraries are imported, and while weights are read: neither can be stopped half-way."""
    with starting(tiny, tmp_path) as server:
        until = time.monotonic() + 60
        while said not in [json.loads(line)["message"] for line in whole_lines(server)]:
            assert time.monotonic() < until
            time.sleep(0.01)
        began = time.monotonic()
        server.terminate()
        assert server.process.wait(timeout=30) == 0
        assert time.monotonic() - began < 10
        assert [line for line in server.lines() if line["level"] == "error"] == []


def whole_lines(server: Running) -> list[str]:
    """The log as far as it is written: its last line may be half a one."""
    return server.log.read_text().split("\n")[:-1]
