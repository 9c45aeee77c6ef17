"""What a server says that is asked for too much, and that nobody's leaving costs others."""

import http.client
import json
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest

from tests.server.own_python import PYTHON, ROOT

LONG = {"prompt": "The cluster", "max_tokens": 1900, "temperature": 0, "ignore_eos": True}
SHORT = {"prompt": "The cluster", "max_tokens": 2, "temperature": 0}


def error(response: httpx.Response) -> dict[str, str]:
    """The error, which is in OpenAI's format always."""
    (body,) = response.json().values()
    assert set(body) == {"message", "type", "param", "code"}
    return body


def test_beyond_the_queue_it_is_429_with_a_time_to_come_again(narrow):
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: narrow.post("/v1/completions", LONG), range(6)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 4  # one runs, one waits
    for answer in refused:
        assert int(answer.headers["Retry-After"]) > 0
        assert error(answer)["code"] == "queue_full"
    assert all(answer.status_code in {200, 504} for answer in answers if answer not in refused)


def test_an_answer_that_takes_too_long_is_504(narrow):
    began = time.monotonic()
    answer = narrow.post("/v1/completions", LONG)
    assert (answer.status_code, error(answer)["code"]) == (504, "request_timeout")
    assert 1.4 < time.monotonic() - began < 15


def test_in_a_stream_it_is_the_last_event(narrow):
    *texts, last, done = narrow.events("/v1/completions", {**LONG, "stream": True})
    assert texts
    assert last["error"]["code"] == "request_timeout"
    assert done == "[DONE]"


@pytest.mark.parametrize("stream", [False, True])
def test_who_goes_away_leaves_the_place_to_others(narrow, stream):
    cancelled = 'llm_requests_total{model="tiny",status="cancelled"}'
    before = narrow.metric(cancelled)
    with pytest.raises(httpx.ReadTimeout):  # noqa: PT012
        body = {**LONG, "stream": stream}
        with httpx.stream(
            "POST",
            narrow.url + "/v1/completions",
            json=body,
            headers=narrow.headers,
            timeout=httpx.Timeout(30, read=0.3),
        ) as response:
            if stream:
                next(response.iter_lines())
                raise httpx.ReadTimeout("enough")
    assert narrow.post("/v1/completions", SHORT).status_code == 200
    assert narrow.metric(cancelled) == before + 1  # at its deadline it would be a timeout


def test_a_prompt_that_does_not_fit_says_by_how_much(server):
    answer = server.post("/v1/completions", {"prompt": [7] * 2000, "max_tokens": 100})
    assert (answer.status_code, error(answer)["code"]) == (400, "context_length_exceeded")
    assert "2000 tokens and max_tokens is 100: 52 more than the 2048" in error(answer)["message"]
    answer = server.post("/v1/chat/completions", {"messages": [{"role": "user", "content": "word " * 9000}]})
    assert error(answer)["code"] == "context_length_exceeded"


@pytest.mark.parametrize("key", ["canary-key-7f3a", "key-of-a-file", "key-of-another"])
def test_every_key_opens(narrow, key):
    answer = narrow.post("/v1/completions", SHORT, Authorization=f"Bearer {key}")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "given", ["Bearer wrong", "canary-key-7f3a", "Basic canary-key-7f3a", "Bearer", "Bearer ä", ""]
)
def test_nothing_else_does(narrow, given):
    headers = {"Authorization": given.encode()} if given else {}
    for path in ("/v1/models", "/nothing", "/openapi.json"):
        answer = httpx.get(narrow.url + path, headers=headers)
        assert (answer.status_code, error(answer)["code"]) == (401, "invalid_api_key")


def test_probes_need_no_key(narrow):
    assert [httpx.get(narrow.url + path).status_code for path in ("/health", "/ready")] == [200, 200]


def health(server):
    """The status of /health, by a client that costs nothing to make."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=240)
    connection.request("GET", "/health")
    return connection.getresponse().status


def test_health_answers_while_the_model_works(server):
    with ThreadPoolExecutor(8) as threads:
        busy = [threads.submit(server.post, "/v1/completions", {**LONG, "max_tokens": 600}) for _ in range(8)]
        # Not before they are there: to make eight clients keeps this process busy, which is no time of the server's.
        while server.metric("llm_requests_running") < 8 and not any(each.done() for each in busy):
            time.sleep(0.01)
        times = []
        while not all(each.done() for each in busy):
            began = time.monotonic()
            assert health(server) == 200
            times.append(time.monotonic() - began)
        assert times
    assert max(times) < 2  # far from the seconds that the answers take; on a machine that others use too


def test_a_long_prompt_is_read_beside_the_loop(server):
    body = {"prompt": "word and another " * 100_000, "max_tokens": 1}
    long = threading.Thread(target=server.post, args=("/v1/completions", body))
    long.start()
    began = time.monotonic()
    assert server.get("/health").status_code == 200
    assert time.monotonic() - began < 2
    long.join()


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("PUT", "/generate", None, 405),
        ("POST", "/generate", b"{", 400),
        ("POST", "/generate", b'{"inputs": 5}', 400),
        ("POST", "/v1/completions", b'{"prompt": "\\ud800"}', 400),
        ("POST", "/v1/completions", b'{"prompt": [4, 99999999]}', 400),
        ("POST", "/v1/completions", b'{"prompt": ""}', 400),
        ("POST", "/v1/completions", b'{"prompt": "a", "temperature": NaN}', 400),
        ("POST", "/v1/completions", b"\xff", 400),
    ],
)
def test_every_error_has_openais_format(server, method, path, content, status):
    headers = {"Content-Type": "application/json"}
    answer = httpx.request(method, server.url + path, content=content, headers=headers)
    assert answer.status_code == status
    assert error(answer)["message"]


def test_a_sane_request_id_is_taken_over_and_another_is_made(server):
    assert (
        server.post("/generate", {"prompt": "a"}, **{"X-Request-Id": "mine-1.a:b"}).headers["X-Request-Id"]
        == "mine-1.a:b"
    )
    made = server.post("/generate", {"prompt": "a"}, **{"X-Request-Id": 'a b{"'}).headers["X-Request-Id"]
    assert made.startswith("req-")


MOST = 8_388_608  # bytes
JSON = {"Content-Type": "application/json"}


def test_a_body_that_is_too_long_is_refused_before_it_is_read(server):
    """Nothing of it is sent here: only how long it is going to be."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=240) as connection:
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {MOST + 1}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "body_too_long"


def test_who_goes_away_before_all_is_sent_has_made_no_mistake(server):
    cancelled = 'llm_requests_total{model="tiny",status="cancelled"}'
    before = server.metric(cancelled)
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=240) as connection:
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        connection.sendall(f'{head}Content-Length: 100\r\n\r\n{{"prompt": "a'.encode())
    until = time.monotonic() + 60
    while server.metric(cancelled) == before:
        assert time.monotonic() < until
        time.sleep(0.01)


LISTEN = """
import socket
from server.__main__ import listen
from server.settings import Settings
with listen(Settings(model_id="m", port=0)) as door, socket.create_connection(door.getsockname()):
    print(door.accept()[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
"""


def test_a_token_does_not_wait_for_the_acknowledgement_of_what_was_sent_before_it():
    done = subprocess.run([PYTHON, "-c", LISTEN], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/generate"])
def test_a_body_that_comes_in_chunks_is_counted(server, path):
    chunks = (b" " * 65536 for _ in range(MOST // 65536 + 1))
    answer = httpx.post(server.url + path, content=chunks, headers=JSON, timeout=240)
    assert (answer.status_code, error(answer)["code"]) == (413, "body_too_long")


def test_a_body_just_short_enough_is_read(server):
    body = b'{"prompt": "a", "max_tokens": 1}'
    answer = httpx.post(f"{server.url}/v1/completions", content=body.ljust(MOST), headers=JSON, timeout=240)
    assert answer.status_code == 200, answer.text


def test_a_method_that_a_path_does_not_take_is_told_which_it_takes(server):
    answer = httpx.put(f"{server.url}/v1/completions", json={})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert error(answer)["message"] == "This path does not take this method."
