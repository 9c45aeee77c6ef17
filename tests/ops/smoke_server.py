"""A server that answers as vLLM does, or wrongly in one way; over real HTTP on loopback."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from blueprint.metrics import emitted

KEY = "sk-CanaryOfTheEngine"
VERSION = "0.31.0"
_PATHS = {"no metrics": "/metrics", "other metrics": "/metrics", "unwell": "/health"}
_REFUSED = {
    **dict.fromkeys(("unwell", "no metrics", "error"), (500, json.dumps({"error": f"out of memory, with {KEY}"}))),
    "key refused": (401, "{}"),
    "web page": (200, "<html>Welcome</html>"),
}
CHUNKS = ("Seven", " days", ".")


def metrics() -> str:
    """What vLLM of that version exposes, as far as its names go."""
    names = {metric.family or metric.name: metric.type for metric in emitted("vllm", VERSION).values()}
    return "".join(f"# TYPE {name} {kind}\n" for name, kind in names.items())


class Server:
    """fault: what goes wrong; lasts: for how many requests. asked: the paths, with their bodies."""

    def __init__(self, fault: str = "", lasts: int = 1_000_000) -> None:
        self.fault, self.left = fault, lasts
        self.asked: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while scope["method"] == "POST":
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        question = json.loads(body) if body else {}
        self.asked.append((scope["path"], question))
        self.headers.append({key.decode(): value.decode() for key, value in scope["headers"]})
        fault = self.fault if self.left > 0 and self._concerns(scope["path"], question) else ""
        self.left -= bool(fault)
        status, kind, pieces = self._answer(scope["path"], question, fault)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind.encode())]})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
        if fault != "broken connection":
            await send({"type": "http.response.body", "body": b""})

    def _concerns(self, path: str, question: Any) -> bool:
        if self.fault in _PATHS:
            return path == _PATHS[self.fault]
        if self.fault in ("empty stream", "one piece", "no end", "error in stream"):
            return bool(question.get("stream"))
        if self.fault in ("prose", "other keys"):
            return "response_format" in question
        return path.startswith("/v1")

    def _answer(self, path: str, question: Any, fault: str) -> tuple[int, str, list[str]]:
        plain = "application/json"
        if fault in _REFUSED:
            status, body = _REFUSED[fault]
            return status, plain, [body]
        if path == "/health":
            return 200, plain, []
        if path == "/metrics":
            return 200, "text/plain", ["# TYPE up gauge\nup 1\n" if fault == "other metrics" else metrics()]
        text = {"empty": "", "prose": "It is seven.", "other keys": '{"day": 7}'}.get(fault, "".join(CHUNKS))
        if "response_format" in question and not fault:
            text = json.dumps({"days": 7})
        if not question.get("stream"):
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            if path == "/v1/completions":
                choice = {"index": 0, "finish_reason": "stop", "text": text}
            return 200, plain, [json.dumps({"choices": [choice]})]
        said = {"empty stream": [], "empty": [], "one piece": [text]}.get(fault, list(CHUNKS))
        events = [json.dumps({"choices": [{"delta": {"content": piece}, "finish_reason": None}]}) for piece in said]
        end = [
            json.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
            json.dumps({"choices": [], "usage": {"completion_tokens": 3}}),
            "[DONE]",
        ]
        if fault == "error in stream":
            end = [json.dumps({"error": {"message": f"CUDA error, with {KEY}"}})]
        if fault in ("no end", "broken connection"):
            end = []
        return 200, "text/event-stream", [f"data: {event}\n\n" for event in [*events, *end]]


@contextmanager
def serving(fault: str = "", lasts: int = 1_000_000) -> Iterator[Server]:
    """Run one for the block."""
    application = Server(fault, lasts)
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        application.port = server.servers[0].sockets[0].getsockname()[1]
        yield application
    finally:
        server.should_exit = True
        thread.join()
