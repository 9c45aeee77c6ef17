"""Telling a person that something long is still going on."""

import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

_TERMINAL_SECONDS = 1.0
_PIPE_SECONDS = 30.0  # a pipeline's log needs a sign of life, not a film


class Progress:
    """Elapsed time and the present step on stderr: a rewritten line on a terminal, else one now and then."""

    def __init__(self, what: str, *, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._step = ""
        self._done = 0
        self._started = time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")
        if kind is None:
            self.say(f"ready after {self._elapsed()}")

    def step(self, text: str) -> None:
        """Name what goes on from now on."""
        self._step, self._done = text, 0
        if not self._stream.isatty():
            self.say(text)

    def count(self, done: int) -> None:
        """Say how much of the present step is done."""
        self._done = done

    def say(self, text: str) -> None:
        """Print a line of its own."""
        self._stream.write(f"{self._what}: {text}\n")
        self._stream.flush()

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{minutes}:{seconds:02d} min"

    def _tell(self) -> None:
        terminal = self._stream.isatty()
        while not self._over.wait(_TERMINAL_SECONDS if terminal else _PIPE_SECONDS):
            done = f", {self._done} done" if self._done else ""
            text = f"{self._what}: {self._elapsed()}, {self._step}{done}"
            self._stream.write(f"\r\x1b[K{text}" if terminal else f"{text}\n")
            self._stream.flush()
