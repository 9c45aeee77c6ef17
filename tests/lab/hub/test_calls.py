"""Calling endpoints: the simulated engines through the clients that people use, and the proxy before them."""

import json
import threading
import time

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from openai import APIStatusError, OpenAI

from tests.lab.hub.support import Caller

PREFACE = "This is a simulated answer of the lab; no model has read:"
TGI = {
    "repository": "lab-org/tiny",
    "framework": "pytorch",
    "image": {"tgi": {"url": "ghcr.io/huggingface/text-generation-inference:3"}},
}


@pytest.fixture
def url(hub):
    return f"{hub.url}/e/{hub.add_endpoint('one').id}"


@pytest.fixture
def openai(url):
    with OpenAI(base_url=f"{url}/v1/", api_key="lab-invoke", max_retries=0) as client:
        yield client


MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the capital of France?"}]


def test_an_answer_says_that_it_is_simulated_and_counts_its_tokens(openai):
    answer = openai.chat.completions.create(model="one", messages=MESSAGES)
    choice = answer.choices[0]
    assert choice.message.content == f"{PREFACE} Be brief. What is the capital of France?"
    assert choice.finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (8, 20)


def test_the_same_question_has_the_same_answer(openai):
    first, second = (openai.chat.completions.create(model="one", messages=MESSAGES) for _ in range(2))
    assert first.model_dump() == second.model_dump()


def test_an_answer_is_as_long_as_allowed(openai):
    answer = openai.chat.completions.create(model="one", messages=MESSAGES, max_tokens=3)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("This is a", "length")
    assert answer.usage.completion_tokens == 3


def test_an_answer_ends_at_a_stop_word(openai):
    answer = openai.chat.completions.create(model="one", messages=MESSAGES, stop="simulated")
    assert answer.choices[0].message.content == "This is a"


def test_openai_streams_with_numbers_at_the_end(openai):
    chunks = list(
        openai.chat.completions.create(
            model="one", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == f"{PREFACE} Be brief. What is the capital of France?"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage.total_tokens == 28
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_openai_completions_answer_and_stream(openai):
    answer = openai.completions.create(model="one", prompt="one two", max_tokens=13)
    assert answer.choices[0].text == f"{PREFACE} one"
    pieces = openai.completions.create(model="one", prompt="one two", stream=True)
    assert "".join(piece.choices[0].text for piece in pieces) == f"{PREFACE} one two"


def test_a_wrong_question_is_refused_as_engines_do(openai):
    with pytest.raises(APIStatusError) as refused:
        openai.chat.completions.create(model="one", messages=[])
    assert refused.value.status_code == 400
    assert "messages" in refused.value.message


def test_the_model_has_the_name_that_the_engine_gives_it(hub, manager, openai):
    assert openai.models.list().data[0].id == "/repository"
    manager.put(model__args=["--served-model-name", "qwen"])
    hub.advance(45)
    assert openai.models.list().data[0].id == "qwen"


def test_huggingface_hub_streams_a_chat(url):
    client = InferenceClient(model=url, token="lab-invoke")
    assert client.chat_completion(MESSAGES).choices[0].message.content.startswith(PREFACE)
    chunks = client.chat_completion(MESSAGES, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).startswith(PREFACE)


def test_huggingface_hub_generates_and_streams_text(hub):
    url = f"{hub.url}/e/{hub.add_endpoint('one', model=TGI).id}"
    client = InferenceClient(model=url, token="lab-invoke")
    assert client.text_generation("tell me", max_new_tokens=50) == f"{PREFACE} tell me"
    detailed = client.text_generation("tell me", details=True, max_new_tokens=2)
    assert (detailed.generated_text, detailed.details.generated_tokens) == ("This is", 2)
    assert "".join(client.text_generation("tell me", stream=True)) == f"{PREFACE} tell me"


def test_tgi_routes_answer_as_tgi_does(hub, invoker):
    base = f"/e/{hub.add_endpoint('one', model=TGI).id}"
    asked = {"inputs": "hi", "parameters": {"max_new_tokens": 2, "details": True}}
    whole = invoker.http.post(f"{base}/generate", json=asked).json()
    assert whole["generated_text"] == "This is"
    assert whole["details"]["finish_reason"] == "length"
    assert invoker.http.post(base, json=asked).json()[0]["generated_text"] == "This is"
    stream = invoker.http.post(f"{base}/generate_stream", json=asked)
    assert stream.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data:")) for line in stream.text.splitlines() if line]
    assert [event["token"]["text"] for event in events] == ["This", " is"]
    assert (events[0]["generated_text"], events[-1]["generated_text"]) == (None, "This is")


def test_an_engine_has_its_own_routes_alone(hub, invoker):
    base = f"/e/{hub.add_endpoint('one').id}"
    assert invoker.http.post(f"{base}/generate", json={"inputs": "hi"}).status_code == 404
    assert invoker.http.get(f"{base}/docs").status_code == 404


def test_embeddings(hub):
    model = {"repository": "BAAI/bge-small-en-v1.5", "framework": "pytorch", "image": {"tei": {"url": "x"}}}
    url = f"{hub.url}/e/{hub.add_endpoint('one', model=model).id}"
    with Caller(hub, "lab-invoke").http as http:
        vector = http.post(f"{url}/embed", json={"inputs": ["hello", "world"]}).json()
        openai = http.post(f"{url}/v1/embeddings", json={"input": "hello", "model": "x"}).json()
    assert len(vector) == 2
    assert openai["data"][0]["embedding"] == vector[0]


def test_an_own_health_route_is_the_one_that_answers(hub, invoker):
    image = {"custom": {"url": "x", "healthRoute": "/ready"}}
    endpoint = hub.add_endpoint("one", model={"repository": "lab-org/tiny", "framework": "custom", "image": image})
    assert invoker.http.get(f"/e/{endpoint.id}/ready").status_code == 200
    assert invoker.http.get(f"/e/{endpoint.id}/health").status_code == 404


# -- asleep and paused


@pytest.fixture
def sleeping(hub, manager, url):
    manager.act("scale-to-zero")
    return url


def test_a_sleeping_endpoint_answers_503_at_once_to_huggingface_hub(hub, sleeping):
    client = InferenceClient(model=sleeping, token="lab-invoke")
    with pytest.raises(HfHubHTTPError) as refused:
        client.chat_completion(MESSAGES)
    assert refused.value.response.status_code == 503
    assert len([one for one in hub.requests if one.operation == "chat"]) == 1
    hub.advance(45)
    assert client.chat_completion(MESSAGES).choices


def test_a_request_can_be_held_until_the_endpoint_is_awake(hub, sleeping):
    client = InferenceClient(model=sleeping, token="lab-invoke", headers={"X-Scale-Up-Timeout": "600"})
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.chat_completion(MESSAGES)))
    thread.start()
    until = time.monotonic() + 25
    while hub.endpoint("one").state == "scaledToZero" and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.1)
    assert answers == []
    hub.advance(45)
    thread.join(25)
    assert answers[0].choices[0].message.content.startswith(PREFACE)


def test_a_request_is_not_held_for_longer_than_it_asked(hub, sleeping):
    with Caller(hub, "lab-invoke").http as http:
        headers, began = {"X-Scale-Up-Timeout": "0.2"}, time.monotonic()
        answer = http.post(f"{sleeping}/v1/chat/completions", json={"messages": MESSAGES}, headers=headers)
    assert answer.status_code == 503
    assert 0.15 < time.monotonic() - began < 5


def test_a_paused_endpoint_refuses(manager, invoker, url):
    manager.act("pause")
    answer = invoker.http.post(f"{url}/v1/chat/completions", json={"messages": MESSAGES})
    assert (answer.status_code, answer.json()) == (400, {"error": "Bad Request: Invalid state"})
    assert manager.state() == "paused"


def test_an_address_that_nobody_has(invoker):
    assert invoker.http.get("/e/0123/health").status_code == 404
