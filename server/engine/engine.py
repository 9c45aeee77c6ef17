"""The engine: answers many requests at once with continuous batching, and tells each its tokens as they are made."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from itertools import count
from typing import Any

from server.engine.batching import Batching, batching_config, started
from server.engine.load import Loaded
from server.engine.sampling import Draws, choose, tokens
from server.generation import EngineError, Sampling, Token
from server.observing import Observer, Watch

STUCK_SECONDS = 120
"""A step that takes longer does not come back: the longest on a CPU, 512 tokens of a prompt, is a few seconds."""

STOP_SECONDS = 30
"""So long is waited for the step that runs when the engine stops."""

CPU_STEP_TOKENS = 512  # prompts are read in pieces of so many: the running answers wait for one
CPU_CACHE_TOKENS = 32_768  # if not told: on a CPU the library would take most of the machine's memory


class _Answer:
    """One request, between the engine's thread and the loop of its reader."""

    def __init__(self, sampling: Sampling, watch: Watch) -> None:
        self.draws = Draws(sampling)
        self.watch = watch
        self.loop = asyncio.get_running_loop()
        self.scheduled = False
        self.arrived = asyncio.Event()
        self.pieces: list[Token] = []
        self.over = False
        self.error: str | None = None

    def take(self, piece: Token | None, *, over: bool, error: str | None = None) -> None:
        """In the reader's loop: something of it arrived."""
        if piece is not None:
            self.pieces.append(piece)
        self.over = self.over or over
        self.error = self.error or error
        self.arrived.set()


class Engine:
    """Implements server.generation.Generator.

    cache_tokens: the size of the KV cache in tokens, in whole pages of 256; None for what the device has.
    """

    def __init__(
        self,
        loaded: Loaded,
        observer: Observer,
        *,
        max_running_requests: int = 64,
        kv_cache_tokens: int | None = None,
    ) -> None:
        on_cpu = loaded.device == "cpu"
        if kv_cache_tokens is None and on_cpu:
            kv_cache_tokens = max(CPU_CACHE_TOKENS, loaded.context_length)
        self._loaded = loaded
        self._observer = observer
        self._config = batching_config(
            max_running_requests=max_running_requests,
            cache_tokens=kv_cache_tokens,
            max_batch_tokens=max(CPU_STEP_TOKENS, max_running_requests) if on_cpu else None,
        )
        self._batching: Batching | None = None
        self._ids = count()
        self._answers: dict[str, _Answer] = {}
        self._step_began: float | None = None
        # Of the step that runs, in the engine's thread alone.
        self._made: dict[str, Token] = {}
        self._finished: set[str] = set()

    def start(self) -> None:
        """Set up the cache and start the thread. Raises what the library raises where the cache does not fit."""
        self._batching = started(lambda: Batching(self._loaded.model, self._config, self._loaded.context_length, self))

    async def warm_up(self) -> None:
        """Answer a first request of our own, which also shows that the model can. Raises EngineError."""
        async for _ in self.generate([0] * 8, Sampling(max_new_tokens=4, temperature=0, ignore_eos=True), _Unwatched()):
            pass

    def stop(self) -> None:
        """End the thread; answers that still run fail."""
        if self._batching is not None:
            self._batching.stop(hard_stop=True, timeout=STOP_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether the thread runs, takes requests, and is not stuck in a step."""
        began = self._step_began
        stuck = began is not None and time.monotonic() - began > STUCK_SECONDS
        return self._batching is not None and self._batching.alive and not stuck

    @property
    def longest(self) -> int:
        """The most tokens of prompt and answer together: what the model reads and the cache holds."""
        if self._batching is None:
            raise EngineError("the engine is not started")
        return min(self._loaded.context_length, self._batching.cache_tokens)

    async def generate(self, prompt: Sequence[int], sampling: Sampling, watch: Watch) -> AsyncIterator[Sequence[Token]]:
        """Give the tokens of an answer in the pieces in which they are made. Raises EngineError."""
        needed = len(prompt) + sampling.max_new_tokens
        if not prompt or sampling.max_new_tokens < 1 or needed > self.longest:
            raise EngineError(
                f"{len(prompt)} + {sampling.max_new_tokens} tokens; the engine takes 1 + 1 to {self.longest}"
            )
        batching = self._batching
        assert batching is not None  # longest has said so
        request_id = str(next(self._ids))
        answer = self._answers[request_id] = _Answer(sampling, watch)
        try:
            batching.submit(
                request_id,
                list(prompt),
                max_new_tokens=sampling.max_new_tokens,
                stop_ids=() if sampling.ignore_eos else self._loaded.stop_ids,
            )
            # Registered first, then looked: a thread that ends in between fails what is registered.
            if not batching.alive:
                raise EngineError("the engine has stopped")
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
            del self._answers[request_id]
            if not answer.over:
                batching.cancel_request(request_id)

    # What the batching tells, in its own thread (server.engine.batching.Listener).

    def scheduled(self, request_ids: Collection[str]) -> None:
        """These are part of the step that begins."""
        self._step_began = time.monotonic()
        for request_id in request_ids:
            answer = self._answers.get(request_id)
            if answer is not None and not answer.scheduled:
                answer.scheduled = True
                answer.watch.scheduled()

    def sample(self, logits: Any, request_ids: Collection[str]) -> Any:
        """The ids of the next tokens, one for each row of logits."""
        requests = [answer.draws if (answer := self._answers.get(each)) else _NOBODY for each in request_ids]
        chosen = choose(logits, requests)
        made = tokens(logits, chosen, requests, self._loaded.stop_ids)
        self._made = dict(zip(request_ids, made, strict=True))
        return chosen

    def finished(self, request_id: str) -> None:
        """Its last token was made."""
        self._finished.add(request_id)

    def failed(self, request_id: str, cause: str) -> None:
        """It was given up."""
        answer = self._answers.get(request_id)
        if answer is not None:
            self._hand_over(answer.loop, [(answer, None, True, cause)])

    def stepped(self, *, size: int, waiting: int, running: int, cache_used: float) -> None:
        """A step ended: hand over what it made, in one call for each loop."""
        self._step_began = None
        made, self._made = self._made, {}
        finished, self._finished = self._finished, set()
        handed: dict[asyncio.AbstractEventLoop, list[tuple[_Answer, Token | None, bool, str | None]]] = {}
        for request_id, token in made.items():
            answer = self._answers.get(request_id)
            if answer is not None:
                answer.watch.produced(1)
                handed.setdefault(answer.loop, []).append((answer, token, request_id in finished, None))
        for loop, pieces in handed.items():
            self._hand_over(loop, pieces)
        self._observer.batch(size=size, waiting=waiting, running=running, cache_used=cache_used)

    def ended(self) -> None:
        """The loop ended: nothing that still waits will be answered."""
        for request_id in list(self._answers):
            self.failed(request_id, "stopped")

    @staticmethod
    def _hand_over(
        loop: asyncio.AbstractEventLoop, pieces: list[tuple[_Answer, Token | None, bool, str | None]]
    ) -> None:
        def take() -> None:
            for answer, token, over, error in pieces:
                answer.take(token, over=over, error=error)

        # A loop that closed has no reader left.
        if not loop.is_closed():
            loop.call_soon_threadsafe(take)


class _Unwatched:
    """The watch of our own requests."""

    def accepted(self, *, prompt_tokens: int) -> None: ...

    def scheduled(self) -> None: ...

    def produced(self, tokens: int) -> None: ...

    def content(self, *, prompt: str | None = None, answer: str | None = None) -> None: ...

    def ended(self, status: Any, *, finish_reason: str | None = None) -> None: ...


# A request that was cancelled during the step: its row is chosen in the cheapest way and goes nowhere.
_NOBODY = Draws(Sampling(max_new_tokens=1, temperature=0))
