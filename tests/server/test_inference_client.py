"""huggingface_hub's InferenceClient, as it is."""

import pytest
from huggingface_hub import InferenceClient

from tests.server.running import Running


@pytest.fixture
def client(server: Running) -> InferenceClient:
    return InferenceClient(server.url)


def test_text_generation(client):
    text = client.text_generation("The cluster", max_new_tokens=8)
    assert text
    assert client.text_generation("The cluster", max_new_tokens=8) == text  # greedy unless told


def test_text_generation_in_a_stream_says_the_same(client):
    whole = client.text_generation("The cluster", max_new_tokens=16)
    assert "".join(client.text_generation("The cluster", max_new_tokens=16, stream=True)) == whole


def test_details(client):
    answer = client.text_generation("The cluster", max_new_tokens=6, details=True, seed=3, temperature=0.9)
    assert answer.details.finish_reason == "length"
    assert answer.details.generated_tokens == len(answer.details.tokens) == 6
    assert answer.details.seed == 3
    assert all(token.logprob <= 0 and not token.special for token in answer.details.tokens)
    assert "".join(token.text for token in answer.details.tokens) == answer.generated_text


def test_details_of_a_stream(client):
    events = list(client.text_generation("The cluster", max_new_tokens=6, details=True, stream=True))
    assert [event.index for event in events] == list(range(1, 7))
    assert events[-1].generated_text == "".join(event.token.text for event in events)
    assert events[-1].details.finish_reason == "length"
    assert all(event.details is None for event in events[:-1])


def test_a_stop_string_is_part_of_the_answer_as_tgi_has_it(client):
    whole = client.text_generation("The cluster", max_new_tokens=40)
    stop = whole[20:25]
    expected = whole[: whole.index(stop) + len(stop)]
    answer = client.text_generation("The cluster", max_new_tokens=40, stop=[stop], details=True)
    assert answer.generated_text == expected
    assert answer.details.finish_reason == "stop_sequence"
    assert "".join(client.text_generation("The cluster", max_new_tokens=40, stop=[stop], stream=True)) == expected


def test_return_full_text(client):
    text = client.text_generation("The cluster", max_new_tokens=4, return_full_text=True)
    assert text.startswith("The cluster")
    assert len(text) > len("The cluster")


def test_chat_completion(server):
    client = InferenceClient(base_url=server.url)
    asked = {"messages": [{"role": "user", "content": "How?"}], "max_tokens": 9, "temperature": 0.0}
    whole = client.chat_completion(**asked)
    assert whole.usage.completion_tokens == 9
    streamed = client.chat_completion(**asked, stream=True)
    text = "".join(event.choices[0].delta.content or "" for event in streamed)
    assert text == whole.choices[0].message.content


def test_the_plain_form_of_generate(server):
    answer = server.post("/generate", {"prompt": "The cluster", "max_new_tokens": 8, "temperature": 0})
    assert answer.json() == {
        "generated_text": InferenceClient(server.url).text_generation("The cluster", max_new_tokens=8)
    }
