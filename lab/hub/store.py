"""What survives the stand-in: its endpoints, in one file, written whole or not at all."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from lab.errors import LabError
from lab.hub.control import VERSION
from lab.hub.world import Endpoint, LogLine, Step, World

FILE = "hub.json"


class Store:
    """The state file of one home."""

    def __init__(self, home: Path):
        self._path = home / FILE
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._last = ""

    def load(self, world: World) -> None:
        """Put what was kept into the world. Raises LabError for a file that is none of ours."""
        try:
            data = json.loads(self._path.read_text())
            if data["version"] != VERSION:
                raise LabError(f"{self._path} is of another version of the lab. Remove it to start with no endpoints.")
            endpoints = [_endpoint(item) for item in data["endpoints"]]
            world.endpoints, world.created = endpoints, data["created"]
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError):
            raise LabError(f"{self._path} cannot be read. Remove it to start with no endpoints.") from None

    def save(self, world: World) -> None:
        """Write what has changed, before the change is answered."""
        endpoints = [asdict(endpoint) for endpoint in world.endpoints]
        text = json.dumps({"version": VERSION, "created": world.created, "endpoints": endpoints})
        if text == self._last:
            return
        new = self._path.with_suffix(f".{os.getpid()}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        new.replace(self._path)
        self._last = text


def _endpoint(item: dict[str, object]) -> Endpoint:
    planned, lines = item.pop("planned"), item.pop("lines")
    assert isinstance(planned, list)
    assert isinstance(lines, list)
    endpoint = Endpoint(**item)  # type: ignore[arg-type]
    endpoint.planned = [Step(**step) for step in planned]
    endpoint.lines = [LogLine(**line) for line in lines]
    return endpoint
