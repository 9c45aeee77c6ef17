"""Starts the engine's process, and sees it end."""

import os
import signal
import socket
import subprocess
import sys

from server.engine.messages import Start, packed
from server.settings import Settings

END_SECONDS = 10
"""A process that was killed is gone at once, but for one that waits for a device."""

FATE_SECONDS = 2


class EngineProcess:
    """The process. connection: this end of the socket to it."""

    def __init__(self, start: Start) -> None:
        self.connection, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server.engine", str(theirs.fileno())],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self.connection.sendall(packed(start))

    def kill(self) -> None:
        """End it, and wait until it is gone: what it still makes has no reader."""
        self._process.kill()
        self._process.wait(END_SECONDS)

    def fate(self) -> str:
        """What became of it, for people. Waits a moment: its socket is closed before it is gone."""
        try:
            code = self._process.wait(FATE_SECONDS)
        except subprocess.TimeoutExpired:
            return "its process still runs"
        return (
            f"its process was ended by {signal.Signals(-code).name}" if code < 0 else f"its process ended with {code}"
        )


def _environment() -> dict[str, str]:
    """Of this process, without the server's own settings: the engine gets by message what it needs, and no key."""
    own = Settings.model_fields.keys()
    return {name: value for name, value in os.environ.items() if name.lower() not in own}
