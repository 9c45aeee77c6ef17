"""`llm chat`: words as they come, endpoints that sleep, are paused or are not ours, and where tokens go."""

import json
import os
import pty
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ops.asking.targets import is_loopback
from tests.ops.desk import CANARIES, QUICK, endpoint_model

PREFACE = "This is a simulated answer of the lab; no model has read:"


def slow(seconds):
    """A stand-in that waits between words."""
    return {"latency": {**QUICK, "chunk": seconds}}


def test_the_answer_is_printed(desk):
    result = desk.run("chat", "qwen", "how are you")

    assert (result.exit_code, result.output) == (0, f"{PREFACE} how are you\n")
    assert desk.calls("data") == [("chat", 200, "LLM_LAB_HUB_INVOKE_TOKEN")]


def test_words_are_printed_as_they_come(desk_of):
    desk = desk_of({"m": endpoint_model()}, hub=slow(0.2))
    desk.up()

    process = desk.spawn("chat", "m", "hi")
    first = os.read(process.stdout.fileno(), 1000)
    first_at = time.monotonic()
    rest, _ = process.communicate(timeout=150)

    assert first == b"This"
    assert (first + rest).decode() == f"{PREFACE} hi\n"
    assert time.monotonic() - first_at > 1.5


def test_json_is_one_object_with_usage_and_times(desk_of):
    desk = desk_of({"m": endpoint_model()}, hub=slow(0.05))
    desk.up()

    answer = desk.json("chat", "m", "hi", "--max-tokens", "6")

    assert answer["text"] == "This is a simulated answer of"
    assert answer["usage"] == {"prompt_tokens": 1, "completion_tokens": 6, "total_tokens": 7}
    assert answer["finish_reason"] == "length"
    assert 0 < answer["seconds_to_first_token"] < answer["seconds_total"] - 0.2


def test_question_system_and_options_reach_the_model(desk):
    desk.run(
        "chat", "qwen", "--system", "Be brief.", "--temperature", "0.5", "--max-tokens", "9", stdin="from a\npipe\n"
    )

    body = desk.hub.requests[-1].body
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "from a\npipe"},
    ]
    assert (body["model"], body["temperature"], body["max_tokens"], body["stream"]) == ("qwen", 0.5, 9, True)


def test_an_answer_that_is_cut_off_says_so(desk):
    result = desk.run("chat", "qwen", "hi", "--max-tokens", "3")

    assert result.stdout == "This is a\n"
    assert "--max-tokens allows more" in result.stderr


def test_the_models_name_is_the_one_that_is_served_or_listed(desk_of):
    # TGI's settings give the model no name: its server is asked.
    desk = desk_of({"m": endpoint_model(engine={"name": "tgi", "image": "tgi:3"})})
    desk.up()

    assert desk.run("chat", "m", "hi").exit_code == 0
    assert [call[0] for call in desk.calls("data")] == ["models", "chat"]
    assert desk.hub.requests[-1].body["model"] == "/repository"
    desk.run("chat", "m", "hi", "--model-name", "another")
    assert desk.hub.requests[-1].body["model"] == "another"


def test_a_model_name_that_is_not_served_is_said(desk):
    desk.hub.switch(model_name="served")

    result = desk.run("chat", "qwen", "hi", "--model-name", "another")

    assert (result.exit_code, result.stderr) == (1, "Error: qwen: HTTP 404: The model `another` does not exist.\n")


def test_a_sleeping_endpoint_is_woken_by_one_call_that_is_held(desk):
    desk.act("qwen", "scale-to-zero")

    result = desk.run("chat", "qwen", "hi", "--timeout", "30")

    assert (result.exit_code, result.stdout) == (0, f"{PREFACE} hi\n")
    assert "qwen sleeps. This call wakes it, and it costs money from now on" in result.stderr
    assert "idle for 15 minutes" in result.stderr
    assert [call[:2] for call in desk.calls("data")] == [("chat", 200)]


@pytest.mark.parametrize("fault", [502, 503, 504])
def test_a_call_that_is_not_held_to_the_end_is_repeated(desk, monkeypatch, fault):
    monkeypatch.setattr("ops.asking.answers.AGAIN_SECONDS", 0.1)
    desk.act("qwen", "scale-to-zero")
    desk.hub.fault(operation="chat", kind=fault, times=2, body="html")

    assert desk.run("chat", "qwen", "hi").stdout == f"{PREFACE} hi\n"
    assert [call[1] for call in desk.calls("data")] == [fault, fault, 200]


def test_an_endpoint_that_does_not_wake_in_time_is_said(desk_of):
    desk = desk_of({"m": endpoint_model()}, hub={"latency": {**QUICK, "initializing": 60}})
    desk.up()
    desk.act("m", "scale-to-zero")

    result = desk.run("chat", "m", "hi", "--timeout", "1")

    assert result.exit_code == 1
    assert (
        "m: HTTP 503: Service Unavailable. It is not ready, or has too much to do. --timeout gives it" in result.stderr
    )


def test_a_running_endpoint_that_has_too_much_to_do_is_asked_once(desk):
    desk.hub.fault(operation="chat", kind=503, times=None)

    assert desk.run("chat", "qwen", "hi").exit_code == 1
    assert len(desk.calls("data")) == 1


def test_a_starting_endpoint_is_waited_for(desk_of):
    desk = desk_of({"m": endpoint_model()}, hub={"latency": {**QUICK, "pending": 0, "initializing": 1.5}})
    desk.up(running=False)

    result = desk.run("chat", "m", "hi")

    assert result.exit_code == 0
    assert "m is initializing; waiting until it answers." in result.stderr


def test_a_paused_endpoint_is_not_called(desk):
    desk.act("qwen", "pause")

    result = desk.run("chat", "qwen", "hi")

    assert result.exit_code == 1
    assert "qwen is paused and answers nobody. `llm endpoints resume qwen --stack dev` starts it" in result.stderr
    assert desk.calls("data") == []


def test_a_foreign_endpoint_under_a_declared_name_is_not_called(desk_of):
    desk = desk_of({"m": endpoint_model()})
    desk.up(tags=("owner:team-x",))

    result = desk.run("chat", "m", "hi")

    assert result.exit_code == 1
    assert "m is not this stack's" in result.stderr
    assert desk.calls("data") == []


@pytest.mark.parametrize("state", ["missing", "pending", "failed"])
def test_an_endpoint_that_cannot_answer_is_said_to_be_so(desk_of, state):
    desk = desk_of({"m": endpoint_model()}, hub={"virtual_time": True})
    if state == "failed":
        desk.hub.fault(operation="start", kind="failed", message="out of memory")
    if state != "missing":
        desk.up(running=False)
    desk.hub.advance(600 if state == "failed" else 0)

    result = desk.run("chat", "m", "hi")

    said = {"missing": "does not exist", "pending": "has no URL yet: it is pending", "failed": "out of memory"}[state]
    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize(
    ("token", "status", "more"),
    [
        ("lab-read", 403, ""),
        ("hf_CanaryUnknown", 401, ""),
        (None, 403, " LLM_LAB_HUB_INVOKE_TOKEN is not set, so that of LLM_LAB_HUB_TOKEN was used."),
    ],
)
def test_a_token_that_may_not_call_is_named_with_what_it_needs(desk, token, status, more):
    result = desk.run("chat", "qwen", "hi", LLM_LAB_HUB_INVOKE_TOKEN=token)

    assert result.exit_code == 2
    assert f"qwen does not take the token (HTTP {status}" in result.stderr
    assert result.stderr.rstrip().endswith(
        "LLM_LAB_HUB_INVOKE_TOKEN needs a token with the permission inference.endpoints.infer.write in lab-org." + more
    )


def test_a_server_that_echoes_the_token_is_not_repeated(desk):
    token = CANARIES["LLM_LAB_HUB_INVOKE_TOKEN"]
    for kind in (400, 403, 500, 503):
        desk.hub.fault(operation="chat", kind=kind, message=f"what is Bearer {token}?")
        result = desk.run("chat", "qwen", "hi")  # which searches the output
        assert result.exit_code in (1, 2)
        assert "what is Bearer [secret]?" in result.stderr


@pytest.mark.parametrize("kind", ["reset", "close", "truncated", "not-json", "invalid"])
def test_an_answer_that_is_none_ends_with_a_sentence(desk, kind):
    desk.hub.fault(operation="chat", kind=kind, moment="after" if kind == "truncated" else "before")

    result = desk.run("chat", "qwen", "hi")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: qwen: ")


def test_silence_ends_with_the_timeout(desk):
    desk.hub.fault(operation="chat", kind="hang", seconds=30)

    begun = time.monotonic()
    result = desk.run("chat", "qwen", "hi", "--timeout", "1")

    assert result.exit_code == 1
    assert "no answer within 1 s. --timeout gives it longer." in result.stderr
    assert time.monotonic() - begun < 15


def test_the_token_goes_to_no_host_that_is_not_trusted(desk, monkeypatch):
    called = []
    monkeypatch.setattr("httpx2.Client.send", lambda *_, **__: called.append(True))
    monkeypatch.setattr(
        "endpoints.client.EndpointsClient.get",
        lambda *_: {"status": {"state": "running", "url": "https://evil.example.com"}, "tags": [f"{prefix}0123abcd"]},
    )
    prefix = "pulumi:llm-inference/dev/"

    result = desk.run("chat", "qwen", "hi")

    assert result.exit_code == 1
    assert "the API names https://evil.example.com as its address" in result.stderr
    assert "Nothing was sent." in result.stderr
    assert called == []


def test_a_public_endpoint_gets_no_token(desk_of):
    desk = desk_of({"m": endpoint_model(access="public", allowPublic=True)})
    desk.up()

    assert desk.run("chat", "m", "hi").exit_code == 0
    assert desk.calls("data") == [("chat", 200, None)]


def test_ctrl_c_ends_with_130_and_no_traceback(desk_of):
    desk = desk_of({"m": endpoint_model()}, hub=slow(0.3))
    desk.up()
    process = desk.spawn("chat", "m", "hi")
    os.read(process.stdout.fileno(), 1000)

    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=50)

    assert process.returncode == 130
    assert complaint.strip() == b""


def test_on_a_terminal_a_conversation_goes_on_until_the_end_of_input(desk):
    terminal, theirs = pty.openpty()
    process = desk.spawn("chat", "qwen", stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    for line in (b"first question\n", b"second\n", b"\x04"):
        while not seen.rstrip(b" ").endswith(b">"):
            seen += os.read(terminal, 1000)
        os.write(terminal, line)
        seen += b"."
    assert process.wait(timeout=100) == 0
    os.close(terminal)

    last = desk.hub.requests[-1].body["messages"]
    assert [message["role"] for message in last] == ["user", "assistant", "user"]
    assert last[1]["content"] == f"{PREFACE} first question"
    assert f"{PREFACE} first question\r\n> ".encode() in seen


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["qwen"], "", "There is no question."),
        (["qwen", " "], "", "There is no question."),
        (["qwen", "hi", "--token-env", "X"], "", "--token-env belongs to --url."),
        (["qwen", "hi", "--url", "https://llm.example.com"], "", "--url takes an http address of this machine"),
        (
            ["qwen", "hi", "--url", "http://127.0.0.1:1", "--token-env", "NOT_SET"],
            "",
            "NOT_SET, which --token-env names,",
        ),
        (["qwen", "hi", "--max-tokens", "0"], "", "--max-tokens"),
        (["nobody", "hi"], "", "nobody is no model with target endpoint in stack dev"),
        (["qwen", "hi", "--stack", "other"], "", "Pulumi.other.yaml does not exist"),
    ],
)
def test_wrong_usage_is_2(desk, arguments, stdin, said):
    result = desk.run("chat", *arguments, stdin=stdin)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_an_engine_without_the_openai_api_is_said(desk_of):
    desk = desk_of({"m": endpoint_model(engine={"name": "tei", "image": "tei:1"})})
    desk.up()

    result = desk.run("chat", "m", "hi")

    assert (result.exit_code, desk.calls("data")) == (2, [])
    assert "m does not speak the OpenAI API: its engine is tei." in result.stderr


# -- servers of this machine


class _Server(BaseHTTPRequestHandler):
    """A server that speaks the OpenAI API, as little of it as there is."""

    names = ("m",)
    seen: list[dict[str, str]]

    def do_GET(self):
        self._answer("application/json", json.dumps({"object": "list", "data": [{"id": name} for name in self.names]}))

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
        pieces = [{"delta": {"content": "h\x1b[31mi"}, "index": 0}, {"delta": {}, "finish_reason": "stop", "index": 0}]
        lines = [json.dumps({**chunk, "choices": [piece]}) for piece in pieces]
        self._answer("text/event-stream", "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]))

    def _answer(self, kind, text):
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (_Server,), {"seen": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("suffix", ["", "/", "/v1"])
def test_a_server_of_this_machine_gets_no_token_of_ours(desk, server, suffix):
    url = f"http://127.0.0.1:{server.server_port}{suffix}"

    result = desk.run(
        "chat", "m", "hi", "--url", url,
        OPENAI_ORG_ID="org-Canary", OPENAI_CUSTOM_HEADERS="Authorization: Bearer sk-Canary", LLM_LAB_HUB=None,
        HTTP_PROXY="http://127.0.0.1:1",
    )  # fmt: skip

    assert (result.exit_code, result.stdout) == (0, "h[31mi\n")  # and what colours a terminal is gone
    assert len(server.RequestHandlerClass.seen) == 2
    for headers in server.RequestHandlerClass.seen:
        assert "Canary" not in str(headers)
        assert "authorization" not in headers
    assert list(desk.hub.requests) == []


def test_the_token_of_a_variable_that_is_named_is_sent(desk, server):
    url = f"http://127.0.0.1:{server.server_port}"

    assert desk.run("chat", "m", "hi", "--url", url, "--token-env", "MINE", MINE="word").exit_code == 0
    assert {headers["authorization"] for headers in server.RequestHandlerClass.seen} == {"Bearer word"}


def test_a_server_with_several_models_wants_a_name(desk, server):
    server.RequestHandlerClass.names = ("a", "b")
    url = f"http://127.0.0.1:{server.server_port}"

    result = desk.run("chat", "m", "hi", "--url", url)

    assert result.exit_code == 1
    assert "its server lists these models: a, b. --model-name chooses one." in result.stderr
    assert desk.run("chat", "b", "hi", "--url", url).exit_code == 0


def test_a_server_that_is_not_there_is_said(desk):
    result = desk.run("chat", "m", "hi", "--url", "http://127.0.0.1:1")

    assert (result.exit_code, result.stderr) == (1, "Error: m: it cannot be reached (ConnectError).\n")


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost/v1", True),
        ("https://[::1]:8000", True),
        ("http://127.0.0.2", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1@example.com", False),
        ("http://user:word@127.0.0.1", False),
        ("file:///etc/passwd", False),
        ("http://127.0.0.1:port", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_only_addresses_of_this_machine_are_its_own(url, own):
    assert is_loopback(url) is own
