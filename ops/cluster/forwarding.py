"""`kubectl port-forward`, for as long as somebody needs it."""

import contextlib
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

from ops.endpoints.outcome import NotSoError, UnusableError
from ops.table import printable

_FORWARD_SECONDS = 30.0
_END_SECONDS = 5.0
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")


class Forward:
    """kubectl at work. port: of this machine. Raises NotSoError with its complaint where there is no way."""

    def __init__(self, who: str, process: "subprocess.Popen[str]") -> None:
        self._who = who
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._complaints: list[str] = []
        self._open = 2  # streams

        def read(stream: IO[str], into: Any) -> None:
            # To the end: a full pipe would stop kubectl, which writes a line per connection.
            for line in stream:
                into(line)
            self._lines.put(None)

        for stream, into in ((process.stdout, self._lines.put), (process.stderr, self._complaints.append)):
            threading.Thread(target=read, args=(stream, into), daemon=True).start()
        self.port = self._port()

    def wait(self) -> None:
        """Wait until it ends by itself, as it does when the pod behind it goes. Raises NotSoError then."""
        while self._open:
            self._next(None)
        raise NotSoError(f"{self._who}: kubectl port-forward ended: {self._said() or 'it said nothing'}")

    def _port(self) -> int:
        until = time.monotonic() + _FORWARD_SECONDS
        while self._open:
            try:
                line = self._next(max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if found := _FORWARDING.match(line or ""):
                return int(found.group(1))
        said = self._said() or f"no answer within {_FORWARD_SECONDS:.0f} s"
        raise NotSoError(f"{self._who}: kubectl port-forward: {said}")

    def _next(self, seconds: float | None) -> str | None:
        """A line, or None where a stream has ended. Raises queue.Empty after so many seconds."""
        line = self._lines.get(timeout=seconds)
        self._open -= line is None
        return line

    def _said(self) -> str:
        return printable(" ".join(self._complaints[-1:]).strip())


@contextlib.contextmanager
def forwarded(who: str, *, context: str, namespace: str, to: str, port: int) -> Iterator[int]:
    """A port of this machine that leads to a port while this lasts. who: for complaints. to: KIND/NAME of an object.

    Raises UnusableError without kubectl, NotSoError with its complaint.
    """
    with forward(who, context=context, namespace=namespace, to=to, port=port) as way:
        yield way.port


@contextlib.contextmanager
def forward(who: str, *, context: str, namespace: str, to: str, port: int) -> Iterator[Forward]:
    """The same, of which one can see that it ended."""
    # A port that the system chooses: two at a time do not meet.
    what = ["port-forward", to, f":{port}", "--address=127.0.0.1"]
    try:
        process = subprocess.Popen(
            ["kubectl", "--context", context, "--namespace", namespace, *what],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except FileNotFoundError:
        raise UnusableError(f"{who} is reached by `kubectl port-forward`, and there is no kubectl on PATH.") from None
    try:
        yield Forward(who, process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
