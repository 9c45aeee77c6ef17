"""What a simulated engine did, and does: requests by how they ended, tokens, and times as they passed.

Time is whatever the clock says: in lab/dataplane it passes, in lab/simulator it is counted.
"""

import bisect
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from types import TracebackType
from typing import Literal, Self

from blueprint.metrics import Meaning, Metric, emitted

PER_REQUEST = frozenset({"tgi_request_mean_time_per_token_duration"})
"""Histograms of inter_token_latency that get one observation per answer: its mean."""

Finish = Literal["stop", "length", "abort", "error", "rejected"]
"""How a request ended. error: by the server's fault. rejected: a full queue turned it away."""


class Histogram:
    """Observations, counted by the upper bounds below infinity that they do not exceed."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Count one, or several that are the same."""
        self._counts[bisect.bisect_left(self._bounds, value)] += times
        self.sum += value * times

    @property
    def cumulative(self) -> Sequence[int]:
        """How many were at most each bound, and last how many there were."""
        return list(accumulate(self._counts))


@dataclass(frozen=True)
class Kind:
    """What requests are counted by. path: at which it was asked."""

    finish: Finish
    path: str
    streamed: bool


@dataclass
class Totals:
    """Requests, and their tokens so far. cached_tokens: those of the prompts that the prefix cache had."""

    requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generation_tokens: int = 0


@dataclass(kw_only=True)
class Load:
    """The load of one engine.

    model: the served name. kv_tokens: size of its KV cache. clock: in seconds. making: tokens of the requests that run.
    gpu_bytes: by GPU, memory that the engine itself tells of; empty without CUDA.
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
    preemptions: int = 0
    gpu_bytes: dict[str, float] = field(default_factory=dict)
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

    def request(
        self, *, prompt_tokens: int, tokens: int, finish: Finish, path: str, streamed: bool, cached_tokens: int = 0
    ) -> "Request":
        """A request that has arrived. tokens: of its answer. cached_tokens: of its prompt, in the prefix cache."""
        about = Totals(1, prompt_tokens, cached_tokens, tokens)
        return Request(self, about, Kind(finish, path, streamed))

    def turned_away(self, *, path: str, streamed: bool) -> None:
        """A request found the queue full."""
        self.ended[Kind("rejected", path, streamed)].requests += 1

    def observe(self, meaning: Meaning, value: float, *, streamed: bool, times: int = 1) -> None:
        """Count what the engine's version has a histogram of."""
        metric = self.metrics.get(meaning)
        if metric is not None and metric.type == "histogram":
            self.observed(meaning, streamed=streamed, bounds=metric.buckets).observe(value, times)

    def observed(self, meaning: Meaning, *, streamed: bool, bounds: Sequence[float]) -> Histogram:
        """All observations of streams, or of the other requests."""
        found = self._observed.get((meaning, streamed))
        if found is None:
            found = self._observed[meaning, streamed] = Histogram(bounds)
        return found


class Request:
    """One request: it arrives, is scheduled, makes tokens, perhaps is preempted and scheduled again, and ends.

    As a context it arrives and ends with it, and holds the KV cache of its prompt and its whole answer while it runs.
    """

    def __init__(self, load: Load, whole: Totals, kind: Kind) -> None:
        self._load, self._whole, self._kind = load, whole, kind
        self.made = 0  # tokens
        self._held = 0
        self._running = self._was_scheduled = False
        self._arrived = self._first = self._last = load.clock()
        gaps = load.metrics.get("inter_token_latency")
        self._means = gaps is not None and gaps.name in PER_REQUEST

    def __enter__(self) -> Self:
        self.arrived()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """An error, or an answer that is not read to its end, is the caller's doing."""
        self.ended(self._kind.finish if kind is None else "abort")

    def arrived(self) -> None:
        """It waits."""
        self._load.requests_waiting += 1

    def scheduled(self, *, holds: int | None = None) -> None:
        """It has a place in the batch. holds: tokens of KV cache, where nobody else counts them."""
        load = self._load
        self._running = True
        self._held = self._whole.prompt_tokens + self._whole.generation_tokens if holds is None else holds
        load.requests_waiting -= 1
        load.requests_running += 1
        load.tokens_held += self._held
        if not self._was_scheduled:
            self._was_scheduled = True
            self._observe("queue_time", load.clock() - self._arrived)
        self._observe("batch_size", load.requests_running)

    def produced(self, tokens: int = 1) -> None:
        """Tokens were made: the first alone, more of them evenly since the last.

        A stream has more pieces than tokens; those are not counted.
        """
        tokens = min(tokens, self._whole.generation_tokens - self.made)
        if tokens <= 0:
            return
        now, making = self._load.clock(), self._load.making
        if self.made == 0:
            making.prompt_tokens += self._whole.prompt_tokens
            making.cached_tokens += self._whole.cached_tokens
            self._first = now
            self._observe("time_to_first_token", now - self._arrived)
        elif not self._means:
            self._observe("inter_token_latency", (now - self._last) / tokens, times=tokens)
        making.generation_tokens += tokens
        self.made, self._last = self.made + tokens, now

    def preempted(self) -> None:
        """It was taken out of the batch for want of KV cache, and waits again."""
        self._left_batch()
        self._load.requests_waiting += 1
        self._load.preemptions += 1

    def ended(self, finish: Finish) -> None:
        """It is over."""
        load = self._load
        totals = load.ended[replace(self._kind, finish=finish)]
        if self._running:
            self._left_batch()
        else:
            load.requests_waiting -= 1
        totals.requests += 1
        begun = self._whole if self.made else Totals()
        for counted, sign in ((totals, 1), (load.making, -1)):
            counted.prompt_tokens += sign * begun.prompt_tokens
            counted.cached_tokens += sign * begun.cached_tokens
            counted.generation_tokens += sign * self.made
        if self._means and self.made > 1:
            self._observe("inter_token_latency", (self._last - self._first) / (self.made - 1))
        if finish != "abort":
            self._observe("request_latency", load.clock() - self._arrived)

    def _left_batch(self) -> None:
        self._running = False
        self._load.requests_running -= 1
        self._load.tokens_held -= self._held

    def _observe(self, meaning: Meaning, value: float, times: int = 1) -> None:
        self._load.observe(meaning, value, streamed=self._kind.streamed, times=times)
