"""The rendered startup probe of a model that warms up, run as a process against a server in place of the engine."""

import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support import lab_config, manifests


@pytest.fixture(scope="module")
def probe():
    objects = manifests(lab_config({"m": {"lifecycle": {"warmUp": True, "startupMinutes": 20}}}))
    (container,) = objects["Deployment/m"]["spec"]["template"]["spec"]["containers"]
    return container["startupProbe"]


class Engine:
    """Answers by path: a status, or a function of headers and body that gives one."""

    def __init__(self, answers):
        self.asked = []
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer(None)

            def do_POST(self):
                self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

            def _answer(self, body):
                engine.asked.append((self.path, body))
                answer = answers.get(self.path, 404)
                status = answer(self.headers, body) if callable(answer) else answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def run(probe, port, *, seconds=None, key_at=None, **environment):
    """The probe's command with the port of this test, as the kubelet runs it: without a shell."""
    *program, _, health, model, given, where = probe["exec"]["command"]
    command = [*program, str(port), health, model, str(seconds or given), key_at or where]
    return subprocess.run(
        command,
        # A proxy of the environment is not asked for what runs in this pod.
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "http_proxy": "http://127.0.0.1:9", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_replica_is_ready_once_it_has_generated_one_token(probe):
    with Engine({"/health": 200, "/v1/completions": 200}) as engine:
        assert run(probe, engine.port).returncode == 0
    assert [path for path, _ in engine.asked] == ["/health", "/v1/completions"]
    assert engine.asked[1][1] == {"model": "m", "max_tokens": 1, "temperature": 0, "prompt": "Hello"}


def test_an_engine_that_only_chats_is_asked_to_chat(probe):
    with Engine({"/health": 200, "/v1/chat/completions": 200}) as engine:
        assert run(probe, engine.port).returncode == 0
    assert engine.asked[-1][1]["messages"] == [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"/health": 503, "/v1/completions": 200}, "not healthy yet: /health answers 503"),
        ({"/health": 200, "/v1/completions": 500}, "/v1/completions answers 500"),
        ({"/health": 200, "/v1/completions": 401}, "/v1/completions answers 401"),
        ({"/health": 200}, "it knows neither of /v1/completions, /v1/chat/completions"),
    ],
)
def test_what_is_missing_is_said_and_the_replica_is_not_ready(probe, answers, said):
    with Engine(answers) as engine:
        done = run(probe, engine.port)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_server_yet_is_no_traceback(probe):
    with Engine({}) as engine:
        port = engine.port
    done = run(probe, port)
    assert done.returncode == 1
    assert done.stderr.startswith(f"no answer on port {port}: ")


def test_a_generation_that_hangs_ends_in_time(probe):
    ended = threading.Event()
    with Engine({"/health": 200, "/v1/completions": lambda *_: ended.wait(30) and 200}) as engine:
        began = time.monotonic()
        done = run(probe, engine.port, seconds=1)
        took = time.monotonic() - began
        ended.set()
    assert done.returncode == 1
    assert "timed out" in done.stderr
    assert took < 20


def test_the_key_comes_from_a_variable_or_from_a_file(probe, tmp_path):
    def guarded(headers, _):
        return 200 if headers["authorization"] == "Bearer swordfish" else 401

    keys = tmp_path / "keys.yaml"
    keys.write_text('api-key: ["swordfish", "older"]\n')
    with Engine({"/health": 200, "/v1/completions": guarded}) as engine:
        assert run(probe, engine.port).returncode == 1
        assert run(probe, engine.port, key_at="VLLM_API_KEY", VLLM_API_KEY="swordfish").returncode == 0
        assert run(probe, engine.port, key_at=str(keys)).returncode == 0
        keys.write_text("swordfish\nolder\n")
        assert run(probe, engine.port, key_at=str(keys)).returncode == 0
    assert "swordfish" not in str(probe)


def test_the_budget_stays_what_it_is_although_an_attempt_may_take_its_whole_period(probe):
    assert probe["periodSeconds"] * probe["failureThreshold"] == 20 * 60
    assert probe["timeoutSeconds"] <= probe["periodSeconds"]
    assert int(probe["exec"]["command"][-2]) < probe["timeoutSeconds"]
