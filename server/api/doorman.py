"""What every request passes: its id, its key, the log's line and the end of its watch."""

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.admission import Gate
from server.api.errors import TOO_LONG, ApiError, as_api_error
from server.log import LOG, tell
from server.observing import Observer, Status

SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
OPEN_PATHS = frozenset({"/health", "/ready"})
GONE = 499  # nginx's number, for the log: nobody reads it
OPERATIONS = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "text_completion",
    "/generate": "text_completion",
    "/generate_stream": "text_completion",
    "/": "text_completion",
}
"""The paths that ask the model, and what telemetry calls it."""


class Doorman:
    """An ASGI application around another."""

    def __init__(
        self, app: ASGIApp, *, gate: Gate, observer: Observer, keys: Collection[str], max_body_bytes: int
    ) -> None:
        self._app = app
        self._gate = gate
        self._observer = observer
        self._max_body_bytes = max_body_bytes
        self._turn = asyncio.Lock()
        # Of one length, so that the comparison tells nothing of a key's.
        self._keys = [_digest(key.encode()) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-request-id", "")
        request_id = given if SANE_ID.fullmatch(given) else f"req-{secrets.token_hex(12)}"
        state = scope.setdefault("state", {})
        state |= {"headers": headers, "request_id": request_id}
        line = _Line(receive, send, request_id)
        operation = OPERATIONS.get(scope["path"]) if scope["method"] == "POST" else None
        try:
            if scope["path"] not in OPEN_PATHS and not self._knows(headers.get("authorization", "")):
                error = ApiError(401, "A valid API key is needed: Authorization: Bearer KEY.", code="invalid_api_key")
                await error.response()(scope, receive, line.send)
            elif self._is_too_long(headers.get("content-length", "")):
                await TOO_LONG.response()(scope, receive, line.send)
            elif operation is None:
                await self._app(scope, receive, line.send)
            else:
                with self._gate.response():
                    await self._wait_for_turn()
                    await self._app(scope, line.receive, line.send)
        except Exception as error:  # noqa: BLE001 - the last resort: a client gets an answer, the log no text of it
            LOG.exception("a request failed", extra={"fields": {"request_id": request_id}})
            if not line.status:
                await as_api_error(error).response()(scope, receive, line.send)
        finally:
            # Who left before all was read: half a body is no mistake of theirs.
            status = GONE if line.gone and "watch" not in state else line.status
            if operation is not None:
                self._end(scope, operation, headers, request_id, status)
            self._log(scope, request_id, status, time.monotonic() - began)

    async def _wait_for_turn(self) -> None:
        """One request in each round of the loop: all of a crowd in one would keep /health and the streams waiting."""
        async with self._turn:
            await asyncio.sleep(0)

    def _is_too_long(self, length: str) -> bool:
        """Of one whose length is told beforehand. The routes count the others; their answer to this has no JSON."""
        return length.isdecimal() and int(length) > self._max_body_bytes

    def _knows(self, authorization: str) -> bool:
        if not self._keys:
            return True
        scheme, _, key = authorization.partition(" ")
        digest = _digest(key.strip().encode("latin-1"))
        known = [hmac.compare_digest(digest, each) for each in self._keys]  # all of them, whichever fits
        return scheme.lower() == "bearer" and any(known)

    def _end(self, scope: Scope, operation: str, headers: dict[str, str], request_id: str, status: int) -> None:
        watch = scope["state"].get("watch")
        if watch is None:
            watch = self._observer.request(operation, headers=headers, request_id=request_id, parameters={})
        watch.ended(_status(status))

    @staticmethod
    def _log(scope: Scope, request_id: str, status: int, seconds: float) -> None:
        answer = scope["state"].get("answer")
        # The route and not the path: what somebody asks for by mistake may be a key or a prompt.
        route = scope.get("route")
        fields: dict[str, Any] = {
            "request_id": request_id,
            "method": scope["method"] if route else None,
            "route": getattr(route, "path", None),
            "status": status or None,
            "seconds": round(seconds, 4),
            **scope["state"].get("log", {}),
            "completion_tokens": answer.tokens if answer else None,
        }
        level = logging.DEBUG if scope["path"] in OPEN_PATHS else logging.INFO
        tell(level, "request", **{key: value for key, value in fields.items() if value is not None})


class _Line:
    """Between a client and the application. status: of the answer, 0 without one. gone: the application learned it."""

    def __init__(self, receive: Receive, send: Send, request_id: str) -> None:
        self._receive = receive
        self._send = send
        self._request_id = request_id.encode()
        self.status = 0
        self.gone = False

    async def receive(self) -> Message:
        """What the client sends."""
        message = await self._receive()
        self.gone = self.gone or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        """Pass an answer on, with the request's id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", []), (b"x-request-id", self._request_id)]
        await self._send(message)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _status(status: int) -> Status:
    """How a request ended that the engine never saw, or whose end it did not tell."""
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return "rejected"
    if status == HTTPStatus.UNAUTHORIZED:
        return "unauthorized"
    if status == GONE:
        return "cancelled"
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return "timeout"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "error"
    return "invalid" if status >= HTTPStatus.BAD_REQUEST else "cancelled"
