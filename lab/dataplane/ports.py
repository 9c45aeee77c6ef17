"""Ports of Services on this machine: each has its own, and the same whenever it exists."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from lab.cluster.settings import free_port, is_free, write_private
from lab.dataplane.routes import ServiceName


class Ports:
    """The ports that Services have had, kept in a file: people have them in their notebooks.

    in_use: ports that the proxy listens on already.
    """

    def __init__(self, path: Path, *, in_use: Collection[int]) -> None:
        self._path = path
        self._known = self._read()
        self._open = {service for service, port in self._known.items() if port in in_use}

    def of(self, services: Iterable[ServiceName], *, taken: set[int]) -> dict[ServiceName, int]:
        """The ports of the Services that there are now. taken: ports that none may get."""
        wanted = set(services)
        for service in sorted(wanted - self._open):
            port = self._known.get(service)
            if port is None or port in taken or not is_free(port):
                self._known[service] = free_port({*taken, *self._known.values()})
        if wanted - self._open:
            text = {str(service): port for service, port in sorted(self._known.items())}
            write_private(self._path, json.dumps(text, indent=2))
        self._open = wanted
        return {service: self._known[service] for service in wanted}

    def _read(self) -> dict[ServiceName, int]:
        try:
            listed = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return {ServiceName(*name.split("/")): int(port) for name, port in listed.items()}
