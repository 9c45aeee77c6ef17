"""What is remembered of one request until it ends."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.observing import Status


@dataclass(kw_only=True, slots=True)
class Record:
    """One request. Times are nanoseconds of the wall clock at its arrival, carried on by a clock that no one sets.

    parent: the trace context that it came with, None where no traces are made.
    """

    operation: str
    request_id: str
    parameters: Mapping[str, float | int]
    parent: Any
    accepted: int | None = None
    scheduled: int | None = None
    first: int | None = None
    last: int | None = None
    ended: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt: str | None = None
    answer: str | None = None
    status: Status | None = None
    finish_reason: str | None = None
    arrived: int = field(default_factory=time.time_ns)
    _started: int = field(default_factory=time.monotonic_ns)

    def time(self, at: int | None = None) -> int:
        """A time of time.monotonic_ns, comparable with this record's others; now, if there is none."""
        return self.arrived + (time.monotonic_ns() if at is None else at) - self._started


def seconds(start: int, end: int) -> float:
    """Between two times of a record."""
    return (end - start) / 1e9
