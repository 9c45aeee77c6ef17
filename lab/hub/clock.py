"""Time, real or virtual, and how long the simulated service takes for things."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


class Clock:
    """Seconds since the epoch: the machine's, or virtual ones that pass only when told to."""

    def __init__(self, *, virtual: bool = False):
        self.virtual = virtual
        self._now = 1_780_000_000.0  # a virtual clock's start: the same in every run

    def now(self) -> float:
        """The present moment."""
        return self._now if self.virtual else time.time()

    def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        if not self.virtual:
            raise RuntimeError("Only a virtual clock can be advanced: HubServer(virtual_time=True).")
        if seconds < 0:
            raise ValueError("Time does not run backwards.")
        self._now += seconds


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How many seconds the simulated service takes. The defaults are of the order that users have seen."""

    pending: float = 10.0  # until there is a machine
    initializing: float = 30.0  # until the container runs
    loading: float = 15.0  # of a running container, until the engine has loaded the model
    failing: float = 110.0  # of a start, until it is given up
    updating: float = 45.0  # of a change, until the new configuration serves
    draining: float = 5.0  # of replicas that are no longer wanted
    deletion: float = 2.0  # how long reads and lists still show what was deleted
    echo: float = 2.0  # how long a change still reads as running, with the switch put_shows_running
    chunk: float = 0.0  # between two words of a stream, in real time

    @classmethod
    def total(cls, seconds: float) -> Self:
        """Everything in proportion, so that a created endpoint answers after so many seconds."""
        return cls(
            pending=seconds / 4,
            initializing=seconds / 2,
            loading=seconds / 4,
            failing=seconds / 2,
            updating=seconds * 3 / 4,
            draining=seconds / 8,
            deletion=seconds / 8,
            echo=seconds / 8,
        )

    @classmethod
    def of(cls, given: "Latency | Mapping[str, Any] | float | None", *, virtual: bool) -> Self:
        """From what a caller may give: a total, single values, or nothing (in real time one second in total)."""
        if isinstance(given, cls):
            return given
        if isinstance(given, Mapping):
            return cls(**given)
        if isinstance(given, int | float):
            return cls.total(float(given))
        return cls() if virtual else cls.total(1.0)
