"""Endpoints whose custom container this project's server can be: a process of it behind each, over a tiny model."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lab import own_server
from lab.cluster.processes import Processes
from lab.cluster.settings import free_port
from lab.hub import ENDPOINTS
from lab.hub.images import engine
from lab.hub.machine import Machine
from lab.hub.world import Endpoint, World

_LOOK_SECONDS = 0.2
_EXIT_SECONDS = 3.0

State = Literal["starting", "ready", "ended"]


@dataclass(kw_only=True)
class _Container:
    """One process. ended: it went away before it was ready."""

    port: int
    ready: bool = False
    ended: bool = False


class Containers:
    """The processes behind one world's endpoints: one for each configuration that serves, or is about to.

    An endpoint has one, however many replicas it has: each takes half a gigabyte.

    home: of the lab whose processes they are. python: as lab.own_server.installed gives it.
    """

    def __init__(self, world: World, *, home: Path, python: Path) -> None:
        self._world = world
        self._machine = Machine(world)
        self._home = home
        self._python = python
        self._processes = Processes(home)
        self._known: dict[str, _Container] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="containers", daemon=True)

    def start(self) -> None:
        """Begin to follow the endpoints. What an earlier stand-in left behind ends."""
        self._processes.stop(self._processes.names(ENDPOINTS), patience=0.0)
        self._thread.start()

    def stop(self) -> None:
        """End all of them."""
        self._over.set()
        self._thread.join()
        self._processes.stop(list(self._known), patience=0.0)

    def state(self, endpoint: Endpoint, config: Mapping[str, Any] | None) -> State | None:
        """How far the process behind a configuration is; None for one that has none."""
        if config is None or not has_process(config):
            return None
        found = self._known.get(_name(endpoint, config))
        if found is None:
            return "starting"
        return "ready" if found.ready else "ended" if found.ended else "starting"

    def port(self, endpoint: Endpoint) -> int | None:
        """Where the process that serves an endpoint answers; None where none does."""
        found = self._known.get(_name(endpoint, endpoint.serving)) if endpoint.serving else None
        return found.port if found is not None and found.ready else None

    def _follow(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with self._world.lock:
                # It is what lets an endpoint fall asleep that nobody looks at.
                self._machine.settle_all()
                wanted = self._wanted()
            for name in self._known.keys() - wanted.keys():
                ended = self._known.pop(name).ended
                self._processes.stop([name], patience=self._world.latency.draining + _EXIT_SECONDS)
                if not ended:
                    self._processes.log(name).unlink(missing_ok=True)
            for name, config in wanted.items():
                self._care_for(name, config)

    def _wanted(self) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for endpoint in self._world.endpoints:
            configs = [endpoint.serving] if endpoint.serving else []
            if endpoint.state in ("initializing", "updating") and any(s.state == "running" for s in endpoint.planned):
                configs.append(endpoint.config)
            if endpoint.deleted_at is None:
                found |= {_name(endpoint, config): config for config in configs if has_process(config)}
        return found

    def _care_for(self, name: str, config: Mapping[str, Any]) -> None:
        container = self._known.get(name)
        if container is None:
            self._known[name] = self._run(name, config)
        elif self._processes.find(name) is None:
            if container.ready:  # as the service does with one that had been serving
                self._known[name] = self._run(name, config)
            else:
                container.ended = True
        elif not container.ready:
            container.ready = own_server.is_ready(container.port)

    def _run(self, name: str, config: Mapping[str, Any]) -> _Container:
        port = free_port({one.port for one in self._known.values()})
        told = {key: str(value) for key, value in config["model"]["env"].items()}
        program = own_server.program(
            name,
            python=self._python,
            home=self._home,
            told=told,
            ports=(port, free_port({port})),
            drain=self._world.latency.draining,
        )
        self._processes.start(program)
        return _Container(port=port)


def has_process(config: Mapping[str, Any]) -> bool:
    """Whether the server can be an endpoint's container: a custom one that is told what it has to be told."""
    return engine(config) == "custom" and "MODEL_ID" in config["model"]["env"]


def _name(endpoint: Endpoint, config: Mapping[str, Any]) -> str:
    """Of a process: another container gets another one."""
    digest = hashlib.sha256(json.dumps(config["model"], sort_keys=True).encode()).hexdigest()[:8]
    return f"{ENDPOINTS}{endpoint.namespace}.{endpoint.name}-{endpoint.number}-{digest}"
