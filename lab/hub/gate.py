"""What every request passes: it is recorded, meets the faults that wait for it, and is answered under the lock."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.hub import wire
from lab.hub.auth import bearer
from lab.hub.faults import Fault
from lab.hub.fields import parsed
from lab.hub.log import masked, masked_text
from lab.hub.machine import Machine
from lab.hub.operations import Operation, operation
from lab.hub.world import World

_MOST_BYTES = 16_000_000
_DROPS = 10
_RATE_SECONDS = 60.0
_FAREWELL_SECONDS = 2.0
_STUB = b'{"name": "cut-off-in-the-middle", "status": {"state": "pen'
CONTROL_PREFIX = "/_lab/"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Answer:
    """An answer that has been made and not been sent."""

    def __init__(self, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None, body: bytes = b""):
        self.status = status
        self.headers = headers or []
        self.body = body

    async def collect(self, message: Message) -> None:
        """ASGI's send."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    async def send(self, send: Send) -> None:
        """Send it whole."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


_UNKNOWN = Operation("control", "other", None)


@dataclass
class Exchange:
    """A request, and the way to answer it. `receive` gives its body, and then tells when the other side has gone."""

    scope: Scope
    receive: Receive
    send: Send
    number: int = 0
    what: Operation = _UNKNOWN

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.scope["method"] in ("GET", "HEAD")


class Gate:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, world: World, machine: Machine, *, save: Callable[[], None], step: float = 0.0):
        self._app = app
        self._world = world
        self._machine = machine
        self._save = save
        self._step = step

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        content = await _read(receive)
        exchange = Exchange(scope, _Replay(content, receive), send)
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["path"].startswith(CONTROL_PREFIX):
            await self._control(exchange, headers)
            return
        before = self._record(exchange, headers, content)
        exchange.send = self._recording(exchange, send)
        if before is None:
            await self._answer(exchange)
        elif before.passes:
            await _gone(before.seconds if before.kind == "slow" else 0.0, receive)
            await self._answer(exchange, drip=before if before.kind == "drip" else None)
        else:
            exchange.receive = receive
            await self._misbehave(exchange, before, None)

    async def _control(self, exchange: Exchange, headers: Mapping[str, str]) -> None:
        """/_lab: for this machine's programs; no page in a browser may reach it by another name or origin."""
        if headers.get("host", "").rpartition(":")[0] not in _LOOPBACK or "origin" in headers:
            answer = Answer(403, [(b"content-type", b"application/json")], b'{"error": "loopback only"}')
            await answer.send(exchange.send)
            return
        answer = Answer()
        with self._world.lock:
            self._machine.settle_all()
            await self._app(exchange.scope, exchange.receive, answer.collect)
        await answer.send(exchange.send)

    def _record(self, exchange: Exchange, headers: Mapping[str, str], content: bytes) -> Fault | None:
        """Write the request down; gives the fault that it meets before it has any effect."""
        world, scope = self._world, exchange.scope
        body = _json(content)
        with world.lock:
            exchange.what = what = operation(world, scope["method"], scope["path"], body)
            if self._step and what.plane != "hub":
                world.clock.advance(self._step)
            self._machine.settle_all()
            fault = world.faults.take(what.name, "before", what.endpoint)
            given = bearer(headers.get("authorization"))
            token = world.tokens.get(given) if given else None
            known = world.tokens.keys() | ({given} if given else set())
            exchange.number = world.log.begin(
                at=world.clock.now(),
                method=scope["method"],
                path=masked_text(scope["path"], known),
                query=masked_text(scope["query_string"].decode("latin-1"), known),
                plane=what.plane,
                operation=what.name,
                endpoint=masked_text(what.endpoint, known) if what.endpoint else None,
                token=token.id if token else ("unknown" if given else None),
                body=masked(body, known),
                user_agent=headers.get("user-agent", ""),
                fault=fault.kind if fault else None,
            )
            return fault or self._too_many(what, token.id if token else None)

    def _too_many(self, what: Operation, token: str | None) -> Fault | None:
        """The refusal of a request above the rate limit, if there is one."""
        limit = self._world.switches.rate_limit
        if not limit or what.plane != "control":
            return None
        if self._world.log.recent(token, self._world.clock.now() - _RATE_SECONDS) <= limit:
            return None
        text = "Too many requests"
        return Fault(operation=what.name, kind="status", status=429, message=text, retry_after=_RATE_SECONDS)

    async def _answer(self, exchange: Exchange, *, drip: Fault | None = None) -> None:
        """Let the request take effect, and answer it, rightly or by a fault."""
        world, what = self._world, exchange.what
        with world.lock:
            fault = drip or world.faults.take(what.name, "after", what.endpoint)
        if what.plane == "data" and fault is None:
            await self._app(exchange.scope, exchange.receive, exchange.send)
            return
        answer = Answer()
        if what.plane == "data":  # which takes the lock itself, and not while it waits
            await self._app(exchange.scope, exchange.receive, answer.collect)
        else:
            with world.lock:
                await self._app(exchange.scope, exchange.receive, answer.collect)
        if what.plane == "data" or not exchange.reads:
            with world.lock:
                self._save()
        if fault is not None:
            with world.lock:
                world.log.end(exchange.number, fault=fault.kind)
        if fault is None:
            await answer.send(exchange.send)
        else:
            await self._misbehave(exchange, fault, answer)

    def _recording(self, exchange: Exchange, send: Send) -> Send:
        """ASGI's send, which writes the status down, and keeps the state, before the first byte goes out."""

        async def recording(message: Message) -> None:
            if message["type"] == "http.response.start":
                with self._world.lock:
                    self._world.log.end(exchange.number, status=message["status"])
                    if exchange.what.plane == "data":
                        self._save()
            await send(message)

        return recording

    async def _misbehave(self, exchange: Exchange, fault: Fault, real: Answer | None) -> None:
        """Give the answer of a fault, or none. `real`: the answer that the request would have had."""
        match fault.kind:
            case "status" | "not-json" | "invalid":
                await _of_fault(fault).send(exchange.send)
            case "truncated":
                whole = real or Answer(200, [(b"content-length", b"400")], _STUB + _STUB)
                await exchange.send({"type": "http.response.start", "status": whole.status, "headers": whole.headers})
                half = whole.body[: len(whole.body) // 2]
                await exchange.send({"type": "http.response.body", "body": half, "more_body": True})
                wire.close(exchange.scope)
            case "corrupted" if real is not None and real.body:
                real.body = real.body[:-1] + bytes([real.body[-1] ^ 1])
                await real.send(exchange.send)
            case "reset":
                wire.reset(exchange.scope)
            case "close":
                wire.close(exchange.scope)
            case "hang":
                await _gone(fault.seconds, exchange.receive)
                wire.close(exchange.scope)
            case "slow" | "drip" if real is not None:
                await _late(real, fault, exchange)
        if fault.kind in ("truncated", "reset", "close", "hang"):
            await _gone(_FAREWELL_SECONDS, exchange.receive)


class _Replay:
    """ASGI's receive for a body that has been read already; then the connection's own, for its end."""

    def __init__(self, content: bytes, receive: Receive | None):
        self._content: bytes | None = content
        self._receive = receive

    async def __call__(self) -> Message:
        if self._content is not None:
            content, self._content = self._content, None
            return {"type": "http.request", "body": content, "more_body": False}
        return await self._receive() if self._receive else {"type": "http.disconnect"}


def _json(content: bytes) -> Any:
    """A body as the log can hold it."""
    try:
        return parsed(content)
    except ValueError:
        return "(no JSON)"


async def _read(receive: Receive) -> bytes:
    content = b""
    while True:
        message = await receive()
        content += bytes(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body") or len(content) > _MOST_BYTES:
            return content


async def _gone(seconds: float, receive: Receive) -> None:
    """Wait, or until the other side has gone."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while (left := until - loop.time()) > 0:
        try:
            async with asyncio.timeout(left):
                if (await receive())["type"] == "http.disconnect":
                    return
        except TimeoutError:
            return


async def _late(answer: Answer, fault: Fault, exchange: Exchange) -> None:
    """Send an answer that is whole and late: all at once, or drop by drop."""
    if fault.kind == "slow":
        await _gone(fault.seconds, exchange.receive)
        await answer.send(exchange.send)
        return
    await exchange.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    size = max(1, -(-len(answer.body) // _DROPS))
    for start in range(0, len(answer.body), size):
        piece = answer.body[start : start + size]
        await exchange.send({"type": "http.response.body", "body": piece, "more_body": True})
        await _gone(fault.seconds / _DROPS, exchange.receive)
    await exchange.send({"type": "http.response.body", "body": b""})


def _of_fault(fault: Fault) -> Answer:
    content, media = fault.content()
    headers = {"content-type": media, "content-length": str(len(content)), **fault.headers()}
    status = fault.status if fault.kind == "status" else 200
    return Answer(status, [(name.encode(), value.encode()) for name, value in headers.items()], content)
