"""A running stand-in: HubServer for tests, `serve` for the lab's own process."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp

from lab.errors import LabError
from lab.hub import wire
from lab.hub.application import application
from lab.hub.clock import Clock, Latency
from lab.hub.containers import Containers
from lab.hub.environment import environment
from lab.hub.faults import Fault
from lab.hub.log import RecordedRequest
from lab.hub.machine import Machine
from lab.hub.operations import OPERATIONS
from lab.hub.service import Service
from lab.hub.store import Store
from lab.hub.switches import Switches
from lab.hub.world import Endpoint, World
from lab.locking import exclusive

HOST = "127.0.0.1"
_START_SECONDS = 20.0


class HubServer:
    """A stand-in in a thread of this process, on a free port of the loopback interface.

        with HubServer(virtual_time=True, switches={"put_on_paused": "409"}) as hub:
            hub.add_endpoint("mine")
            hub.fault(operation="create", kind="reset", moment="after")

    virtual_time: time passes by `advance` alone, and by `step` seconds before each request to the Endpoints API or to
        an endpoint, so that whoever polls sees things happen.
    latency: a Latency, some of its fields, or the seconds from creation to the first answer. In virtual time the
        default is of the order that users have seen; in real time it is one second in total.
    home: a directory that keeps the endpoints; without it nothing is kept.
    own_server: the Python of this project's server, and the home of a lab for its processes: where a container can be
        that server, it answers; without it all answers are simulated.
    """

    def __init__(
        self,
        *,
        virtual_time: bool = False,
        step: float = 0.0,
        latency: Latency | Mapping[str, Any] | float | None = None,
        switches: Mapping[str, Any] | Switches | None = None,
        home: Path | None = None,
        port: int = 0,
        own_server: tuple[Path, Path] | None = None,
    ):
        if step and not virtual_time:
            raise ValueError("step needs virtual_time=True.")
        self.world = World(
            clock=Clock(virtual=virtual_time),
            latency=Latency.of(latency, virtual=virtual_time),
            switches=Switches.of(switches),
        )
        self.lock = self.world.lock
        self._service = Service(self.world)
        self._store = Store(home) if home else None
        self._containers = (
            Containers(self.world, python=own_server[0], home=own_server[1]) if own_server is not None else None
        )
        self.world.behind = self._containers
        self._home, self._step, self._port = home, step, port
        self._server: wire.PromptServer | None = None
        self._thread: threading.Thread | None = None

    # -- life

    def start(self) -> Self:
        """Begin to answer."""
        self._begin()
        listener = listen(self._port)
        self.world.base = f"http://{HOST}:{listener.getsockname()[1]}"
        self._server = wire.PromptServer(wire.configuration(self._application()))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="hub", daemon=True
        )
        self._thread.start()
        until = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise LabError("The stand-in did not start.")
            time.sleep(0.002)
        return self

    def run(self) -> None:
        """Answer in this thread until a signal ends it."""
        with listen(self._port) as listener:
            self.world.base = f"http://{HOST}:{listener.getsockname()[1]}"
            self._begin()
            try:
                uvicorn.Server(wire.configuration(self._application())).run(sockets=[listener])
            finally:
                if self._containers:
                    self._containers.stop()

    def stop(self) -> None:
        """End; whoever still waits for an answer gets none."""
        if self._server and self._thread:
            self._server.end()
            self._thread.join()
            if self._containers:
                self._containers.stop()

    def _begin(self) -> None:
        if self._store:
            self._store.load(self.world)
        if self._containers:
            self._containers.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _application(self) -> ASGIApp:
        return application(self.world, home=str(self._home) if self._home else None, save=self.save, step=self._step)

    def save(self) -> None:
        """Keep the endpoints, when there is a home."""
        if self._store:
            self._store.save(self.world)

    # -- what tests see and move

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return self.world.base

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead this project's programs here."""
        return environment(self.url)

    @property
    def requests(self) -> Sequence[RecordedRequest]:
        """Every request so far, oldest first."""
        with self.lock:
            return self.world.log.requests

    def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        with self.lock:
            self.world.clock.advance(seconds)
            self._service.machine.settle_all()

    def fault(self, *, operation: str, kind: str | int, **settings: Any) -> Fault:
        """Let something go wrong; see lab.hub.faults.Fault. The result counts its hits."""
        with self.lock:
            return self.world.faults.add(OPERATIONS, {"operation": operation, "kind": kind, **settings})

    def switch(self, **changes: Any) -> None:
        """Change switches while it runs."""
        with self.lock:
            self.world.switches = self.world.switches.changed(changes)

    def endpoint(self, name: str, namespace: str = "lab-org") -> Endpoint | None:
        """An endpoint as the stand-in has it now, or None."""
        with self.lock:
            self._service.machine.settle_all()
            return self.world.find(namespace, name)

    def add_endpoint(
        self,
        name: str,
        *,
        namespace: str = "lab-org",
        by: str = "lab-colleague",
        running: bool = True,
        **changes: Any,
    ) -> Endpoint:
        """An endpoint that somebody else has made, by no request. `changes`: top-level fields of its body."""
        body = {
            "name": name,
            "type": "private",
            "provider": {"vendor": "aws", "region": "us-east-1"},
            "compute": {
                "accelerator": "cpu",
                "instanceType": "intel-spr",
                "instanceSize": "x1",
                "scaling": {"minReplica": 1, "maxReplica": 1},
            },
            "model": {
                "repository": "lab-org/tiny",
                "framework": "pytorch",
                "image": {"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "port": 8000}},
            },
        }
        with self.lock:
            endpoint = self._service.create(namespace, {**body, **changes}, by=by)
            if running:
                Machine(self.world).finish(endpoint)
            self.save()
            return endpoint


def listen(port: int) -> socket.socket:
    """A listening socket of the loopback interface. Raises LabError when the port is taken."""
    # TCP by name: asyncio lets small answers go out at once only where it sees that.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise LabError(f"Port {port} cannot be used: {error.strerror}. Choose another with --port.") from None
    return listener


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold a home: two stand-ins would overwrite each other's endpoints. Raises LabError when one has it."""

    def taken() -> None:
        raise LabError(f"Another stand-in runs with {home}. Stop it first.")

    with exclusive(home / "hub.lock", on_wait=taken):
        yield


def serve(
    *, port: int, home: Path, latency: float, switches: Mapping[str, str], own_server: tuple[Path, Path] | None
) -> None:
    """Answer on a port until a signal ends it: the lab's own stand-in, in real time."""
    with locked(home):
        HubServer(port=port, home=home, latency=latency, switches=switches, own_server=own_server).run()
