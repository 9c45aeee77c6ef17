"""The process behind one pod: a simulated engine that serves, queues, counts and drains as the real one does.

uvicorn serves it, as it does vLLM: connections, signals and the end of a process are not made up. The text is.
"""

import argparse
import asyncio
import hmac
import json
import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn

from lab.dataplane import KEYS, faults
from lab.dataplane.load import Load
from lab.dataplane.metrics import exposition
from lab.hub import simulation

FIRST_TOKEN_SECONDS, NEXT_TOKEN_SECONDS = 0.05, 0.01
KV_TOKENS = 65_536
"""Size of the KV cache, in tokens."""

# As vLLM's: VLLM_HTTP_TIMEOUT_KEEP_ALIVE in vllm/envs.py of 0.31.0.
_KEEP_ALIVE_SECONDS = 5
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the container's command line says.

    engine: vllm, sglang, tgi, ...; version: whose metrics it has. drain: seconds from SIGTERM to the end.
    fails: per cent of the requests that it fails. fault: of faults.FAULTS, that it has.
    """

    engine: str
    version: str
    models: Sequence[str]
    max_model_len: int | None
    max_num_seqs: int
    drain: float
    fails: int = 0
    fault: str | None = None


class Engine:
    """The ASGI application."""

    def __init__(self, options: Options, keys: Sequence[str]) -> None:
        self._options = options
        self._keys = keys
        self._load = Load(engine=options.engine, version=options.version, model=options.models[0], kv_tokens=KV_TOKENS)
        self._slots = asyncio.Semaphore(options.max_num_seqs)
        self._asked = 0

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        reply = _Reply(send)
        method, path = scope["method"], scope["path"]
        if path == "/health":
            await reply.whole(200, b"")
        elif path == "/metrics":
            await reply.whole(200, exposition(self._load).encode(), _TEXT)
        elif path.startswith("/v1") and not self._admits(scope):
            await reply.json(401, {"error": "Unauthorized"})
        elif (method, path) == ("GET", "/v1/models"):
            cards = [{"id": name, "object": "model", "created": 0, "owned_by": "lab"} for name in self._options.models]
            await reply.json(200, {"object": "list", "data": cards})
        elif method == "POST" and path in ("/v1/chat/completions", "/v1/completions"):
            await self._openai(reply, path, await _body(receive))
        elif method == "POST" and path in ("/generate", "/generate_stream") and self._options.engine == "tgi":
            await self._tgi(reply, path, await _body(receive))
        else:
            await reply.json(404, {"detail": "Not Found"})

    def _is_to_fail(self) -> bool:
        """Whether this request is one of those that the engine fails, which are spread evenly."""
        self._asked += 1
        return self._asked * self._options.fails // 100 > (self._asked - 1) * self._options.fails // 100

    def _admits(self, scope: Mapping[str, Any]) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"").decode(errors="replace")
        word, _, key = given.partition(" ")
        return not self._keys or (
            word.lower() == "bearer" and any(hmac.compare_digest(key.encode(), own.encode()) for own in self._keys)
        )

    async def _openai(self, reply: "_Reply", path: str, body: Any) -> None:
        kind = "chat" if "chat" in path else "text"
        if not isinstance(body, dict):
            await reply.json(400, _error(400, "the body is no JSON object"))
            return
        try:
            question = simulation.question(kind, body)
        except ValueError as error:
            await reply.json(400, _error(400, str(error)))
            return
        model = str(body.get("model") or self._options.models[0])
        if model not in self._options.models:
            await reply.json(404, _error(404, f"The model `{model}` does not exist.", "NotFoundError"))
            return
        answer = faults.answer(question, self._options.fault)
        longest = self._options.max_model_len
        if longest is not None and answer.prompt_tokens >= longest:
            await reply.json(400, _error(400, f"The model's maximum context length is {longest} tokens."))
            return
        if self._is_to_fail():
            with self._load.request(
                prompt_tokens=answer.prompt_tokens, tokens=0, finish="error", path=path, streamed=question.stream
            ):
                await reply.json(500, _error(500, "Internal server error", "InternalServerError"))
            return
        name = simulation.identifier("chatcmpl-" if kind == "chat" else "cmpl-", body)
        about: dict[str, Any] = {"kind": kind, "name": name, "created": int(time.time()), "model": model}
        if question.stream:
            chunks = simulation.completion_chunks(answer, **about, usage=question.usage)
            await reply.stream(f"data: {event}\n\n" async for event in self._paced(chunks, answer, path=path))
        else:
            await self._generated(answer, path=path)
            await reply.json(200, simulation.completion(answer, **about))

    async def _tgi(self, reply: "_Reply", path: str, body: Any) -> None:
        try:
            inputs, parameters = body["inputs"], simulation.mapping(body, "parameters")
            stop, limit = simulation.stops(parameters.get("stop")), parameters.get("max_new_tokens")
            valid = isinstance(inputs, str) and simulation.is_count(limit)
        except (TypeError, KeyError, ValueError):
            valid = False
        if not valid:
            text = "`inputs` must be a string, and `max_new_tokens` at least 1"
            await reply.json(422, {"error": text, "error_type": "validation"})
            return
        answer = simulation.generate(inputs, limit, stop)
        if path.endswith("stream"):
            events = simulation.generation_events(answer)
            await reply.stream(f"data:{event}\n\n" async for event in self._paced(events, answer, path=path))
        else:
            await self._generated(answer, path=path)
            await reply.json(200, simulation.generation(answer, details=bool(parameters.get("details"))))

    async def _paced(
        self, events: Iterable[str], answer: simulation.Generated, *, path: str, streamed: bool = True
    ) -> AsyncIterator[str]:
        """The events of an answer at the speed of tokens, when a slot of the batch is free."""
        with self._load.request(
            prompt_tokens=answer.prompt_tokens,
            tokens=len(answer.words),
            finish=answer.finish,
            path=path,
            streamed=streamed,
        ) as request:
            async with self._slots:
                request.scheduled()
                await asyncio.sleep(FIRST_TOKEN_SECONDS)
                for event in events:
                    request.produced()
                    yield event
                    await asyncio.sleep(NEXT_TOKEN_SECONDS)

    async def _generated(self, answer: simulation.Generated, *, path: str) -> None:
        async for _ in self._paced(answer.words, answer, path=path, streamed=False):
            pass


class _Reply:
    """One answer over ASGI."""

    def __init__(self, send: Any) -> None:
        self._send = send

    async def whole(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def json(self, status: int, value: Any) -> None:
        await self.whole(status, json.dumps(value).encode(), "application/json")

    async def stream(self, pieces: AsyncIterator[str]) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        async for piece in pieces:
            await self._send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})


async def _body(receive: Any) -> Any:
    """The body as JSON; None where it is none."""
    whole, more = b"", True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            break
        whole += event.get("body", b"")
        more = event.get("more_body", False)
    try:
        return json.loads(whole)
    except ValueError:
        return None


def _error(status: int, message: str, kind: str = "BadRequestError") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def main() -> None:
    """Serve until SIGTERM, then finish what is in flight for as long as the drain lasts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pod", required=True, help="Uid of the pod; for those who look for this process.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--engine-version", required=True)
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--max-model-len", type=int)
    parser.add_argument("--max-num-seqs", type=int, required=True)
    parser.add_argument("--drain", type=float, required=True)
    parser.add_argument("--fails", type=int, default=0)
    parser.add_argument("--fault", choices=faults.FAULTS)
    given = parser.parse_args()
    options = Options(
        engine=given.engine,
        version=given.engine_version,
        models=given.model,
        max_model_len=given.max_model_len,
        max_num_seqs=given.max_num_seqs,
        drain=given.drain,
        fails=given.fails,
        fault=given.fault,
    )
    config = uvicorn.Config(
        Engine(options, json.loads(os.environ.get(KEYS, "[]"))),
        host="127.0.0.1",
        port=given.port,
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    # Here, since the constructor's type says whole seconds, and any number works. Zero would mean for ever.
    config.timeout_graceful_shutdown = max(options.drain, 0.001)  # type: ignore[assignment]
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
