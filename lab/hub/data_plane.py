"""Calling endpoints: the proxy in front of them (who may, is it awake), and the engine behind it.

The engine is simulated, or a process of this project's server.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import cached_property
from typing import Any

import httpx2
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from lab.hub import simulation
from lab.hub.auth import authenticated
from lab.hub.endpoints_api import json_body
from lab.hub.images import VARIANTS, engine, health_route
from lab.hub.machine import INVALID_STATE, Machine
from lab.hub.refusal import Refusal
from lab.hub.world import INFER, Endpoint, World

_LONGEST_HOLD = 600.0
_LOOK_AGAIN = 0.02
_PASSED_ON = ("accept", "content-type", "traceparent", "tracestate", "user-agent")
"""Headers that go on to a real engine. The token is for the proxy."""


def router(world: World, machine: Machine) -> APIRouter:
    """Everything under /e/{id}."""
    routes = APIRouter()
    plane = DataPlane(world, machine)

    @routes.api_route("/e/{endpoint_id}{rest:path}", methods=["GET", "HEAD", "POST"])
    async def call(request: Request, endpoint_id: str, rest: str) -> Response:
        return await plane.call(request, endpoint_id, rest or "/")

    return routes


class DataPlane:
    """Takes no lock while it waits or streams."""

    def __init__(self, world: World, machine: Machine):
        self._world = world
        self._machine = machine

    async def call(self, request: Request, endpoint_id: str, rest: str) -> Response:
        """Answer a request to an endpoint. Raises Refusal."""
        held = _held_seconds(request.headers.get("x-scale-up-timeout"))
        until = self._world.clock.now() + held
        give_up = time.monotonic() + min(held, _LONGEST_HOLD)
        while True:
            with self._world.lock:
                endpoint = self._reachable(request, endpoint_id)
                refusal = self._unready(endpoint)
                config = endpoint.serving or endpoint.config
                port = self._world.behind.port(endpoint) if self._world.behind else None
                if refusal is None and (port is None or rest == health_route(config)):
                    return self._engine(endpoint, config, request, rest, await json_body(request))
                if refusal is None:
                    endpoint.requests += 1
                waits = endpoint.state not in ("paused", "pausing", "failed")
            if refusal is None:
                return await self._forwarded(request, f"http://127.0.0.1:{port}{rest}")
            if not waits or self._world.clock.now() >= until or time.monotonic() >= give_up:
                raise refusal
            await asyncio.sleep(_LOOK_AGAIN)

    # -- the proxy

    def _reachable(self, request: Request, endpoint_id: str) -> Endpoint:
        endpoint = self._world.by_id(endpoint_id)
        if endpoint is None:
            raise Refusal(404, "Not found")
        kind = endpoint.config["type"]
        if kind != "public":
            token = authenticated(self._world, request)
            needs = kind == "private" or self._world.switches.authenticated_needs_infer
            if needs and not self._world.allows(token, INFER, endpoint.namespace):
                raise Refusal(403, "Forbidden: the token may not call this endpoint")
        return endpoint

    def _unready(self, endpoint: Endpoint) -> Refusal | None:
        """Why the endpoint does not answer now; a request wakes it when it sleeps."""
        self._machine.settle(endpoint)
        if endpoint.state in ("paused", "pausing"):
            return Refusal(400, INVALID_STATE)
        now = self._world.clock.now()
        endpoint.used_at = now
        if endpoint.state == "scaledToZero":
            self._machine.start(endpoint, fresh=False)
        changing = endpoint.state in ("updating", "updateFailed")
        if endpoint.serving is None or (changing and not self._world.switches.old_serves_while_updating):
            return Refusal(self._world.switches.sleeping_status, "Service Unavailable")
        if endpoint.loaded_at is not None and endpoint.loaded_at > now:
            return Refusal(503, "Loading model")
        if self._world.behind and self._world.behind.state(endpoint, endpoint.serving) not in (None, "ready"):
            return Refusal(503, "Loading model")
        return None

    # -- the engine

    @cached_property
    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(trust_env=False, timeout=None, limits=httpx2.Limits(max_connections=None))

    async def _forwarded(self, request: Request, url: str) -> Response:
        """The answer of a real engine, piece by piece as it comes; whoever goes away takes the request along."""
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        sent = self._client.build_request(
            request.method, url, params=request.query_params, headers=headers, content=await request.body()
        )
        try:
            answer = await self._client.send(sent, stream=True)
        except httpx2.HTTPError:
            raise Refusal(503, "Service Unavailable") from None

        async def pieces() -> AsyncIterator[bytes]:
            try:
                async for piece in answer.aiter_raw():
                    yield piece
            finally:
                await answer.aclose()

        kept = {name: answer.headers[name] for name in ("content-type", "retry-after") if name in answer.headers}
        return StreamingResponse(pieces(), answer.status_code, headers=kept)

    def _engine(
        self, endpoint: Endpoint, config: Mapping[str, Any], request: Request, rest: str, body: Any
    ) -> Response:
        if rest == health_route(config) and request.method in ("GET", "HEAD"):
            return Response(status_code=200)
        serves = VARIANTS[engine(config)].serves
        endpoint.requests += 1
        if rest == "/v1/models" and "openai" in serves:
            card = {"id": _served_name(config), "object": "model", "created": 0, "owned_by": "lab"}
            return JSONResponse({"object": "list", "data": [card]})
        if request.method != "POST":
            raise Refusal(404, "Not Found", layout="detail")
        if not isinstance(body, dict):
            raise Refusal(422, "the body is no JSON object", layout="detail")
        if rest in ("/v1/chat/completions", "/v1/completions") and "openai" in serves:
            return self._openai(config, rest, body)
        if rest in ("/generate", "/generate_stream") and "tgi" in serves:
            return self._tgi(rest, body)
        if rest == "/" and "root" in serves:
            return self._tgi(rest, body)
        if rest in ("/embed", "/v1/embeddings", "/") and "embed" in serves:
            return _embed(rest, body)
        raise Refusal(404, "Not Found", layout="detail")

    def _openai(self, config: Mapping[str, Any], rest: str, body: Mapping[str, Any]) -> Response:
        kind = "chat" if rest.endswith("chat/completions") else "text"
        try:
            question = simulation.question(kind, body)
        except ValueError as error:
            return _openai_error(400, str(error))
        served = _served_name(config)
        model = str(body.get("model") or served)
        names = (served, "/repository")
        if self._world.switches.model_name == "served" and engine(config) == "vLLM" and model not in names:
            return _openai_error(404, f"The model `{model}` does not exist.", "NotFoundError")
        answer = question.answer()
        name = simulation.identifier("chatcmpl-" if kind == "chat" else "cmpl-", dict(body))
        created = int(self._world.clock.now())
        if not question.stream:
            return JSONResponse(simulation.completion(answer, kind=kind, name=name, created=created, model=model))
        chunks = simulation.completion_chunks(
            answer, kind=kind, name=name, created=created, model=model, usage=question.usage
        )
        return self._stream(chunks, prefix="data: ")

    def _tgi(self, rest: str, body: Mapping[str, Any]) -> Response:
        try:
            parameters = simulation.mapping(body, "parameters")
            stop = simulation.stops(parameters.get("stop"))
        except ValueError as error:
            raise Refusal(422, str(error), layout="detail") from None
        inputs, limit = body.get("inputs"), parameters.get("max_new_tokens")
        if not isinstance(inputs, str) or not simulation.is_count(limit):
            text = "`inputs` must be a string, and `max_new_tokens` at least 1"
            return JSONResponse({"error": text, "error_type": "validation"}, 422)
        answer = simulation.generate(inputs, limit, stop)
        if rest == "/generate_stream" or (rest == "/" and body.get("stream")):
            return self._stream(simulation.generation_events(answer), prefix="data:")
        content = simulation.generation(answer, details=bool(parameters.get("details")))
        return JSONResponse([content] if rest == "/" else content)

    def _stream(self, events: Iterable[str], *, prefix: str) -> Response:
        pause = self._world.latency.chunk

        async def lines() -> AsyncIterator[bytes]:
            for event in events:
                yield f"{prefix}{event}\n\n".encode()
                await asyncio.sleep(pause)

        return StreamingResponse(lines(), media_type="text/event-stream")


def _embed(rest: str, body: Mapping[str, Any]) -> Response:
    given = body.get("input" if rest == "/v1/embeddings" else "inputs")
    texts = [str(text) for text in given] if isinstance(given, list) else [str(given)]
    vectors = [simulation.vector(text) for text in texts]
    if rest != "/v1/embeddings":
        return JSONResponse(vectors)
    tokens = sum(len(text.split()) for text in texts)
    data = [{"object": "embedding", "index": index, "embedding": item} for index, item in enumerate(vectors)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JSONResponse({"object": "list", "data": data, "model": str(body.get("model")), "usage": usage})


def _openai_error(status: int, message: str, kind: str = "BadRequestError") -> Response:
    error = {"message": message, "type": kind, "param": None, "code": status}
    return JSONResponse({"error": error}, status)


def _served_name(config: Mapping[str, Any]) -> str:
    """The name under which the engine knows the model: --served-model-name, or where the service mounts it."""
    args = list(config["model"].get("args", []))
    for index, argument in enumerate(args):
        if argument == "--served-model-name" and index + 1 < len(args):
            return str(args[index + 1])
        if argument.startswith("--served-model-name="):
            return str(argument.partition("=")[2])
    return "/repository"


def _held_seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header or 0))
    except ValueError:
        return 0.0
