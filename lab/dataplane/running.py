"""A process behind a pod: what is known of it, and how it is recognised after a restart of the data plane."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from blueprint.engines.custom import READY_PATH
from lab import own_server


@dataclass(kw_only=True)
class Running:
    """One engine, or a container whose program is here.

    name: of its process. port, metrics_port: of this machine, where it and its metrics are. answers: it takes requests.
    ready: port and path that say so; None for a simulated engine, which takes them when it listens.
    forwards: of a container: by its own ports those of this machine.
    signal_at: when it gets SIGTERM, by the monotonic clock; None while its pod stays. told: it got it.
    """

    uid: str
    name: str
    port: int
    metrics_port: int
    process: psutil.Process
    ready: tuple[int, str] | None = None
    forwards: Mapping[int, int] = field(default_factory=dict)
    answers: bool = False
    signal_at: float | None = None
    told: bool = False
    probe: "asyncio.Task[None] | None" = field(default=None, repr=False)


async def answers(running: Running) -> bool:
    """Whether it takes requests. What is not the engine does not listen on a port that was free."""
    if running.ready is not None:
        port, path = running.ready
        return await asyncio.to_thread(own_server.is_ready, port, path)
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.close()
        return True
    return False


def recognised(name: str, process: psutil.Process) -> Running | None:
    """An engine or a container by its options, this project's server by its variables; None for what is neither."""
    try:
        words, variables = process.cmdline(), process.environ()
    except psutil.Error:
        return None
    pairs = [(key, value) for key, _, value in (word.partition("=") for word in words) if key.startswith("--")]
    options = dict(pairs)
    if "--pod" in options:
        port = int(options["--port"])
        ready_port, _, path = options.get("--ready", "").partition("/")
        forwards = [value.split(":") for key, value in pairs if key == "--forward"]
        return Running(
            uid=options["--pod"],
            name=name,
            port=port,
            metrics_port=port,
            ready=(int(ready_port), f"/{path}") if ready_port else None,
            forwards={int(inner): int(outer) for inner, outer in forwards},
            process=process,
        )
    if own_server.POD in variables:
        port = int(variables[own_server.PORT])
        return Running(
            uid=variables[own_server.POD],
            name=name,
            port=port,
            metrics_port=int(variables[own_server.METRICS_PORT]),
            ready=(port, READY_PATH),
            process=process,
        )
    return None


def lives(process: psutil.Process) -> bool:
    """Whether a process has not ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
