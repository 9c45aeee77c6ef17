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


@contextlib.contextmanager
def forwarded(who: str, *, context: str, namespace: str, service: str, port: int) -> Iterator[int]:
    """A port of this machine that leads to a Service's port while this lasts. who: for complaints.

    Raises UnusableError without kubectl, NotSoError with its complaint.
    """
    # A port that the system chooses: two at a time do not meet.
    what = ["port-forward", f"service/{service}", f":{port}", "--address=127.0.0.1"]
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
        yield _port(process, who)
    finally:
        process.terminate()
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: "subprocess.Popen[str]", who: str) -> int:
    """The port that kubectl says it listens on. Raises NotSoError with its complaint."""
    lines: queue.Queue[str | None] = queue.Queue()
    complaints: list[str] = []

    def read(stream: IO[str], into: Any) -> None:
        # To the end: a full pipe would stop kubectl, which writes a line per connection.
        for line in stream:
            into(line)
        lines.put(None)

    for stream, into in ((process.stdout, lines.put), (process.stderr, complaints.append)):
        threading.Thread(target=read, args=(stream, into), daemon=True).start()
    until = time.monotonic() + _FORWARD_SECONDS
    ended = 0
    while ended < 2:  # noqa: PLR2004  both streams
        try:
            line = lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        if line is None:
            ended += 1
        elif found := _FORWARDING.match(line):
            return int(found.group(1))
    said = printable(" ".join(complaints[-1:]).strip()) or f"no answer within {_FORWARD_SECONDS:.0f} s"
    raise NotSoError(f"{who}: kubectl port-forward: {said}")
