"""Who may enter: limits of the queue, and the end of it while draining."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from server.observing import Status, Watch

BUSY_SECONDS = 2  # what a client is told to wait where the queue is full: about the time of a short answer


class Busy(Exception):  # noqa: N818 - it is a state, and no fault
    """There is no room now; seconds says when to come again."""

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class Draining(Busy):
    """The server is about to exit."""


class Place(Watch):
    """A request's place, as the engine sees it: passes on what it is told, and notes when the waiting ends."""

    def __init__(self, gate: "Gate", watch: Watch, tokens: int) -> None:
        self._gate = gate
        self._watch = watch
        self.tokens = tokens
        self.waits = True

    def accepted(self, *, prompt_tokens: int) -> None:
        """It waits for a place in the batch."""
        self._watch.accepted(prompt_tokens=prompt_tokens)

    def scheduled(self, at: int | None = None) -> None:
        """It has its place."""
        self._gate.scheduled(self)
        self._watch.scheduled(at)

    def produced(self, tokens: int, at: int | None = None) -> None:
        """So many tokens more were made."""
        self._watch.produced(tokens, at)

    def content(self, *, prompt: str | None = None, answer: str | None = None) -> None:
        """What was asked and answered."""
        self._watch.content(prompt=prompt, answer=answer)

    def ended(self, status: Status, *, finish_reason: str | None = None) -> None:
        """It is over."""
        self._watch.ended(status, finish_reason=finish_reason)


class Gate:
    """Counts the requests that wait and run, and the responses that are under way. All in one event loop."""

    def __init__(self, *, running: int, queued: int, queued_tokens: int | None, drain_seconds: float) -> None:
        self._most_running = running
        self._most_queued = queued
        self._most_tokens = queued_tokens
        self._drain_seconds = drain_seconds
        self._waiting = 0
        self._waiting_tokens = 0
        self._running = 0
        self._responses = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False

    def check(self, tokens: int = 0) -> None:
        """Raise Busy where a request would find no room. tokens: of its prompt, as far as known."""
        if self.draining:
            raise Draining(
                "The server is about to exit and takes no new requests.", seconds=max(1, round(self._drain_seconds))
            )
        waiting, waiting_tokens = self._waiting, self._waiting_tokens
        if waiting >= self._most_queued + max(0, self._most_running - self._running):
            raise Busy(f"The queue is full: {waiting} requests wait.", seconds=BUSY_SECONDS)
        # One that finds nobody waiting is let in: its size alone is the engine's business.
        if self._most_tokens is not None and waiting and waiting_tokens + tokens > self._most_tokens:
            raise Busy(
                f"The queue is full: the prompts that wait have {waiting_tokens} tokens, this one {tokens}, "
                f"and together at most {self._most_tokens} may wait.",
                seconds=BUSY_SECONDS,
            )

    def enter(self, watch: Watch, tokens: int) -> Place:
        """Give a place in the queue, and then in the batch, until `leave`."""
        self._waiting += 1
        self._waiting_tokens += tokens
        return Place(self, watch, tokens)

    def leave(self, place: Place) -> None:
        """Its answer is over."""
        if place.waits:
            self._leave_queue(place)
        else:
            self._running -= 1

    def scheduled(self, place: Place) -> None:
        """The engine took it from the queue."""
        if place.waits:
            self._leave_queue(place)
            self._running += 1

    def _leave_queue(self, place: Place) -> None:
        place.waits = False
        self._waiting -= 1
        self._waiting_tokens -= place.tokens

    @contextmanager
    def response(self) -> Iterator[None]:
        """A response that a drain waits for."""
        self._responses += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._responses -= 1
            if not self._responses:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until no response is under way."""
        await self._idle.wait()
