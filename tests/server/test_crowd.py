"""Many at once: prompts that no step reads whole, and clients that come and go."""

from concurrent.futures import ThreadPoolExecutor

PROMPTS = [f"{number} of many: " + "the nodes of a cluster and what runs on them, " * 12 for number in range(16)]


def answer(server, prompt):
    response = server.post("/v1/completions", {"prompt": prompt, "max_tokens": 8, "temperature": 0})
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["text"]


def test_prompts_that_take_several_steps_are_answered_as_if_alone(server):
    """A step on a CPU reads 512 tokens: of one long prompt a part, of many together some whole and one in part."""
    assert answer(server, "word " * 900)
    alone = [answer(server, prompt) for prompt in PROMPTS]
    with ThreadPoolExecutor(len(PROMPTS)) as threads:
        assert list(threads.map(lambda prompt: answer(server, prompt), PROMPTS)) == alone
