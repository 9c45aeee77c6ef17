"""The connection under a request: what HTTP frameworks hide, and faults need."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from typing import Any

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
