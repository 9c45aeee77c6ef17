"""`llm generate`: text through InferenceClient, as it comes or at once."""

import os
import time

import pytest

from tests.ops.desk import CANARIES, QUICK, TGI, endpoint_model

PREFACE = "This is a simulated answer of the lab; no model has read:"


def test_text_is_streamed(desk):
    result = desk.run("generate", "prose", "Once upon")

    assert (result.exit_code, result.output) == (0, f"{PREFACE} Once upon\n")
    assert desk.calls("data") == [("generate", 200, "LLM_LAB_HUB_INVOKE_TOKEN")]
    assert desk.hub.requests[-1].body["stream"] is True


def test_words_are_printed_as_they_come(desk_of):
    desk = desk_of({"m": endpoint_model(engine=TGI)}, hub={"latency": {**QUICK, "chunk": 0.2}})
    desk.up()

    process = desk.spawn("generate", "m", "hi")
    first = os.read(process.stdout.fileno(), 1000)
    first_at = time.monotonic()
    rest, _ = process.communicate(timeout=150)

    assert first == b"This"
    assert (first + rest).decode() == f"{PREFACE} hi\n"
    assert time.monotonic() - first_at > 1.5


def test_at_once_and_from_a_pipe(desk):
    result = desk.run("generate", "prose", "--no-stream", "--max-tokens", "4", stdin="Once\n")

    assert result.stdout == "This is a simulated\n"
    assert "--max-tokens allows more" in result.stderr
    assert desk.hub.requests[-1].body == {
        "inputs": "Once",
        "parameters": {"details": True, "max_new_tokens": 4},
        "stream": False,
    }


@pytest.mark.parametrize("options", [[], ["--no-stream"]])
def test_json_is_one_object(desk, options):
    answer = desk.json("generate", "prose", "Once upon", *options)

    assert answer["text"] == f"{PREFACE} Once upon"
    assert answer["usage"]["completion_tokens"] == 14
    assert answer["finish_reason"] == "stop"
    assert 0 < answer["seconds_to_first_token"] <= answer["seconds_total"]


def test_a_server_without_details_answers_too(desk_of):
    desk = desk_of({"m": endpoint_model(engine={"name": "huggingface"})})
    desk.up()

    assert desk.run("generate", "m", "hi", "--no-stream").stdout == f"{PREFACE} hi\n"


def test_engines_without_such_a_route_are_asked_by_chat(desk):
    result = desk.run("generate", "qwen", "hi")

    assert (result.exit_code, desk.calls("data")) == (2, [])
    assert result.stderr == "Error: qwen runs vLLM, which has no such route. Ask it with `llm chat qwen`.\n"


def test_a_sleeping_endpoint_is_woken_by_one_call_that_is_held(desk):
    desk.act("prose-tgi", "scale-to-zero")

    result = desk.run("generate", "prose", "hi")

    assert (result.exit_code, result.stdout) == (0, f"{PREFACE} hi\n")
    assert "prose (endpoint prose-tgi) sleeps. This call wakes it, and it costs money from now on" in result.stderr
    assert [call[:2] for call in desk.calls("data")] == [("generate", 200)]


def test_a_paused_endpoint_is_not_called(desk):
    desk.act("prose-tgi", "pause")

    assert desk.run("generate", "prose", "hi").exit_code == 1
    assert desk.calls("data") == []


@pytest.mark.parametrize("stream", [[], ["--no-stream"]])
def test_a_token_that_may_not_call_is_named_with_what_it_needs(desk, stream):
    result = desk.run("generate", "prose", "hi", *stream, LLM_LAB_HUB_INVOKE_TOKEN="lab-read")

    assert result.exit_code == 2
    assert "does not take the token (HTTP 403" in result.stderr
    assert "inference.endpoints.infer.write in lab-org" in result.stderr


@pytest.mark.parametrize("stream", [[], ["--no-stream"]])
def test_a_server_that_echoes_the_token_is_not_repeated(desk, stream):
    for kind in (400, 403, 422, 500, 503):
        desk.hub.fault(operation="generate", kind=kind, message=f"Bearer {CANARIES['LLM_LAB_HUB_INVOKE_TOKEN']}?")
        result = desk.run("generate", "prose", "hi", *stream)
        assert result.exit_code in (1, 2)
        assert "Bearer [secret]?" in result.stderr


@pytest.mark.parametrize("stream", [[], ["--no-stream"]])
@pytest.mark.parametrize("kind", ["reset", "close", "truncated", "not-json", "invalid"])
def test_an_answer_that_is_none_ends_with_a_sentence(desk, kind, stream):
    desk.hub.fault(operation="generate", kind=kind, moment="after" if kind == "truncated" else "before")

    result = desk.run("generate", "prose", "hi", *stream)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: prose (endpoint prose-tgi): ")


def test_silence_ends_with_the_timeout(desk):
    desk.hub.fault(operation="generate", kind="hang", seconds=30)

    result = desk.run("generate", "prose", "hi", "--timeout", "1")

    assert result.exit_code == 1
    assert "no answer within 1 s. --timeout gives it longer." in result.stderr


def test_a_server_of_this_machine_gets_no_token_of_ours(desk_of):
    # The stand-in is one too.
    desk = desk_of({"m": endpoint_model(engine=TGI, access="public", allowPublic=True)})
    desk.up()
    url = f"{desk.hub.url}/e/{desk.hub.endpoint('m').id}"

    assert desk.run("generate", "m", "hi", "--url", url).exit_code == 0
    assert desk.run("generate", "m", "hi", "--url", url, "--token-env", "MINE", MINE="lab-invoke").exit_code == 0
    assert desk.run("generate", "m", "hi").exit_code == 0
    assert [call[2] for call in desk.calls("data")] == [None, "invoke", None]


def test_wrong_usage_is_2(desk):
    assert desk.run("generate", "prose").exit_code == 2
    assert desk.run("generate", "prose", "hi", "--token-env", "X").exit_code == 2
    assert "`llm schema`" in desk.run("generate", "--help").stdout
