"""The parts of the server together: model, engine, queue and telemetry."""

import asyncio
import gc
from typing import Any

from fastapi import Request

from server.admission import Gate
from server.answering import Answering, Question
from server.api.errors import ApiError
from server.engine.engine import Engine
from server.engine.messages import Start
from server.engine.process import EngineProcess
from server.generation import EngineError, LoadError, Sampling
from server.observing import Observer
from server.settings import Settings
from server.words import Words, load_tokenizer

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
        self._process: EngineProcess | None = None
        self._engine: Engine | None = None
        self._words: Words | None = None
        self._answering: Answering | None = None

    async def start(self) -> None:
        """Load the model and answer a first request with it. Raises LoadError and what else keeps it from that."""
        settings = self.settings
        self._process = EngineProcess(_start(settings))
        engine = Engine(self.observer, self._process.connection)
        try:
            reading = asyncio.to_thread(load_tokenizer, settings.model_id, revision=settings.model_revision)
            outcomes: tuple[Any, ...] = await asyncio.gather(engine.open(), reading, return_exceptions=True)
            for outcome in outcomes:  # what is wrong with the model is told first
                if isinstance(outcome, BaseException):
                    raise outcome
            words = self._words = Words(outcomes[1])
            if words.end is not None:
                engine.stop_ids |= {words.end}
            self._answering = Answering(engine, words, self.gate, timeout_seconds=settings.request_timeout_seconds)
            await engine.warm_up()
        except EngineError as error:
            raise LoadError(f"{error}: {await asyncio.to_thread(self._process.fate)}") from error
        # A full collection would look at all that is imported, and stop the loop for a tenth of a second or two.
        gc.collect()
        gc.freeze()
        self._engine = engine

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
        """End the engine, or the loading of its model."""
        if self._process is not None:
            self._process.kill()

    def fate(self) -> str:
        """What became of the engine's process. Waits a moment for its end."""
        return self._process.fate() if self._process is not None else "not started"

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


def _start(settings: Settings) -> Start:
    model = ("model_id", "dtype", "device", "quantization", "max_model_len")
    return Start(
        model={"revision": settings.model_revision, **{name: getattr(settings, name) for name in model}},
        max_running_requests=settings.max_running_requests,
        kv_cache_tokens=settings.kv_cache_tokens,
        log_level=settings.log_level,
    )
