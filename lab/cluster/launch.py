"""Starting the lab's processes in the order in which they need one another."""

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lightkube import ApiError
from lightkube.codecs import from_dict
from lightkube.resources.coordination_v1 import Lease

from lab.cluster import components
from lab.cluster.groups import LWS
from lab.cluster.processes import Processes, Program
from lab.cluster.readiness import Probes, connect, wait_until
from lab.cluster.settings import Settings
from lab.errors import LabError

READY_SECONDS = 240.0
"""Patience with one process; a busy machine may need many times the usual 4 s for the API server."""

_ETCD_SECONDS = 120.0
_NOT_THE_DATA = ("address already in use", "no space left on device")


class Launch:
    """One start of some or all of the processes of a lab.

    groups: objects that the controller of LeaderWorkerSets needs when it starts.
    """

    def __init__(
        self,
        processes: Processes,
        settings: Settings,
        programs: Sequence[Program],
        *,
        groups: Sequence[Mapping[str, Any]],
        say: Callable[[str], None],
    ) -> None:
        self._processes = processes
        self._programs = {program.name: program for program in programs}
        self._probes = Probes(processes.home, settings)
        self._groups = groups
        self._say = say

    def close(self) -> None:
        """Close all connections."""
        self._probes.close()

    def run(self, names: Sequence[str]) -> None:
        """Start the named processes and wait until they do their work."""
        apart = [name for name in components.APART if name in names]
        for name in apart:
            self._processes.start(self._programs[name])  # gets ready while the control plane does
        if "etcd" in names:
            self._etcd()
        if "kube-apiserver" in names:
            self._processes.start(self._programs["kube-apiserver"])
            self._wait("kube-apiserver", READY_SECONDS)
        rest = [name for name in names if name not in (*components.STORE, *components.APART)]
        self._prepare(rest)
        for name in rest:
            self._processes.start(self._programs[name])
        for name in rest:
            if name != "kwok":  # works when it has nodes; these come next
                self._wait(name, READY_SECONDS)
        for name in apart:
            self._wait(name, READY_SECONDS)

    def _prepare(self, names: Sequence[str]) -> None:
        if "kwok" in names:
            # A new kwok respects its predecessor's leases: it would let the nodes be for up to 40 s.
            with connect(self._processes.home) as client:
                client.deletecollection(Lease, namespace="kube-node-lease")
        for name in components.LEASES.keys() & set(names):
            # The last one's sign of life must not pass for the new one's.
            with connect(self._processes.home) as client, contextlib.suppress(ApiError):
                client.delete(Lease, components.LEASES[name], namespace="kube-system")
        if LWS in names:
            self._define_groups()

    def _define_groups(self) -> None:
        """The controller looks for its kinds when it starts, and then not again for 10 s."""
        definitions = [item["metadata"]["name"] for item in self._groups if item["kind"] == "CustomResourceDefinition"]

        # Each once: the definition is large, and an API server that is late already would only get later.
        wanting = list(self._groups)

        def done() -> bool:
            if wanting:
                with connect(self._processes.home) as client:
                    while wanting:
                        client.apply(from_dict(dict(wanting[0])), force=True)
                        del wanting[0]
            return not self._probes.unserved(definitions)

        wait_until(
            done,
            seconds=READY_SECONDS,
            failure=lambda: f"LeaderWorkerSets are not served after {READY_SECONDS:.0f} s.",
        )

    def _etcd(self) -> None:
        data = self._processes.home / "etcd"
        had_data = data.exists()
        self._processes.start(self._programs["etcd"])
        try:
            self._wait("etcd", _ETCD_SECONDS)
        except LabError:
            log = self._processes.log("etcd").read_text(errors="replace")
            if not had_data or any(reason in log for reason in _NOT_THE_DATA):
                raise
            self._say("etcd cannot read its data: the lab starts empty")
            self._processes.stop(["etcd"])
            shutil.rmtree(data)
            self._processes.start(self._programs["etcd"])
            self._wait("etcd", _ETCD_SECONDS)

    def _wait(self, name: str, seconds: float) -> None:
        def done() -> bool:
            if self._processes.find(name) is None:
                raise LabError(f"{name} ended while starting. {self._where(name)}")
            return self._probes.problem(name) is None

        wait_until(
            done,
            seconds=seconds,
            failure=lambda: f"{name} is not ready after {seconds:.0f} s. {self._where(name)}",
        )

    def _where(self, name: str) -> str:
        return f"The end of {self._processes.log(name)}:\n{self._processes.log_tail(name)}"
