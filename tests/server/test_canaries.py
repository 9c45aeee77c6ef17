"""What is said to the server stays between it and its client: at defaults nothing of it is in a log or a metric."""

import time

import httpx2 as httpx

PROMPT = "canary-prompt-51c0"
WRONG_KEY = "canary-wrong-90ab"


def test_prompts_answers_and_keys_are_in_no_log_and_no_metric(narrow):
    chat = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 20, "temperature": 0}
    answer = narrow.post("/v1/chat/completions", chat).json()["choices"][0]["message"]["content"]
    assert len(answer) > 20
    list(narrow.events("/v1/completions", {"prompt": PROMPT, "max_tokens": 5, "stream": True}))
    narrow.post("/generate", {"inputs": PROMPT, "parameters": {"max_new_tokens": 5}})
    # Mistakes are where they get out: too long, of a wrong type, under a wrong name, at a wrong place.
    assert narrow.post("/v1/completions", {"prompt": PROMPT * 1000}).status_code == 400
    assert narrow.post("/v1/completions", {"prompt": {PROMPT: PROMPT}}).status_code == 400
    assert narrow.post("/v1/completions", {"prompt": "a", PROMPT: 1}).status_code == 400
    assert narrow.get(f"/{PROMPT}?key={narrow.key}").status_code == 404
    assert narrow.get(f"/v1/models/{PROMPT}").status_code == 404
    wrong = httpx.get(narrow.url + "/v1/models", headers={"Authorization": f"Bearer {WRONG_KEY}"})
    assert wrong.status_code == 401
    assert WRONG_KEY not in wrong.text
    told = narrow.log.read_text() + httpx.get(narrow.metrics_url).text
    for canary in (PROMPT, answer, narrow.key, "key-of-a-file", WRONG_KEY):
        assert canary not in told


def test_the_log_is_json_with_an_id_for_every_request(narrow):
    narrow.post("/generate", {"prompt": "a", "max_new_tokens": 3}, **{"X-Request-Id": "mine-77"})
    (line,) = [line for line in narrow.lines() if line.get("request_id") == "mine-77"]
    assert (line["route"], line["status"], line["completion_tokens"]) == ("/generate", 200, 3)


def test_the_log_counts_the_tokens_of_a_stream_too(narrow):
    def counts():
        return [line.get("completion_tokens") for line in narrow.lines() if line.get("route") == "/v1/completions"]

    before = counts()
    list(narrow.events("/v1/completions", {"prompt": "a", "max_tokens": 7, "ignore_eos": True, "stream": True}))
    until = time.monotonic() + 60
    while (after := counts()) == before:  # the client has the end of the stream before the log has
        assert time.monotonic() < until
        time.sleep(0.01)
    assert after == [*before, 7]
