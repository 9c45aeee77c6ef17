"""The parts of the server together: model, engine, queue and telemetry."""

import asyncio
from typing import Any

from fastapi import Request

from server.admission import Gate
from server.answering import Answering, Question
from server.api.errors import ApiError
from server.engine.engine import Engine
from server.engine.load import load
from server.generation import Sampling
from server.observing import Observer
from server.settings import Settings
from server.words import Words

LOADING_SECONDS = 10  # what a client is told to wait while the model is loaded


class Service:
    """What the routes work with. Until `start` is through, it only says that it is not ready."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        self.settings = settings
        self.observer = observer
        self.gate = Gate(
            running=settings.max_running_requests,
            queued=settings.max_queued_requests,
            queued_tokens=settings.max_queued_tokens,
            drain_seconds=settings.drain_seconds,
        )
        self._engine: Engine | None = None
        self._words: Words | None = None
        self._answering: Answering | None = None

    async def start(self) -> None:
        """Load the model and answer a first request with it. Raises what keeps it from that."""
        engine, words = await asyncio.to_thread(self._load)
        self._words = words
        self._answering = Answering(engine, words, self.gate, timeout_seconds=self.settings.request_timeout_seconds)
        await engine.warm_up()
        self._engine = engine

    def _load(self) -> tuple[Engine, Words]:
        settings = self.settings
        loaded = load(
            settings.model_id,
            revision=settings.model_revision,
            dtype=settings.dtype,
            device=settings.device,
            quantization=settings.quantization,
            max_model_len=settings.max_model_len,
        )
        engine = Engine(
            loaded,
            self.observer,
            max_running_requests=settings.max_running_requests,
            kv_cache_tokens=settings.kv_cache_tokens,
        )
        engine.start()
        return engine, Words(loaded.tokenizer)

    @property
    def started(self) -> bool:
        """Whether the model is loaded and has answered."""
        return self._engine is not None

    @property
    def alive(self) -> bool:
        """Whether the engine works."""
        return self._engine is not None and self._engine.alive

    @property
    def longest(self) -> int:
        """The most tokens of prompt and answer together."""
        return self._ready().longest

    @property
    def words(self) -> Words:
        """The tokenizer. Raises ApiError while the model is loaded."""
        self._ready()
        assert self._words is not None
        return self._words

    def stop(self) -> None:
        """End the engine."""
        if self._engine is not None:
            self._engine.stop()

    def cut(self) -> None:
        """End the answers that still run."""
        if self._answering is not None:
            self._answering.cut()

    def fit(self, prompt: list[int], asked: int | None, *, param: str) -> int:
        """How many tokens the answer may have. Raises ApiError where prompt and answer do not fit."""
        if not prompt:
            raise ApiError(400, "The prompt has no tokens.", code="empty_prompt")
        longest = self.longest
        needed = len(prompt) + (asked or 1)
        if needed > longest:
            wanted = f" and {param} is {asked}" if asked else ", and an answer needs one at least"
            raise ApiError(
                400,
                f"The prompt has {len(prompt)} tokens{wanted}: {needed - longest} more than the {longest} that "
                f"{self.settings.served_name} takes together.",
                param=param if asked and len(prompt) < longest else "prompt",
                code="context_length_exceeded",
            )
        return asked or longest - len(prompt)

    def ask(self, request: Request, operation: str, question: Question) -> Any:
        """Queue a question; gives the iterator of its pieces. Raises Busy."""
        sampling = question.sampling
        watch = self.observer.request(
            operation,
            headers=request.state.headers,
            request_id=request.state.request_id,
            parameters=_parameters(sampling),
        )
        request.state.watch = watch
        assert self._answering is not None
        pieces = self._answering.begin(question, watch)
        request.state.answer = pieces
        request.state.log = {"prompt_tokens": len(question.prompt), "max_new_tokens": sampling.max_new_tokens}
        return pieces

    def _ready(self) -> Engine:
        self.gate.check()
        if self._engine is None:
            raise ApiError(503, "The model is being loaded.", code="model_loading", retry=LOADING_SECONDS)
        return self._engine


def _parameters(sampling: Sampling) -> dict[str, float | int]:
    told = {
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "seed": sampling.seed,
    }
    return {name: value for name, value in told.items() if value is not None}
