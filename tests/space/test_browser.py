"""The demo in a real headless Chromium, before the lab's endpoint and a published model of the lab's cluster."""

import contextlib
import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest

from lab.hub.server import HubServer
from tests.house.test_traffic import settled
from tests.lab.conftest import eventually
from tests.space.running import PYTHON, needs_space, running
from tests.support import lab_config, manifests

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.prove,
    needs_space,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on PATH (Debian: apt-get install chromium)"),
]
SCRIPT = Path(__file__).parent / "scripts/browse.py"
PREFACE = "This is a simulated answer of the lab; no model has read: "
SLEEPS = {
    "accelerator": "cpu",
    "instanceType": "intel-spr",
    "instanceSize": "x1",
    "scaling": {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": 15},
}
MODEL = {
    "repository": "Qwen/Qwen2.5-1.5B-Instruct",
    "framework": "pytorch",
    "image": {"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "port": 8000}},
    "args": ["--served-model-name=qwen"],
}
KEY = "a-key-of-the-tests." + "0" * 32
KEY_SECRET = {"name": "callers", "key": "config.yaml"}
HOST = "llm.example.com"
EXPOSED = lab_config(
    {"m": {"expose": {"host": HOST, "auth": "engineKey", "keySecret": KEY_SECRET}}},
    cluster={"gateway": {"name": "public", "namespace": "gateways", "listener": "https"}},
)


def browse(demo, folder, *asked):
    """What a visitor saw; see the script."""
    done = subprocess.run(
        [PYTHON, SCRIPT, CHROMIUM, demo.url, folder, *asked], capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr + demo.log.read_text()
    return json.loads(done.stdout)


def test_a_visitor_sees_the_endpoint_wake_up_the_answer_grow_and_why_there_is_none(tmp_path):
    latency = {"pending": 1.0, "initializing": 2.0, "loading": 1.0, "draining": 0.1, "chunk": 0.15}
    with HubServer(latency=latency) as hub:
        endpoint = hub.add_endpoint("m", compute=SLEEPS, model=MODEL).id
        told = {"MODEL_URL": f"{hub.url}/e/{endpoint}", "MODEL_NAME": "qwen", "HF_INVOKE_TOKEN": "lab-invoke"}
        act(hub, "scale-to-zero")
        with running(tmp_path, **told) as demo:
            awake = browse(demo, tmp_path, "Why is the sky blue?", "read: Why is the sky blue?", "And red?", "And red?")
            act(hub, "pause")
            paused = browse(demo, tmp_path / "paused", "Hello?", "The model is paused")
        asked = [one.body["messages"] for one in hub.requests if one.operation == "chat"]
    woken, again = awake["shown"]
    waking = [text for text in woken if text.startswith("The model")]
    growing = [text for text in woken if text.startswith("This")]
    assert woken == [*waking, *growing]
    # The seconds are counted.
    assert len([text for text in waking if text.startswith("The model is asleep or still starting.")]) > 2
    assert growing[-1] == f"{PREFACE}Why is the sky blue?"
    assert len(growing) > 5
    assert all(later.startswith(earlier) for earlier, later in pairwise(growing))
    assert len([text for text in again if text.startswith("This is")]) > 5
    # The second question came with the first and its answer, and without what the page had said itself.
    assert [message["content"] for message in asked[-2]] == [
        "Why is the sky blue?",
        f"{PREFACE}Why is the sky blue?",
        "And red?",
    ]
    assert "its owner has stopped it" in paused["shown"][0][-1]
    assert awake["elsewhere"] + paused["elsewhere"] == []  # no fonts, no scripts, no counting of visitors
    assert "lab-invoke" not in awake["text"] + paused["text"] + demo.log.read_text()
    assert (tmp_path / "1.png").stat().st_size < 100_000


def act(hub, action):
    headers = {"authorization": "Bearer lab-manage"}
    httpx2.post(f"{hub.url}/v2/endpoint/lab-org/m/{action}", headers=headers, trust_env=False).raise_for_status()


@contextlib.contextmanager
def way_in(gateway):
    """What leads to the host elsewhere, a name and a certificate: an address of this machine for the lab's gateway."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            kept = {name: self.headers[name] for name in ("authorization", "content-type") if name in self.headers}
            sent = {"content": body, "headers": {**kept, "host": HOST}, "timeout": 60}
            with client.stream("POST", gateway + self.path, **sent) as answer:
                self.send_response(answer.status_code)
                self.send_header("content-type", answer.headers["content-type"])
                self.end_headers()
                for piece in answer.iter_raw():
                    self.wfile.write(piece)

        def log_message(self, *_):
            pass

    with httpx2.Client(trust_env=False) as client:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


@pytest.fixture
def published(namespace):
    """The address of the lab's gateway, behind which a model answers who has the key."""
    objects = manifests(EXPOSED).values()
    namespace.apply(*[one for one in objects if one["kind"] == "Namespace"])
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": KEY_SECRET["name"], "namespace": "llm"},
        "stringData": {KEY_SECRET["key"]: json.dumps({"api-key": [KEY]})},
    }
    namespace.apply(secret, *objects)
    try:
        settled(namespace)
        yield json.loads(namespace.lab.addresses.read_text())["gateway"]
    finally:
        namespace.kubectl("delete", "secret", KEY_SECRET["name"], "--namespace=llm")


def answers(url):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    sent = {"json": body, "headers": {"authorization": f"Bearer {KEY}"}, "trust_env": False}
    return httpx2.post(f"{url}/v1/chat/completions", **sent).status_code == 200


def test_a_visitor_sees_a_published_model_answer_and_a_wrong_key_refused(published, tmp_path):
    with way_in(published) as url:
        eventually(lambda: answers(url))
        with running(tmp_path, MODEL_URL=url, MODEL_NAME="m", MODEL_KEY=KEY) as demo:
            seen = browse(demo, tmp_path, "Why is the sky blue?", "read: Why is the sky blue?")
        with running(tmp_path, MODEL_URL=url, MODEL_NAME="m", MODEL_KEY="another key") as other:
            refused = browse(other, tmp_path, "Hello?", "HTTP 401")
    (shown,) = seen["shown"]
    assert shown[-1] == f"{PREFACE}Why is the sky blue?"
    assert len(shown) > 2
    assert "does not take this page's token" in refused["shown"][0][-1]
    assert KEY not in seen["text"] + demo.log.read_text()
