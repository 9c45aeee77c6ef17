"""Texts as clients read them: whole characters, and stop strings across the borders of tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.text import Chopper, Detokenizer
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


@given(text=st.text(max_size=30))
def test_characters_of_several_tokens_come_whole(text):
    """The hardest case: a token for every byte."""
    detokenizer = Detokenizer(lambda tokens: bytes(tokens).decode(errors="replace"))
    pieces = [detokenizer.add(byte) for byte in text.encode()]
    assert "".join([*pieces, detokenizer.finish()]) == text
    if "\ufffd" not in text:
        assert not any("\ufffd" in piece for piece in pieces)


@given(pieces=st.lists(st.text("ab", max_size=3)), stops=st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_however_a_text_is_cut_into_pieces_a_stop_string_ends_it(pieces, stops):
    text = "".join(pieces)
    for keep in (False, True):
        chopper = Chopper(stops, keep=keep)
        told, stopped = "", False
        for piece in pieces:
            chopped = chopper.add(piece)
            told += chopped.text
            assert text.startswith(told)
            if stopped := chopped.stopped:
                break
        if stopped:
            assert any(told.endswith(stop) if keep else text[len(told) :].startswith(stop) for stop in stops)
        else:
            assert told + chopper.finish() == text
            assert not any(stop in text for stop in stops)


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
