"""What one lab remembers between its starts: `config.json` in its home."""

import json
import secrets
import socket
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from lab.errors import LabError

LAYOUT = 1
"""Shape of the home directory. A home of another layout is emptied and made anew."""

PORTS = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "lws", "hub", "proxy")
"""Who listens; always on 127.0.0.1."""

# Below the range from which systems take ports for outgoing connections: those would collide at random.
_PORT_RANGE = range(20_000, 30_000)
_PORT_TRIES = 200


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything about a lab that is chosen.

    home: absolute path at which the lab was last started.
    ports: process -> TCP port.
    start_seconds: from a pod's scheduling to Ready.
    drain_seconds: how long a deleted pod stays, and keeps its GPUs.
    taint: whether GPU nodes carry GKE's NoSchedule taint.
    gpus_per_node: size of the GPU nodes; None means 4, or more where a model asks for more.
    cuda_major: the newest CUDA major that the simulated driver supports.
    server: whether this project's server stands behind pods and endpoints that run it, where it is installed.
    """

    home: str
    ports: dict[str, int] = field(default_factory=dict)
    start_seconds: float = 3.0
    drain_seconds: float = 2.0
    taint: bool = True
    gpus_per_node: int | None = None
    cuda_major: int = 13
    server: bool = True

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read config.json; None when there is none, or one that this version of the lab cannot read."""
        try:
            data = json.loads(path.read_text())
            if data.pop("layout") != LAYOUT:
                return None
            return cls(**data)
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, path: Path) -> None:
        """Write config.json, whole or not at all."""
        write_private(path, json.dumps({"layout": LAYOUT, **asdict(self)}, indent=2) + "\n")

    def changed(
        self,
        *,
        start_seconds: float | None = None,
        drain_seconds: float | None = None,
        taint: bool | None = None,
        gpus_per_node: int | None = None,
        server: bool | None = None,
    ) -> Self:
        """Give these settings with every value that is not None put in.

        Raises LabError for a value that makes no sense.
        """
        for name, seconds in (("start", start_seconds), ("drain", drain_seconds)):
            if seconds is not None and not 0 <= seconds <= 86_400:  # noqa: PLR2004 (a day)
                raise LabError(f"--{name}-seconds {seconds:g}: give 0 to 86400.")
        if gpus_per_node is not None and gpus_per_node < 1:
            raise LabError(f"--gpus-per-node {gpus_per_node}: give 1 or more.")
        given: dict[str, Any] = {
            "start_seconds": start_seconds,
            "drain_seconds": drain_seconds,
            "taint": taint,
            "gpus_per_node": gpus_per_node,
            "server": server,
        }
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def with_free_ports(self, needed: set[str]) -> tuple[Self, list[str]]:
        """Give settings with free ports for the `needed` processes, and a sentence per port that moved."""
        ports, moved = dict(self.ports), []
        for process in PORTS:
            known = ports.get(process)
            owner = process.removesuffix("-peer")
            if known is not None and (owner not in needed or is_free(known)):
                continue
            ports[process] = free_port(set(ports.values()))
            if known is not None:
                moved.append(
                    f"port {known} is taken by a process that is not the lab's: {process} moves to {ports[process]}"
                )
        return replace(self, ports=ports), moved


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone can read; readers see the old content or the new, never a part."""
    partial = path.with_name(f".{path.name}.partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of the lab's last run may linger in TIME_WAIT; they take nothing from a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(taken: set[int]) -> int:
    """Give a port of 127.0.0.1 that nobody listens on, and none of those taken. Raises LabError."""
    for _ in range(_PORT_TRIES):
        port = secrets.choice(_PORT_RANGE)
        if port not in taken and is_free(port):
            return port
    raise LabError(f"no free port between {_PORT_RANGE.start} and {_PORT_RANGE.stop} on 127.0.0.1.")
