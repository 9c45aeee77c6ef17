"""One answer: from a prompt of tokens to pieces of text, within its deadline."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal

from server.admission import Gate
from server.generation import EngineError, Generator, Sampling, Token
from server.log import LOG
from server.observing import Status, Watch
from server.text import Chopper, Detokenizer
from server.words import Words

FinishReason = Literal["eos", "length", "stop"]


def openai_reason(finish: FinishReason | None) -> str | None:
    """OpenAI, and the GenAI conventions with it, do not tell an end token from a stop string."""
    return "stop" if finish == "eos" else finish


class AnswerError(Exception):
    """An answer ended before its time. code is what clients read, message what people read."""

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code


FAILED = AnswerError("The engine could not answer.", status=500, code="engine_error")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of the engine. keep_stop: whether a stop string is part of the answer."""

    prompt: Sequence[int]
    sampling: Sampling
    stops: Sequence[str] = ()
    keep_stop: bool = False
    text: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One token with the text that it completed."""

    token: Token
    text: str


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Text that is certain, and the tokens that were made meanwhile. finish: with the last piece."""

    text: str
    said: Sequence[Said] = ()
    finish: FinishReason | None = None


@dataclass(kw_only=True)
class Whole:
    """All of an answer."""

    text: str = ""
    said: list[Said] = field(default_factory=list)
    finish: FinishReason = "length"

    @property
    def tokens(self) -> int:
        """How many were made, a stop token among them."""
        return len(self.said)


class Answering:
    """Runs answers, each in a task of its own: who stops reading, by whatever way, ends it."""

    def __init__(self, generator: Generator, words: Words, gate: Gate, *, timeout_seconds: float) -> None:
        self._generator = generator
        self._words = words
        self._gate = gate
        self._timeout = timeout_seconds
        self._running: dict[asyncio.Task[None], asyncio.Queue[Piece | AnswerError]] = {}

    def begin(self, question: Question, watch: Watch) -> AsyncIterator[Piece]:
        """Queue a question, at once. Raises Busy; the iterator raises AnswerError."""
        self._gate.check(len(question.prompt))
        pieces: asyncio.Queue[Piece | AnswerError] = asyncio.Queue()
        place = self._gate.enter(watch, len(question.prompt))
        place.accepted(prompt_tokens=len(question.prompt))
        place.content(prompt=question.text)
        task = asyncio.create_task(self._run(question, place, pieces))
        self._running[task] = pieces

        def over(task: asyncio.Task[None]) -> None:
            self._gate.leave(place)
            del self._running[task]
            if not task.cancelled() and (error := task.exception()) is not None:
                LOG.error("an answer failed", exc_info=error)
                pieces.put_nowait(FAILED)
                place.ended("error")
            place.ended("cancelled")  # counts where nothing else was said

        task.add_done_callback(over)
        return _Reader(task, pieces)

    def cut(self) -> None:
        """End all that runs: there is no time left."""
        for task, pieces in list(self._running.items()):
            pieces.put_nowait(
                AnswerError("The server exits, and could not finish the answer.", status=503, code="server_exits")
            )
            task.cancel()

    async def _run(self, question: Question, watch: Watch, pieces: asyncio.Queue[Piece | AnswerError]) -> None:
        whole = Whole()
        status: Status = "ok"
        try:
            async with asyncio.timeout(self._timeout), aclosing(self._pieces(question, watch)) as made:
                async for piece in made:
                    whole.text += piece.text
                    whole.finish = piece.finish or whole.finish
                    pieces.put_nowait(piece)
        except TimeoutError:
            status = "timeout"
            pieces.put_nowait(
                AnswerError(f"The answer took longer than {self._timeout:g} s.", status=504, code="request_timeout")
            )
        except EngineError:
            status = "error"
            pieces.put_nowait(FAILED)
        watch.content(answer=whole.text)
        watch.ended(status, finish_reason=openai_reason(whole.finish) if status == "ok" else None)

    async def _pieces(self, question: Question, watch: Watch) -> AsyncGenerator[Piece, None]:
        detokenizer = Detokenizer(self._words.text)
        chopper = Chopper(question.stops, keep=question.keep_stop)
        async with aclosing(self._generator.generate(question.prompt, question.sampling, watch)) as made:  # type: ignore[type-var]
            async for tokens in made:
                text, said = "", []
                for token in tokens:
                    new = "" if token.last else detokenizer.add(token.id)
                    chopped = chopper.add(new)
                    said.append(Said(token=token, text=chopped.text if question.keep_stop else new))
                    text += chopped.text
                    if chopped.stopped:
                        yield Piece(text=text, said=said, finish="stop")
                        return
                    if token.last:
                        yield Piece(text=text + self._rest(detokenizer, chopper), said=said, finish="eos")
                        return
                yield Piece(text=text, said=said)
        yield Piece(text=self._rest(detokenizer, chopper), finish="length")

    @staticmethod
    def _rest(detokenizer: Detokenizer, chopper: Chopper) -> str:
        chopped = chopper.add(detokenizer.finish())
        return chopped.text if chopped.stopped else chopped.text + chopper.finish()


class _Reader:
    """The pieces of one answer. Closing it ends the answer. tokens: of the pieces that were read."""

    def __init__(self, task: "asyncio.Task[None]", pieces: "asyncio.Queue[Piece | AnswerError]") -> None:
        self._task = task
        self._pieces = pieces
        self._over = False
        self.tokens = 0

    def __aiter__(self) -> "_Reader":
        return self

    async def __anext__(self) -> Piece:
        if self._over:
            raise StopAsyncIteration
        piece = await self._pieces.get()
        if isinstance(piece, AnswerError):
            self._over = True
            raise piece
        self._over = piece.finish is not None
        self.tokens += len(piece.said)
        return piece

    async def aclose(self) -> None:
        """End the answer, if it still runs, and wait until its place is free."""
        self._task.cancel()
        await asyncio.wait([self._task])


async def whole(pieces: AsyncIterator[Piece]) -> Whole:
    """Read an answer to its end."""
    result = Whole()
    async for piece in pieces:
        result.text += piece.text
        result.said += piece.said
        result.finish = piece.finish or result.finish
    return result
