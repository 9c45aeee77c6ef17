"""Many at once: prompts that no step reads whole, and clients that come and go."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.server.running import running
from tests.server.vanishing import STAYING, Crowd, question

PROMPTS = [f"{number} of many: " + "the nodes of a cluster and what runs on them, " * 12 for number in range(16)]
GROWTH = 48 * 2**20  # bytes: allocators and the library's prefix cache still fill up while a server is young


def answer(server, body):
    response = server.post("/v1/completions", body)
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["text"]


def test_prompts_that_take_several_steps_are_answered_as_if_alone(server):
    """A step on a CPU reads 512 tokens: of one long prompt a part, of many together some whole and one in part."""
    asked = [{"prompt": prompt, "max_tokens": 8, "temperature": 0} for prompt in ["word " * 900, *PROMPTS]]
    alone = [answer(server, body) for body in asked]
    with ThreadPoolExecutor(len(asked)) as threads:
        assert list(threads.map(lambda body: answer(server, body), asked)) == alone


def ended(server):
    """How many requests ended, by status."""
    statuses = ("ok", "cancelled", "invalid", "rejected", "timeout", "error")
    return {each: server.metric(f'llm_requests_total{{model="tiny",status="{each}"}}') for each in statuses}


@pytest.mark.parametrize("seconds", [10, pytest.param(120, marks=pytest.mark.prove)])
def test_200_clients_that_vanish_leave_nothing_behind(tiny, tmp_path, seconds, capsys):
    """No place, no memory, no count; and who stays gets what the seed gives alone."""
    # Where others use the machine, many come before the server sees that others left: none is to be turned away here.
    with running(tiny, tmp_path, MAX_QUEUED_REQUESTS="10000") as server:
        alone = {seed: answer(server, question(seed, 32)) for seed in range(STAYING)}
        before = ended(server)
        crowd = Crowd(server)
        asyncio.run(crowd.run(200, seconds))
        until = time.monotonic() + 150
        while sum(ended(server).values()) - sum(before.values()) < crowd.sent and time.monotonic() < until:
            time.sleep(0.2)
        now = {status: count - before[status] for status, count in ended(server).items()}
        # Some were answered to the end while their clients were leaving.
        assert crowd.read <= now.pop("ok") == crowd.sent - now.pop("cancelled")
        assert set(now.values()) == {0}
        assert (server.metric("llm_requests_running"), server.metric("llm_requests_waiting")) == (0, 0)
        assert {seed: list(texts) for seed, texts in crowd.texts.items()} == {
            seed: [text] for seed, text in alone.items()
        }
        quarter = len(crowd.memory) // 4
        grown = max(crowd.memory[-quarter:]) - max(crowd.memory[quarter : 2 * quarter])
        with capsys.disabled():
            print(f"\n{crowd.sent} requests, {crowd.read} read whole, memory {grown / 2**20:+.1f} MiB")  # noqa: T201
        assert grown < GROWTH
        assert server.post("/v1/completions", {"prompt": "a", "max_tokens": 2}).status_code == 200
