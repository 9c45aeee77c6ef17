"""The connection under a request: what HTTP frameworks hide, and faults need."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

_open: dict[tuple[Any, Any], asyncio.Transport] = {}
"""Transports by the two addresses of a connection, which are unique while it lives."""


class Wire(H11Protocol):
    """uvicorn's protocol, which remembers its connections."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember it."""
        super().connection_made(transport)
        _open[self.client, self.server] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        _open.pop((self.client, self.server), None)
        super().connection_lost(exc)


def close(scope: Mapping[str, Any]) -> None:
    """Close the connection of a request once what was written is sent."""
    transport = _open.get((scope["client"], scope["server"]))
    if transport is not None:
        transport.close()


def reset(scope: Mapping[str, Any]) -> None:
    """Reset the connection of a request: the other side sees a TCP reset, and nothing else."""
    transport = _open.get((scope["client"], scope["server"]))
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def configuration(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves the stand-in: quietly, and over connections that faults can reach."""
    return uvicorn.Config(
        app,
        http=Wire,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


class PromptServer(uvicorn.Server):
    """A server for a thread: told to end, it ends at once, where uvicorn's own takes two tenths of a second."""

    def __init__(self, config: uvicorn.Config):
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Serve until told to end."""
        await self.on_tick(0)
        await self._ending.wait()

    def end(self) -> None:
        """Tell it to end, from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ending.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drop everybody: whoever still waits for an answer gets none."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
