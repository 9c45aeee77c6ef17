"""The demo's own process: what it shows and records, what it needs, what it never tells."""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from demo.words import refused, too_long
from lab.hub.server import HubServer
from tests.monitoring.otlp import attributes, receiver
from tests.space.running import PYTHON, ROOT, needs_space, running

pytestmark = needs_space
TRACES = "/api/public/otel/v1/traces"
KEYS = {"LANGFUSE_PUBLIC_KEY": "canary-public", "LANGFUSE_SECRET_KEY": "canary-secret"}


@pytest.fixture(scope="module")
def hub():
    with HubServer(latency={"chunk": 0.1}) as hub:
        hub.told = {
            "MODEL_URL": f"{hub.url}/e/{hub.add_endpoint('m').id}",
            "MODEL_NAME": "/repository",
            "HF_INVOKE_TOKEN": "lab-invoke",
        }
        yield hub


@pytest.fixture(scope="module")
def demo(hub, tmp_path_factory):
    """Narrow limits; and a Langfuse that is there, but no keys for it."""
    with receiver() as (received, _, port):
        limits = {"MAX_INPUT_CHARACTERS": "40", "CONCURRENT_CALLS": "1"}
        folder = tmp_path_factory.mktemp("demo")
        with running(folder, **hub.told, **limits, LANGFUSE_BASE_URL=f"http://127.0.0.1:{port}") as demo:
            yield demo
        assert received.requests == []


def test_the_page_streams_and_tells_why_there_is_no_answer(hub, demo):
    shown = demo.ask("Why is the sky blue?")
    long = demo.ask("x" * 41)
    hub.fault(operation="chat", kind=401)
    refusal = demo.ask("And now?")
    hub.fault(operation="chat", kind="truncated", moment="after")
    broken = demo.ask("Why is the sky blue?")
    config = demo.page()
    assert [message["content"] for message in shown[-1]] == [
        "This is a simulated answer of the lab; no model has read: Why is the sky blue?"
    ]
    assert len({str(messages) for messages in shown}) > 5  # it grew
    assert [message["content"] for message in long[-1]] == [f"*{too_long(41, 40)}*"]
    assert refusal[-1][0]["content"] == f"*{refused(401, paused=False, after=None)}*"
    assert broken[-1][0]["content"].startswith("This is")
    assert "broke off here" in broken[-1][1]["content"]
    assert "This page keeps no questions." in config
    assert "lab-invoke" not in demo.log.read_text() + config
    assert [one.body["messages"] for one in hub.requests if one.operation == "chat"][:2] == [
        [{"role": "user", "content": "Why is the sky blue?"}],
        [{"role": "user", "content": "And now?"}],
    ]


def test_langfuse_gets_question_answer_and_tokens_when_it_is_wanted_and_the_page_says_so(hub, tmp_path):
    with receiver() as (received, _, port):
        host = f"http://127.0.0.1:{port}"
        with running(tmp_path, **hub.told, **KEYS, LANGFUSE_BASE_URL=host) as demo:
            demo.ask("hello")
            config = demo.page()
            until = time.monotonic() + 30
            while TRACES not in [path for path, _, _ in received.requests] and time.monotonic() < until:
                time.sleep(0.1)
    assert f"**Questions and answers are recorded** at {host} (Langfuse)." in config
    noted = attributes(received.spans(TRACES)["chat"])
    assert noted["langfuse.observation.type"] == "generation"
    assert noted["langfuse.observation.model.name"] == "/repository"
    assert '"hello"' in noted["langfuse.observation.input"]
    assert noted["langfuse.observation.output"].endswith("no model has read: hello")
    assert '"output": 13' in noted["langfuse.observation.usage_details"]
    assert b"lab-invoke" not in received.bodies(TRACES)
    assert "canary-secret" not in demo.log.read_text() + config


def test_it_does_not_start_without_what_it_needs_and_says_what_that_is():
    environment = {"PATH": os.environ["PATH"], "MODEL_URL": "http://llm.example.com", "MODEL_KEY": "canary-key"}
    done = subprocess.run(
        [PYTHON, "app.py"], cwd=ROOT / "space", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "This demo cannot start:",
        "MODEL_URL: use https, since questions and the token go there; http is for this machine.",
        "MODEL_NAME: set it to the model's name at its server, as /v1/models lists it.",
    ]


def test_calls_at_once_are_limited_and_so_are_those_who_wait(hub, demo):
    before = len(hub.requests)
    with ThreadPoolExecutor(12) as visitors:
        began = list(visitors.map(lambda _: demo.begin("hello"), range(12)))
        accepted = [one for one in began if one is not None]
        ends = list(visitors.map(lambda begun: (demo.shown(begun), time.monotonic())[1], accepted))
    # One is answered and five wait, or one more where the first has begun before the last came.
    assert 6 <= len(accepted) < 12
    assert len(hub.requests) - before == len(accepted)
    # Each answer of 13 words takes 1.3 s, and none overlaps another.
    assert all(later - earlier > 1 for earlier, later in pairwise(sorted(ends)))
