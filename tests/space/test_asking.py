"""What a visitor is told in each state of the model, against the lab's stand-in and a server that misbehaves."""

import asyncio
import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from demo import asking, words
from demo.asking import Model, Notice, Piece
from demo.settings import Settings
from lab.hub.server import HubServer

CANARY = "canary-of-a-token"
QUICK = {"pending": 0.5, "initializing": 0.8, "loading": 0.3, "draining": 0.1}
ANSWER = "This is a simulated answer of the lab; no model has read: hi"
HI = [{"role": "user", "content": "hi"}]
SLEEPS = {
    "accelerator": "cpu",
    "instanceType": "intel-spr",
    "instanceSize": "x1",
    "scaling": {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": 15},
}


@pytest.fixture
def hub():
    with HubServer(latency=QUICK) as hub:
        hub.id = hub.add_endpoint("m", compute=SLEEPS).id
        yield hub


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(asking, "AGAIN_SECONDS", 0.3)
    monkeypatch.setattr(asking, "TICK_SECONDS", 0.2)
    monkeypatch.setattr(asking, "SILENCE_SECONDS", 2.0)


def ask(url, **environment):
    """Everything that came."""

    async def steps():
        settings = Settings.of({"MODEL_URL": url, "MODEL_NAME": "/repository", **environment})
        return [step async for step in Model(settings).ask(HI)]

    return asyncio.run(steps())


def of_hub(hub, **environment):
    return ask(f"{hub.url}/e/{hub.id}", **{"HF_INVOKE_TOKEN": "lab-invoke", **environment})


def act(hub, action):
    headers = {"authorization": "Bearer lab-manage"}
    httpx2.post(f"{hub.url}/v2/endpoint/lab-org/m/{action}", headers=headers, trust_env=False).raise_for_status()


def text(steps):
    return "".join(step.text for step in steps if isinstance(step, Piece))


def notices(steps):
    return [step.text for step in steps if isinstance(step, Notice)]


def ends(steps):
    """How it ended, but for a whole answer."""
    return [step.text for step in steps if isinstance(step, Notice) and step.final]


@contextlib.contextmanager
def server(answer):
    """A server whose POST is answered by a function of the handler."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            answer(self)

        def log_message(self, *arguments):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()


def event(content=None, finish=None):
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


def stream(handler, *parts):
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.end_headers()
    for part in parts:
        handler.wfile.write(part)


def test_the_answer_comes_word_by_word_with_its_tokens(hub):
    steps = of_hub(hub)

    assert text(steps) == ANSWER
    assert ends(steps) == []
    assert len([step for step in steps if step.text]) > 5
    assert steps[-1].usage == {"input": 1, "output": 13}
    assert [(one.operation, one.status, one.token) for one in hub.requests] == [("chat", 200, "invoke")]
    assert hub.requests[0].body["max_tokens"] == 512


def test_a_sleeping_endpoint_is_woken_and_the_seconds_are_counted(hub):
    act(hub, "scale-to-zero")

    steps = of_hub(hub)

    assert text(steps) == ANSWER
    told = notices(steps)
    assert told[0] == words.not_ready(0, 600, endpoint=True)
    assert told[-1].endswith(("1 s so far, at most 600 s.", "2 s so far, at most 600 s."))
    assert ends(steps) == []


def test_one_that_does_not_wake_up_is_asked_until_the_deadline(hub):
    hub.fault(operation="chat", kind=503, times=None)
    begun = time.monotonic()

    steps = of_hub(hub, WAKE_SECONDS="2")

    assert steps[-1] == Notice(text=words.still_not_ready(2, endpoint=True), final=True)
    assert 1 < time.monotonic() - begun < 5


def test_no_replica_is_not_called_sleep():
    with server(lambda handler: handler.send_error(503)) as url:
        steps = ask(url, WAKE_SECONDS="1")

    assert notices(steps)[0] == words.not_ready(0, 1, endpoint=False)
    assert "had no replica ready" in notices(steps)[-1]


def test_a_paused_endpoint_is_told_and_asked_once(hub):
    act(hub, "pause")

    assert ends(of_hub(hub)) == [words.refused(400, paused=True, after=None)]
    assert [one.status for one in hub.requests if one.plane == "data"] == [400]


@pytest.mark.parametrize(("token", "status"), [("hf_nobody", 401), ("lab-see", 403)])
def test_a_token_that_is_not_taken_is_the_owners_business(hub, token, status):
    (said,) = ends(of_hub(hub, HF_INVOKE_TOKEN=token))

    assert f"does not take this page's token (HTTP {status})" in said
    assert token not in said


def test_an_overloaded_model_says_when_to_come_back(hub):
    hub.fault(operation="chat", kind=429, retry_after=7)

    assert ends(of_hub(hub)) == ["Too many questions at once: the model is overloaded. Ask again in 7 s."]


def test_an_answer_that_breaks_off_is_kept_and_said(hub):
    hub.fault(operation="chat", kind="truncated", moment="after")

    steps = of_hub(hub)

    assert 0 < len(text(steps)) < len(ANSWER)
    assert steps[-1] == Notice(text=words.BROKEN_OFF, final=True)


@pytest.mark.parametrize(
    "end",
    [
        b"",
        b'data: {"error": {"message": "out of memory", "code": 500}}\n\n',
        b"data: nonsense\n\n",
        b"data: [DONE]\n\n",
    ],
    ids=["closed", "error event", "no JSON", "without a reason"],
)
def test_a_stream_without_its_end_is_a_broken_answer(end):
    with server(lambda handler: stream(handler, event("Half an "), end)) as url:
        steps = ask(url)

    assert (text(steps), ends(steps)) == ("Half an ", [words.BROKEN_OFF])


def test_silence_in_the_middle_ends_the_answer():
    def answer(handler):
        stream(handler, event("Half an "))
        handler.wfile.flush()
        time.sleep(4)

    with server(answer) as url:
        assert ends(ask(url)) == [words.BROKEN_OFF]


def test_a_silent_model_is_told_with_the_seconds():
    with server(lambda _: time.sleep(4)) as url:
        told = notices(ask(url))

    assert told[0].startswith("The model has taken the question.")
    assert told[-1] == words.silent(2)


def test_the_limit_of_an_answer_is_said():
    with server(lambda handler: stream(handler, event("A lot"), event(finish="length"))) as url:
        steps = ask(url, MAX_OUTPUT_TOKENS="2")

    assert (text(steps), ends(steps)) == ("A lot", [words.cut_off(2)])


def test_no_server_is_told():
    with server(lambda _: None) as url:
        pass
    assert ends(ask(url)) == [words.UNREACHABLE]


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 413, 422, 429, 500, 503])
def test_no_words_of_a_server_are_repeated(status, caplog):
    """It may echo the token that it was sent."""
    elsewhere = []

    def answer(handler):
        sent = handler.headers["authorization"]
        assert sent == f"Bearer {CANARY}"
        body = json.dumps({"error": {"message": f"not for {sent}"}}).encode()
        handler.send_response(status, f"no {CANARY}")
        handler.send_header("content-length", str(len(body)))
        handler.send_header("location", f"{other}/{CANARY}")
        handler.send_header("retry-after", CANARY)
        handler.end_headers()
        handler.wfile.write(body)

    with server(elsewhere.append) as other, server(answer) as url:
        steps = ask(url, MODEL_KEY=CANARY, WAKE_SECONDS="1")

    assert steps[-1].final
    assert CANARY not in repr(steps) + caplog.text
    assert elsewhere == []  # a redirect is not followed


def test_without_a_token_none_is_sent(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("OPENAI_ORG_ID", CANARY)
    seen = []

    def answer(handler):
        seen.append(dict(handler.headers))
        stream(handler, event("Yes", "stop"))

    with server(answer) as url:
        assert text(ask(url)) == "Yes"
    assert CANARY not in str(seen)
    assert "authorization" not in {name.lower() for name in seen[0]}


def test_a_visitor_who_leaves_ends_the_call():
    ended = threading.Event()

    def answer(handler):
        try:
            stream(handler, *(event("word ") for _ in range(3)))
            while True:
                handler.wfile.write(event("word "))
                time.sleep(0.05)
        except OSError:
            ended.set()

    async def leave(url):
        steps = Model(Settings.of({"MODEL_URL": url, "MODEL_NAME": "m"})).ask(HI)
        assert (await anext(steps)).text == "word "
        await steps.aclose()

    with server(answer) as url:
        asyncio.run(leave(url))
        assert ended.wait(5)
