"""The engine as the server's process knows it: asks the other process for answers, and hands on what it makes."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Sequence
from itertools import count
from typing import Any

from server.engine.messages import Cancel, Failed, FromEngine, GivenUp, Ready, Step, Submit, packed, received
from server.generation import EngineError, LoadError, Sampling, Token
from server.log import LOG, tell
from server.observing import Observer, Watch

STUCK_SECONDS = 120
"""A step that takes longer does not come back: the longest on a CPU, 512 tokens of a prompt, is a few seconds."""


class _Answer:
    """One request, until its reader has all of it."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.arrived = asyncio.Event()
        self.pieces: list[Token] = []
        self.over = False
        self.error: str | None = None

    def fail(self, cause: str) -> None:
        self.over, self.error = True, cause
        self.arrived.set()


class Engine:
    """Implements server.generation.Generator. connection: to a process or thread that runs server.engine.worker.work.

    stop_ids: tokens that end an answer; of the model first, and the tokenizer's may be added. longest: the most tokens
    of prompt and answer together: what the model reads and the cache holds. All in one event loop.
    """

    def __init__(self, observer: Observer, connection: socket.socket) -> None:
        self._observer = observer
        self._connection = connection
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._ids = count()
        self._answers: dict[int, _Answer] = {}
        self._heard = 0.0  # when there was a last sign of life, or nothing to be heard
        self.stop_ids: frozenset[int] = frozenset()
        self.longest = 0

    async def open(self) -> None:
        """Wait until the model is loaded. Raises LoadError, and EngineError where the other end closes unsaid."""
        reader, self._writer = await asyncio.open_unix_connection(sock=self._connection)
        first = await received(reader)
        if isinstance(first, Failed):
            raise LoadError(first.message, origin=first.origin)
        if not isinstance(first, Ready):
            raise EngineError("the engine ended before the model was loaded")
        self.stop_ids, self.longest = first.stop_ids, first.longest
        self._listening = asyncio.create_task(self._listen(reader))

    async def warm_up(self) -> None:
        """Answer a first request of our own, which also shows that the model can. Raises EngineError."""
        async for _ in self.generate([0] * 8, Sampling(max_new_tokens=4, temperature=0, ignore_eos=True), _Unwatched()):
            pass

    def close(self) -> None:
        """Say that nothing is asked any more, which ends the other side; answers that still run fail."""
        if self._writer is not None:
            self._writer.close()

    @property
    def alive(self) -> bool:
        """Whether the other side is there, takes requests, and is not stuck in a step."""
        stuck = self._answers and time.monotonic() - self._heard > STUCK_SECONDS
        return self._listening is not None and not self._listening.done() and not stuck

    async def generate(self, prompt: Sequence[int], sampling: Sampling, watch: Watch) -> AsyncIterator[Sequence[Token]]:
        """Give the tokens of an answer in the pieces in which they are made. Raises EngineError."""
        if not self.alive:
            raise EngineError("the engine has stopped")
        needed = len(prompt) + sampling.max_new_tokens
        if not prompt or sampling.max_new_tokens < 1 or needed > self.longest:
            raise EngineError(
                f"{len(prompt)} + {sampling.max_new_tokens} tokens; the engine takes 1 + 1 to {self.longest}"
            )
        if not self._answers:
            self._heard = time.monotonic()
        number = next(self._ids)
        answer = self._answers[number] = _Answer(watch)
        try:
            stop_ids = frozenset() if sampling.ignore_eos else self.stop_ids
            self._send(Submit(number, prompt, sampling, stop_ids))
            while not answer.over:
                await answer.arrived.wait()
                answer.arrived.clear()
                pieces, answer.pieces = answer.pieces, []
                if pieces:
                    yield pieces
            if answer.pieces:
                yield answer.pieces
            if answer.error is not None:
                raise EngineError(f"the engine failed: {answer.error}")
        finally:
            del self._answers[number]
            if not answer.over:
                self._send(Cancel(number))

    def _send(self, message: Submit | Cancel) -> None:
        assert self._writer is not None  # it is open
        self._writer.write(packed(message))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while (message := await received(reader)) is not None:
                self._heard = time.monotonic()
                self._take(message)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            LOG.error("what the engine says cannot be read", exc_info=error)
        finally:
            for answer in self._answers.values():
                answer.fail("stopped")

    def _take(self, message: FromEngine) -> None:
        if isinstance(message, Step):
            self._step(message)
        elif isinstance(message, GivenUp) and (answer := self._answers.get(message.number)) is not None:
            if message.scheduled is not None:
                answer.watch.scheduled(message.scheduled)
            answer.fail(message.cause)
        elif isinstance(message, Failed):
            # Where it happened alone: its text may quote a prompt.
            tell(logging.ERROR, "the engine failed", **message.origin)

    def _step(self, step: Step) -> None:
        for number in step.scheduled:
            if (answer := self._answers.get(number)) is not None:
                answer.watch.scheduled(step.began)
        for number, token, over in step.made:
            if (answer := self._answers.get(number)) is not None:
                answer.pieces.append(token)
                answer.over = over
                answer.arrived.set()
                answer.watch.produced(1, step.ended)
        self._observer.batch(size=step.size, waiting=step.waiting, running=step.running, cache_used=step.cache_used)
        if step.gpu_memory is not None:
            self._observer.gpu_memory(step.gpu_memory)


class _Unwatched:
    """The watch of our own requests."""

    def accepted(self, *, prompt_tokens: int) -> None: ...

    def scheduled(self, at: int | None = None) -> None: ...

    def produced(self, tokens: int, at: int | None = None) -> None: ...

    def content(self, *, prompt: str | None = None, answer: str | None = None) -> None: ...

    def ended(self, status: Any, *, finish_reason: str | None = None) -> None: ...
