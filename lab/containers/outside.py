"""The process of a container on this machine: starts `inside`, and carries its connections.

What the program asks at an address of the cluster goes to the process that is behind it on this machine, and its own
ports are open on 127.0.0.1. Addresses, names and ports stay those of the cluster: nothing in a configuration changes.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_INSIDE = Path(__file__).with_name("inside.py")
_LOOK_SECONDS = 0.3
_CHUNK = 65_536
_log = logging.getLogger("container")


class Container:
    """One container, as its file describes it."""

    def __init__(self, about: Path) -> None:
        self._about = json.loads(about.read_text())
        self._network = Path(self._about["network"])
        self._routes: dict[str, list[int]] = {}
        self._open: set[int] = set()
        self._servers: list[asyncio.Server] = []
        self._asked, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_INSIDE), str(about), str(theirs.fileno())],
                # Nothing of this process's: by its environment the lab would take it for one that it has forgotten.
                env={},
                pass_fds=[theirs.fileno()],
            )

    async def run(self) -> int:
        """Carry connections until the program ends; its exit code."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._process.terminate)
        for inner, outer in self._about["ports"].items():
            serve = self._into(int(inner))
            self._servers.append(await asyncio.start_server(serve, "127.0.0.1", outer))
        seen = 0
        while (code := self._process.poll()) is None:
            with contextlib.suppress(FileNotFoundError):
                if (now := self._network.stat().st_mtime_ns) != seen:
                    seen = now
                    network = json.loads(self._network.read_text())
                    self._name(network["services"])
                    await self._route(network["routes"])
            await asyncio.sleep(_LOOK_SECONDS)
        return code

    def _name(self, services: Sequence[tuple[str, str, str]]) -> None:
        """Give Services their names: here a file says what the cluster's DNS does."""
        own = self._about["namespace"]
        lines = ["127.0.0.1 localhost"]
        for name, namespace, address in services:
            full = f"{name}.{namespace}.svc"
            names = [f"{full}.cluster.local", full, f"{name}.{namespace}", *([name] if namespace == own else [])]
            lines.append(f"{address} {' '.join(names)}")
        partial = Path(self._about["root"], "etc", ".hosts")
        partial.write_text("".join(f"{line}\n" for line in lines))
        partial.replace(partial.with_name("hosts"))

    async def _route(self, routes: dict[str, list[int]]) -> None:
        """Take over where addresses lead, and listen on the ports that are new among them."""
        self._routes = routes
        ports = {int(address.rpartition(":")[2]) for address in routes}
        for port in sorted(ports - self._open - {int(inner) for inner in self._about["ports"]}):
            made = self._ask(f"listen {port}")
            if made is not None:
                self._open.add(port)
                self._servers.append(await asyncio.start_server(self._out, sock=made))

    def _ask(self, question: str) -> socket.socket | None:
        """A socket of the container's network; None where there is none to be had."""
        try:
            self._asked.send(question.encode())
            said, given, _, _ = socket.recv_fds(self._asked, 256, 1)
        except OSError as error:
            said, given = str(error).encode(), []
        if not given:
            # Nobody listens yet, or nobody does any more: whoever connects sees that.
            _log.debug("%s: %s", question, said.decode())
            return None
        made = socket.socket(fileno=given[0])
        made.setblocking(False)
        return made

    async def _out(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection that the program opens."""
        address = "{}:{}".format(*writer.get_extra_info("sockname"))
        found = self._routes.get(address)
        if not found:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", random.choice(found))  # noqa: S311  no secret
        except OSError:
            writer.transport.abort()
            return
        await _join((reader, writer), there)

    def _into(self, port: int) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            """A connection to the program."""
            made = self._ask(f"connect {port}")
            if made is None:
                writer.transport.abort()
                return
            await _join((reader, writer), await asyncio.open_connection(sock=made))

        return serve


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(here: Ends, there: Ends) -> None:
    """Carry bytes both ways, until both sides have said their last."""

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                target.write(data)
                await target.drain()
            target.write_eof()

    try:
        await asyncio.gather(carry(here[0], there[1]), carry(there[0], here[1]))
    finally:
        for _, writer in (here, there):
            writer.close()


def main() -> None:
    """Be the container until its program ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pod", required=True, help="Uid of the pod; for those who look for this process.")
    parser.add_argument("--port", required=True, help="Of this machine, that leads to its main port; for them, too.")
    parser.add_argument("--ready", required=True, help="Where it says that it is ready; for them, too.")
    parser.add_argument("--forward", action="append", help="PORT:PORT, of the container and of this machine; as these.")
    parser.add_argument("about", type=Path, help="File with the description.")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    code = asyncio.run(Container(given.about).run())
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
