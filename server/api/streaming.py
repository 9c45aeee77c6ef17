"""Answers over HTTP, whole or as server-sent events. When the client goes away, the answer ends."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.answering import Whole, whole
from server.api.errors import as_api_error
from server.log import LOG

Event = Mapping[str, Any]
Result = TypeVar("Result")


class Gone(Exception):  # noqa: N818 - nobody is there to be told
    """The client went away."""


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_present(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """Do the work as long as the client is there; else cancel it and raise Gone."""
    task = asyncio.create_task(work)
    departure = asyncio.create_task(_departure(receive))
    try:
        await asyncio.wait({task, departure}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Gone
        return task.result()
    finally:
        for each in (task, departure):
            each.cancel()
        await asyncio.wait({task, departure})


async def read_whole(request: Request, pieces: Any) -> Whole:
    """All of an answer, while the client waits for it. Raises Gone and AnswerError."""
    try:
        return await while_present(request.receive, whole(pieces))
    finally:
        await pieces.aclose()


class EventStream(Response):
    """Server-sent events from an answer's pieces, one JSON object each; an error is the last event then."""

    media_type = "text/event-stream"

    def __init__(
        self,
        pieces: Any,
        events: Callable[[AsyncIterator[Any]], AsyncGenerator[Event, None]],
        *,
        done: bool,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._pieces = pieces
        self._events = events
        self._done = done

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send until the end of the answer, or until nobody listens."""
        try:
            await while_present(receive, self._send(send))
        except (Gone, OSError):
            pass
        finally:
            await self._pieces.aclose()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

        async def tell(data: str) -> None:
            await send({"type": "http.response.body", "body": f"data: {data}\n\n".encode(), "more_body": True})

        try:
            async for event in self._events(self._pieces):
                await tell(_json(event))
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - the status is sent already: the stream itself has to tell
            foreseen = as_api_error(error)
            if foreseen.code == "internal_error":
                LOG.error("a stream failed", exc_info=error)
            await tell(_json(foreseen.body()))
        if self._done:
            await tell("[DONE]")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _json(value: Event) -> str:
    # In ASCII: clients that split lines as Python does would break at U+2028 and the like.
    return json.dumps(value, separators=(",", ":"))
