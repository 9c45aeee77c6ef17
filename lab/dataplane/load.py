"""What a simulated engine did, and does: requests by how they ended, tokens, and times as they passed."""

import bisect
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from types import TracebackType
from typing import Self

from blueprint.metrics import Meaning, Metric, emitted
from lab.hub.simulation import Generated

PER_REQUEST = frozenset({"tgi_request_mean_time_per_token_duration"})
"""Histograms of inter_token_latency that get one observation per answer: its mean."""


class Histogram:
    """Observations, counted by the upper bounds below infinity that they do not exceed."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self._counts[bisect.bisect_left(self._bounds, value)] += 1
        self.sum += value

    @property
    def cumulative(self) -> Sequence[int]:
        """How many were at most each bound, and last how many there were."""
        return list(accumulate(self._counts))


@dataclass(frozen=True)
class Kind:
    """What requests are counted by. finish: `stop`, `length` or `abort`. path: at which it was asked."""

    finish: str
    path: str
    streamed: bool


@dataclass
class Totals:
    """Requests, and their tokens so far."""

    requests: int = 0
    prompt_tokens: int = 0
    generation_tokens: int = 0


@dataclass(kw_only=True)
class Load:
    """The load of one engine.

    model: the served name. kv_tokens: size of its KV cache. clock: in seconds. making: tokens of the requests that run.
    metrics: those that the engine's version has.
    """

    engine: str
    version: str
    model: str
    kv_tokens: int
    clock: Callable[[], float] = time.monotonic
    requests_running: int = 0
    requests_waiting: int = 0
    tokens_held: int = 0
    making: Totals = field(default_factory=Totals)
    ended: dict[Kind, Totals] = field(default_factory=lambda: defaultdict(Totals))
    metrics: Mapping[Meaning, Metric] = field(init=False)
    _observed: dict[tuple[Meaning, bool], Histogram] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look up what the engine's version has."""
        self.metrics = emitted(self.engine, self.version)

    @property
    def kv_usage(self) -> float:
        """The used part of the KV cache, 0 to 1."""
        return min(1.0, self.tokens_held / self.kv_tokens)

    def request(self, answer: Generated, *, path: str, streamed: bool) -> "Request":
        """A request that has arrived, as a context in which it waits and runs."""
        return Request(self, answer, path=path, streamed=streamed)

    def observe(self, meaning: Meaning, value: float, *, streamed: bool) -> None:
        """Count what the engine's version has a histogram of."""
        metric = self.metrics.get(meaning)
        if metric is not None and metric.type == "histogram":
            self.observed(meaning, streamed=streamed, bounds=metric.buckets).observe(value)

    def observed(self, meaning: Meaning, *, streamed: bool, bounds: Sequence[float]) -> Histogram:
        """All observations of streams, or of the other requests."""
        return self._observed.setdefault((meaning, streamed), Histogram(bounds))


class Request:
    """One request. It waits from its arrival until it is scheduled, and ends with the context."""

    def __init__(self, load: Load, answer: Generated, *, path: str, streamed: bool) -> None:
        self._load, self._answer, self._path, self._streamed = load, answer, path, streamed
        self._held = answer.prompt_tokens + len(answer.words)
        self._running = False
        self._arrived = self._first = self._last = load.clock()
        self._made = 0
        gaps = load.metrics.get("inter_token_latency")
        self._means = gaps is not None and gaps.name in PER_REQUEST

    def __enter__(self) -> Self:
        self._load.requests_waiting += 1
        return self

    def scheduled(self) -> None:
        """It has a place in the batch."""
        self._running = True
        self._load.requests_waiting -= 1
        self._load.requests_running += 1
        self._load.tokens_held += self._held
        self._observe("queue_time", self._load.clock() - self._arrived)
        self._observe("batch_size", self._load.requests_running)

    def produced(self) -> None:
        """A piece of the answer was made; a stream has more of them than tokens, which are not counted."""
        if self._made == len(self._answer.words):
            return
        now, making = self._load.clock(), self._load.making
        if self._made == 0:
            making.prompt_tokens += self._answer.prompt_tokens
            self._first = now
            self._observe("time_to_first_token", now - self._arrived)
        elif not self._means:
            self._observe("inter_token_latency", now - self._last)
        making.generation_tokens += 1
        self._made, self._last = self._made + 1, now

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """It ended; with an error or when it was closed, by the caller's doing."""
        load, finish = self._load, self._answer.finish if kind is None else "abort"
        totals = load.ended[Kind(finish, self._path, self._streamed)]
        if self._running:
            load.requests_running -= 1
            load.tokens_held -= self._held
        else:
            load.requests_waiting -= 1
        totals.requests += 1
        prompt = self._answer.prompt_tokens if self._made else 0
        for made, sign in ((totals, 1), (load.making, -1)):
            made.prompt_tokens += sign * prompt
            made.generation_tokens += sign * self._made
        if self._means and self._made > 1:
            self._observe("inter_token_latency", (self._last - self._first) / (self._made - 1))
        if kind is None:
            self._observe("request_latency", load.clock() - self._arrived)

    def _observe(self, meaning: Meaning, value: float) -> None:
        self._load.observe(meaning, value, streamed=self._streamed)
