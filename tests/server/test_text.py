"""Texts as clients read them: whole characters, and stop strings across the borders of tokens."""

import json
from pathlib import Path

import pytest

from tests.server.running import Running


def streamed(server: Running, **fields) -> list[str]:
    events = [event for event in server.events("/v1/completions", {**fields, "stream": True}) if event != "[DONE]"]
    return [event["choices"][0]["text"] for event in events]


@pytest.fixture(scope="session")
def odd(server: Running) -> dict[str, object]:
    """A question whose answer has characters of several tokens: hot enough to take rare bytes."""
    return {"prompt": "ä€😀", "max_tokens": 300, "temperature": 2, "seed": 11}


def test_a_stream_has_the_text_of_the_whole_answer(server, odd):
    whole = server.post("/v1/completions", odd).json()["choices"][0]["text"]
    assert "\ufffd" in whole or not whole.isascii()  # or else the question is not odd enough
    assert "".join(streamed(server, **odd)) == whole


def test_no_piece_of_a_stream_ends_within_a_character(server, odd):
    """What is no character in the end is told, but only when it is certain that it will be none."""
    pieces = streamed(server, **odd)
    assert not any(piece.endswith("\ufffd") for piece in pieces[:-1])


def test_characters_of_several_tokens_come_whole(server, tiny):
    """The prompt's tokens are an answer that must be: asked for again by their ids, and echoed by TGI."""
    text = "Grüße, 漢字 und 😀👩‍👩‍👧"
    body = {"inputs": text, "parameters": {"max_new_tokens": 1, "return_full_text": True}}
    assert server.post("/generate", body).json()["generated_text"].startswith(text)
    assert json.loads((Path(tiny) / "tokenizer_config.json").read_text())  # the model is a folder of its own


@pytest.mark.parametrize("length", [1, 3, 9, 17])
@pytest.mark.parametrize("start", [10, 31])
def test_a_stop_string_across_tokens_is_found_and_never_told(server, start, length):
    asked = {"prompt": "Gateway", "max_tokens": 40, "temperature": 0}
    whole = server.post("/v1/completions", asked).json()["choices"][0]["text"]
    stop = whole[start : start + length]
    pieces = streamed(server, **asked, stop=stop)
    assert "".join(pieces) == whole[: whole.index(stop)]


def test_what_only_looks_like_the_beginning_of_a_stop_string_is_told(server):
    asked = {"prompt": "Gateway", "max_tokens": 20, "temperature": 0}
    whole = server.post("/v1/completions", asked).json()["choices"][0]["text"]
    pieces = streamed(server, **asked, stop=[whole[-4:] + "\x00", whole[5:9] + "\x00"])
    assert "".join(pieces) == whole
