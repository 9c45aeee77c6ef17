"""The engine processes of the lab: started, found again, told to end, killed."""

import asyncio
import contextlib
import json
import logging
import math
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
from lightkube import AsyncClient

from lab import own_server
from lab.cluster.processes import Processes, Program
from lab.cluster.settings import free_port, write_private
from lab.containers import outside
from lab.containers.pod import Place, prepare
from lab.dataplane import ENGINES, KEYS
from lab.dataplane.pods import End, Pod, Served, Variables, engine_of, ports, ready_path, served
from lab.dataplane.running import Running, answers, lives, recognised

_ROOT = str(Path(__file__).parents[2])
_CODE = (
    *(Path(_ROOT, "lab", "dataplane", name) for name in ("engine.py", "faults.py", "load.py", "metrics.py")),
    *(Path(_ROOT, "lab", "hub", name) for name in ("simulation.py", "structured.py")),
    *sorted(Path(_ROOT, "blueprint", "metrics").glob("*.py")),
)
_LOOK_SECONDS = 0.02
_LOOK_AT_READY_SECONDS = 0.1
_AGAIN_SECONDS = 1.0
_log = logging.getLogger("dataplane")


class Fleet:
    """The engines of the lab at `home`; changed is set when one begins to answer.

    server: the Python of this project's server, which then stands behind the pods of its engine.
    start_seconds: how long a pod starts at least, from when its process began.
    """

    def __init__(self, home: Path, changed: asyncio.Event, *, server: Path | None, start_seconds: float) -> None:
        self.running: dict[str, Running] = {}
        self._home = home
        self._folder = home / "dataplane"
        self._server = server
        self._start_seconds = start_seconds
        self._processes = Processes(home)
        self._changed = changed
        self._began: dict[str, float] = {}

    def adopt(self) -> None:
        """Find the engines that an earlier process has started, and forget those that ended."""
        for name in self._processes.names(ENGINES):
            found = self._processes.find(name)
            running = recognised(name, found) if found is not None else None
            if running is None:
                self._processes.stop([name])
                self._keys_file(name).unlink(missing_ok=True)
                continue
            self.running[running.uid] = running
            self._watch(running)
        for left in self._container("").glob("*"):
            if left.name not in self.running:
                shutil.rmtree(left)

    def may_start(self, uid: str) -> bool:
        """Whether a pod lacks its engine, and did not lose it a moment ago."""
        return uid not in self.running and time.monotonic() > self._began.get(uid, -_AGAIN_SECONDS) + _AGAIN_SECONDS

    def start(self, pod: Pod, end: End, keys: Sequence[str], told: Variables, traces: Variables) -> None:
        """Start the engine of a pod.

        told: the variables of its container, where the engine reads them. traces: those that say where its traces go.
        """
        uid = pod["metadata"]["uid"]
        self._began[uid] = time.monotonic()
        port = free_port(set(self.ports))
        named = f"{ENGINES}{pod['metadata']['namespace']}.{pod['metadata']['name']}"[:200]
        server = self._server if engine_of(pod) == own_server.ENGINE else None
        if server is not None:
            metrics_port = free_port({port, *self.ports})
            program = own_server.program(
                named,
                python=server,
                home=self._home,
                told=told,
                ports=(port, metrics_port),
                pod=uid,
                drain=end.drain,
                keys=self._write_keys(named, keys) if keys or "API_KEYS_FILE" in told else None,
                traces=traces,
            )
        else:
            metrics_port = port
            program = _program(named, uid=uid, port=port, about=served(pod, told), end=end, keys=keys)
        self._begin(program, "simulated engine" if server is None else "this project's server")

    async def start_container(self, client: AsyncClient, pod: Pod, program: Path) -> None:
        """Start the container of a pod, whose program is here.

        Raises ApiError while an object that it needs is missing, ValueError for what the lab does not know.
        """
        uid = pod["metadata"]["uid"]
        self._began[uid] = time.monotonic()
        forwards: dict[int, int] = {}
        for port in ports(pod).values():
            forwards[port] = free_port({*self.ports, *forwards.values()})
        ready_port, path = ready_path(pod)
        place = Place(folder=self._container(uid), claims=self._folder / "claims", network=self.network, ports=forwards)
        about = await prepare(client, pod, program, place)
        named = ports(pod)
        main = named.get("http") or named.get("otlp-http") or next(iter(named.values()))
        command = [
            *(sys.executable, "-m", outside.__name__),
            f"--pod={uid}",
            f"--port={forwards[main]}",
            f"--ready={forwards[ready_port]}{path}",
            *(f"--forward={inner}:{outer}" for inner, outer in forwards.items()),
            str(about),
        ]
        name = f"{ENGINES}{pod['metadata']['namespace']}.{pod['metadata']['name']}"[:200]
        self._begin(Program(name=name, command=command, environment=(("PYTHONPATH", _ROOT),)), program.name)

    def _begin(self, program: Program, what: str) -> None:
        self._processes.start(program)
        process = self._processes.find(program.name)
        running = recognised(program.name, process) if process is not None else None
        if running is None:
            _log.warning("%s ended at once; its log is %s", program.name, self._processes.log(program.name))
            return
        self.running[running.uid] = running
        self._watch(running)
        _log.info("started %s on port %d: %s", running.name, running.port, what)

    @property
    def network(self) -> Path:
        """The file in which containers find the cluster's names and addresses."""
        return self._folder / "network.json"

    def mourn(self) -> None:
        """Forget the engines that have ended. The log stays of one that nobody told to."""
        for uid, running in list(self.running.items()):
            if not lives(running.process):
                _log.info("%s has ended", running.name)
                self._forget(uid, keep_log=not running.told)

    def ending(self, uid: str, end: End) -> None:
        """The pod is being deleted: SIGTERM follows."""
        running = self.running.get(uid)
        if running is None:
            return
        now = time.monotonic()
        if running.signal_at is None:
            running.signal_at = now + end.before_signal
        if not running.told and now >= running.signal_at:
            running.told = True
            with contextlib.suppress(psutil.NoSuchProcess):
                running.process.terminate()
            _log.info("told %s to end", running.name)

    def kill(self, uid: str) -> None:
        """The pod is gone: its grace period is over."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.running[uid].process.kill()
        self._began.pop(uid, None)
        self._forget(uid)

    @property
    def ports(self) -> list[int]:
        """The ports of all engines and containers."""
        return [
            port
            for running in self.running.values()
            for port in (running.port, running.metrics_port, *running.forwards.values())
        ]

    def metrics(self) -> dict[str, int]:
        """The port at which each answering engine's metrics are, by namespace/pod."""
        return {
            running.name.removeprefix(ENGINES).replace(".", "/", 1): running.metrics_port
            for running in self.running.values()
            if running.answers and not running.forwards
        }

    def ports_of(self, pod: Pod) -> Mapping[int, int]:
        """By a pod's ports those of this machine; none of a pod without a process."""
        running = self.running.get(pod["metadata"]["uid"])
        if running is None or running.forwards:
            return running.forwards if running else {}
        return {port: running.port if name == "http" else running.metrics_port for name, port in ports(pod).items()}

    def port_of(self, uid: str) -> int | None:
        """The port of a pod's engine; None where it has none that takes requests."""
        running = self.running.get(uid)
        return running.port if running is not None and running.answers and not running.told else None

    def has_started(self, uid: str) -> bool:
        """Whether a pod's process takes requests, and the time to start is over."""
        return self.port_of(uid) is not None and self._starts_for(uid) <= 0

    def next_moment(self) -> float | None:
        """Seconds until an engine is to be told to end, or has started."""
        engines = self.running.values()
        due = [item.signal_at - time.monotonic() for item in engines if item.signal_at is not None and not item.told]
        due += [rest for item in engines if item.answers and (rest := self._starts_for(item.uid)) > 0]
        return max(0.0, min(due)) if due else None

    def _starts_for(self, uid: str) -> float:
        """Seconds that are left of the time to start; none where an earlier data plane started it."""
        return self._began.get(uid, -math.inf) + self._start_seconds - time.monotonic()

    def _forget(self, uid: str, *, keep_log: bool = False) -> None:
        running = self.running.pop(uid)
        if running.probe is not None:
            running.probe.cancel()
        self._processes.stop([running.name], patience=0.0)
        self._keys_file(running.name).unlink(missing_ok=True)
        # Its token and keys are in there.
        shutil.rmtree(self._container(running.uid), ignore_errors=True)
        if not keep_log:
            self._processes.log(running.name).unlink(missing_ok=True)
        self._changed.set()

    def _watch(self, running: Running) -> None:
        running.probe = asyncio.create_task(self._probe(running))

    def _container(self, uid: str) -> Path:
        return self._folder / "containers" / uid

    def _keys_file(self, name: str) -> Path:
        return self._folder / "keys" / name

    def _write_keys(self, name: str, keys: Sequence[str]) -> Path:
        """Keys on a command line would be public, and a variable takes one. The server refuses a file without any."""
        file = self._keys_file(name)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(file, "".join(f"{key}\n" for key in keys))
        return file

    async def _probe(self, running: Running) -> None:
        """Wait until an engine answers. What is not the engine does not listen on a port that was free."""
        while lives(running.process):
            if await answers(running):
                running.answers = True
                self._changed.set()
                return
            await asyncio.sleep(_LOOK_SECONDS if running.ready is None else _LOOK_AT_READY_SECONDS)


def _program(name: str, *, uid: str, port: int, about: Served, end: End, keys: Sequence[str]) -> Program:
    models = [f"--model={model}" for model in about.models]
    longest = [f"--max-model-len={about.max_model_len}"] if about.max_model_len else []
    secrets = ((KEYS, json.dumps(keys)),) if keys else ()
    return Program(
        name=name,
        command=[
            sys.executable,
            "-m",
            "lab.dataplane.engine",
            f"--pod={uid}",
            f"--port={port}",
            f"--engine={about.engine}",
            f"--engine-version={about.version}",
            *models,
            *longest,
            f"--max-num-seqs={about.max_num_seqs}",
            f"--drain={end.drain:g}",
            *([f"--fails={about.fails}"] if about.fails else []),
            *([f"--fault={about.fault}"] if about.fault else []),
        ],
        inputs=_CODE,
        environment=(("PYTHONPATH", _ROOT), *secrets),
    )
