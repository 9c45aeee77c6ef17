"""What the server's process and the engine's say to each other, over a socket that only the two have.

Prompts and answers go this way and no other: not by a command line, a variable or a file.
"""

import pickle
import socket
from asyncio import IncompleteReadError, StreamReader
from collections.abc import Mapping, Sequence
from contextlib import suppress
from struct import Struct
from typing import Any, BinaryIO, NamedTuple

from server.generation import Sampling, Token


class Start(NamedTuple):
    """To the engine, once: what to load (the arguments of server.engine.load.load), and with which limits."""

    model: Mapping[str, Any]
    max_running_requests: int
    kv_cache_tokens: int | None
    log_level: str


class Submit(NamedTuple):
    """To the engine: an answer is wanted. number: its name from now on. stop_ids: the tokens that end it."""

    number: int
    prompt: Sequence[int]
    sampling: Sampling
    stop_ids: frozenset[int]


class Cancel(NamedTuple):
    """To the engine: nobody waits for this answer any more."""

    number: int


class Ready(NamedTuple):
    """From the engine, first: the model is loaded. longest: tokens of prompt and answer together."""

    longest: int
    stop_ids: frozenset[int]


class Failed(NamedTuple):
    """From the engine, first and last: the model cannot be loaded. origin: fields for the log."""

    message: str
    origin: Mapping[str, Any]


class Step(NamedTuple):
    """From the engine, after every step: all that it made. Times are of time.monotonic_ns, which processes share.

    made: number and token of each answer that went on, and whether it is over with it. scheduled: the answers that
    got their places in it. size: 0 where there was no step, but requests went away. gpu_memory: bytes by GPU; None
    where they were told a moment ago.
    """

    began: int
    ended: int
    scheduled: Sequence[int]
    made: Sequence[tuple[int, Token, bool]]
    size: int
    waiting: int
    running: int
    cache_used: float
    gpu_memory: Mapping[int, int] | None


class GivenUp(NamedTuple):
    """From the engine: an answer that it cannot go on with. scheduled: when it got its place, if it did."""

    number: int
    cause: str
    scheduled: int | None


ToEngine = Start | Submit | Cancel
FromEngine = Ready | Failed | Step | GivenUp

_LENGTH = Struct("!I")  # bytes of the message that follows


def packed(message: ToEngine | FromEngine) -> bytes:
    """A message as it is sent."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


async def received(reader: StreamReader) -> FromEngine | None:
    """The engine's next message; None where its end is closed."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        message: FromEngine = _unpacked(await reader.readexactly(length))
    except (IncompleteReadError, ConnectionError):
        return None
    return message


class Channel:
    """The engine's end. Sends from any thread, and receives in one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file: BinaryIO = connection.makefile("rb")

    def send(self, message: FromEngine) -> None:
        """Send it, whole; to nobody where the other end is closed, which `receive` tells."""
        with suppress(OSError):
            self._connection.sendall(packed(message))

    def receive(self) -> ToEngine | None:
        """The next message; None where the other end is closed, or this one is."""
        try:
            head = self._file.read(_LENGTH.size)
            data = self._file.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
        except ConnectionError:
            return None
        return _unpacked(data) if data else None

    def closed(self) -> bool:
        """Wait for the next message without reading it: whether there is none, because the other end is closed."""
        try:
            return not self._connection.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            return True

    def close(self) -> None:
        """Say that nothing comes any more. Wakes who receives, on both ends."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


def _unpacked(data: bytes) -> Any:
    return pickle.loads(data)  # noqa: S301 - of the other process of this server, and of nobody else
