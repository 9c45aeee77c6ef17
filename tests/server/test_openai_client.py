"""The openai package, as it is."""

from collections.abc import Iterator

import openai
import pytest

from tests.server.running import Running

QUESTION = [{"role": "user", "content": "How is a model served?"}]


@pytest.fixture
def client(server: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.url + "/v1", api_key="unused", max_retries=0) as client:
        yield client


def test_models(client):
    assert [model.id for model in client.models.list()] == ["tiny"]
    assert client.models.retrieve("tiny").id == "tiny"


def test_chat_counts_its_tokens(client):
    answer = client.chat.completions.create(model="tiny", messages=QUESTION, max_tokens=12, temperature=0)
    (choice,) = answer.choices
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert choice.finish_reason == "length"
    assert answer.usage.completion_tokens == 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12


def test_chat_in_a_stream_says_the_same_and_its_usage(client):
    asked = {"model": "tiny", "messages": QUESTION, "max_tokens": 12, "temperature": 0}
    whole = client.chat.completions.create(**asked)
    events = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    text = "".join(event.choices[0].delta.content or "" for event in events if event.choices)
    assert text == whole.choices[0].message.content
    assert events[0].choices[0].delta.role == "assistant"
    assert events[-2].choices[0].finish_reason == "length"
    assert events[-1].choices == []
    assert events[-1].usage == whole.usage
    assert all(event.usage is None for event in events[:-1])


def test_without_stream_options_no_event_has_usage(client):
    events = list(client.chat.completions.create(model="tiny", messages=QUESTION, max_tokens=3, stream=True))
    assert all(event.usage is None and event.choices for event in events)


def test_completions(client):
    asked = {"model": "tiny", "prompt": "The cluster", "max_tokens": 8, "temperature": 0}
    whole = client.completions.create(**asked)
    streamed = list(client.completions.create(**asked, stream=True))
    assert whole.usage.completion_tokens == 8
    assert "".join(event.choices[0].text for event in streamed) == whole.choices[0].text


def test_a_seed_gives_the_same_again_and_another_gives_another(client):
    def answer(seed: int) -> str | None:
        asked = {"model": "tiny", "messages": QUESTION, "max_tokens": 24, "temperature": 1, "seed": seed}
        return client.chat.completions.create(**asked).choices[0].message.content

    assert answer(5) == answer(5) != answer(6)


def test_a_stop_string_ends_the_answer_and_is_no_part_of_it(client):
    asked = {"model": "tiny", "prompt": "The cluster", "max_tokens": 40, "temperature": 0}
    whole = client.completions.create(**asked).choices[0].text
    stop = whole[20:25]
    for stream in (False, True):
        answer = client.completions.create(**asked, stop=[stop, "never said"], stream=stream)
        choices = [event.choices[0] for event in answer] if stream else answer.choices
        assert "".join(choice.text for choice in choices) == whole[: whole.index(stop)]
        assert choices[-1].finish_reason == "stop"


def test_logprobs_of_chat(client):
    asked = {"model": "tiny", "messages": QUESTION, "max_tokens": 4, "temperature": 0}
    answer = client.chat.completions.create(**asked, logprobs=True, top_logprobs=2)
    told = answer.choices[0].logprobs.content
    assert "".join(each.token for each in told) == answer.choices[0].message.content
    for each in told:
        likeliest = each.top_logprobs
        assert len(likeliest) == 2
        assert likeliest[0].logprob == pytest.approx(each.logprob)  # temperature 0 takes the likeliest
        assert likeliest[0].logprob >= likeliest[1].logprob


def test_logprobs_of_completions(client):
    asked = {"model": "tiny", "prompt": "The cluster", "max_tokens": 4, "temperature": 0}
    choice = client.completions.create(**asked, logprobs=1).choices[0]
    assert "".join(choice.logprobs.tokens) == choice.text
    assert choice.logprobs.text_offset[0] == 0
    assert all(len(each) == 1 for each in choice.logprobs.top_logprobs)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": {}}}]),
        ("response_format", {"type": "json_object"}),
        ("logit_bias", {"1": 5}),
        ("n", 2),
        ("presence_penalty", 1),
    ],
)
def test_what_is_not_supported_is_refused_by_its_name(client, field, value):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="tiny", messages=QUESTION, **{field: value})
    assert refused.value.param == field
    assert field in refused.value.message


def test_another_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="another", messages=QUESTION)
    assert refused.value.code == "model_not_found"
