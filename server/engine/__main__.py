"""The engine's process: `python -m server.engine FD`, started by server.engine.process and by nobody else.

It ends with the socket at FD, which is open as long as the server's process lives: no orphan holds a GPU.
"""

import os
import signal
import socket
import sys
import threading

from server import log
from server.engine.messages import Channel, Failed, Start

NICENESS = 2
"""Where processors are short, the server's process goes first: it needs little, and clients wait for it."""


def main() -> None:
    """Load what the first message says, and answer; ends when the other process does."""
    # Of a terminal or a service manager that tells all processes: the server's lets answers complete first.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    start = channel.receive()
    if isinstance(start, Start):
        log.set_up(start.log_level)
        threading.Thread(target=_end_with, args=(channel,), daemon=True).start()
        _run(channel, start)
    sys.stdout.flush()
    os._exit(0)  # whatever the libraries still run


def _end_with(channel: Channel) -> None:
    """While the model is loaded nobody receives. Nothing is said before it is ready, but for the end."""
    if channel.closed():
        os._exit(0)


def _run(channel: Channel, start: Start) -> None:
    try:
        # Not at the top: they take seconds, in which the other process may end.
        from server.engine.load import load  # noqa: PLC0415
        from server.engine.worker import work  # noqa: PLC0415

        log.take_over_transformers()
        loaded = load(**start.model)
        os.nice(NICENESS)  # not while it loads: then nobody is answered yet
        work(
            channel,
            loaded,
            max_running_requests=start.max_running_requests,
            kv_cache_tokens=start.kv_cache_tokens,
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, the other process tells it
        channel.send(Failed(message=str(error), origin=log.described(error)))


if __name__ == "__main__":
    main()
