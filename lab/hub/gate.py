"""What every request passes: it is recorded, it meets the faults that wait for it, and it is answered under the lock."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.hub import wire
from lab.hub.auth import bearer
from lab.hub.faults import Fault
from lab.hub.log import masked, masked_text
from lab.hub.machine import Machine
from lab.hub.operations import Operation, operation
from lab.hub.world import World

_MOST_BYTES = 16_000_000
_DRIPS = 10
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
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["path"].startswith(CONTROL_PREFIX):
            await self._control(scope, headers, content, send)
            return
        number, what, fault = self._record(scope, headers, content)
        replay = _Replay(content, receive)
        if fault is not None and not fault.passes:
            await self._misbehave(fault, None, scope, receive, send, number)
            return
        if fault is not None and fault.kind == "slow":
            await _wait(fault.seconds, receive)
        await self._answer(scope, replay, send, number, what, fault)

    async def _control(self, scope: Scope, headers: MutableMapping[str, str], content: bytes, send: Send) -> None:
        """/_lab: for this machine's programs; no page in a browser may reach it by another name or origin."""
        if headers.get("host", "").rpartition(":")[0] not in _LOOPBACK or "origin" in headers:
            await Answer(403, [(b"content-type", b"application/json")], b'{"error": "loopback only"}').send(send)
            return
        answer = Answer()
        with self._world.lock:
            self._machine.settle_all()
            await self._app(scope, _Replay(content, None), answer.collect)
        await answer.send(send)

    def _record(
        self, scope: Scope, headers: MutableMapping[str, str], content: bytes
    ) -> tuple[int, Operation, Fault | None]:
        world = self._world
        try:
            body = json.loads(content) if content else None
        except ValueError:
            body = "(no JSON)"
        with world.lock:
            what = operation(world, scope["method"], scope["path"], body)
            if self._step and what.plane == "control":
                world.clock.advance(self._step)
            self._machine.settle_all()
            fault = world.faults.take(what.name, "before", what.endpoint)
            given = bearer(headers.get("authorization"))
            token = world.tokens.get(given) if given else None
            known = world.tokens.keys() | ({given} if given else set())
            number = world.log.begin(
                at=world.clock.now(),
                method=scope["method"],
                path=masked_text(scope["path"], known),
                query=masked_text(scope["query_string"].decode("latin-1"), known),
                plane=what.plane,
                operation=what.name,
                token=token.id if token else ("unknown" if given else None),
                body=masked(body, known),
                user_agent=headers.get("user-agent", ""),
                fault=fault.kind if fault else None,
            )
        return number, what, fault

    async def _answer(
        self, scope: Scope, replay: Receive, send: Send, number: int, what: Operation, before: Fault | None
    ) -> None:
        with self._world.lock:
            after = before or self._world.faults.take(what.name, "after", what.endpoint)
        answer = Answer()
        if what.plane == "data" and after is None:
            await self._app(scope, replay, self._recording(send, number))
            with self._world.lock:
                self._save()
            return
        if what.plane == "data":
            await self._app(scope, replay, answer.collect)
        else:
            with self._world.lock:
                await self._app(scope, replay, answer.collect)
        with self._world.lock:
            if what.plane == "data" or scope["method"] not in ("GET", "HEAD"):
                self._save()
            self._world.log.end(number, status=answer.status, fault=after.kind if after else None)
        if after is None or (before is not None and before.kind == "slow"):
            await answer.send(send)
        else:
            await self._misbehave(after, answer, scope, replay, send, number)

    def _recording(self, send: Send, number: int) -> Send:
        async def recording(message: Message) -> None:
            if message["type"] == "http.response.start":
                with self._world.lock:
                    self._world.log.end(number, status=message["status"])
            await send(message)

        return recording

    async def _misbehave(
        self, fault: Fault, real: Answer | None, scope: Scope, receive: Receive, send: Send, number: int
    ) -> None:
        """Give the answer of a fault, or none. `real`: the answer that the request would have had."""
        status: int | None = None
        match fault.kind:
            case "status" | "not-json" | "invalid":
                status = fault.status if fault.kind == "status" else 200
                content, media = fault.content()
                headers = {"content-type": media, "content-length": str(len(content)), **fault.headers()}
                raw = [(name.encode(), value.encode()) for name, value in headers.items()]
                await Answer(status, raw, content).send(send)
            case "truncated":
                whole = real or Answer(200, [(b"content-length", b"400")], _STUB + _STUB)
                status = whole.status
                await send({"type": "http.response.start", "status": status, "headers": whole.headers})
                half = whole.body[: len(whole.body) // 2]
                await send({"type": "http.response.body", "body": half, "more_body": True})
                wire.close(scope)
            case "reset":
                wire.reset(scope)
            case "close":
                wire.close(scope)
            case "hang":
                await _wait(fault.seconds, receive)
                wire.close(scope)
            case "slow" if real is not None:
                await _wait(fault.seconds, receive)
                status = real.status
                await real.send(send)
            case "drip" if real is not None:
                status = real.status
                await _drip(real, fault.seconds, receive, send)
        with self._world.lock:
            self._world.log.end(number, status=status)


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


async def _read(receive: Receive) -> bytes:
    content = b""
    while True:
        message = await receive()
        content += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body") or len(content) > _MOST_BYTES:
            return content


async def _wait(seconds: float, receive: Callable[[], Awaitable[Message]]) -> None:
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


async def _drip(answer: Answer, seconds: float, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    size = max(1, -(-len(answer.body) // _DRIPS))
    for start in range(0, len(answer.body), size):
        await send({"type": "http.response.body", "body": answer.body[start : start + size], "more_body": True})
        await _wait(seconds / _DRIPS, receive)
    await send({"type": "http.response.body", "body": b""})
