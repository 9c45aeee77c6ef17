"""The lab as a whole: start, mend, stop, look."""

import contextlib
import shlex
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from lightkube import ApiError, Client
from lightkube.codecs import from_dict

from lab import registry
from lab.cluster import components, groups, storage
from lab.cluster.definitions import definition
from lab.cluster.devices import Demand, Device, machines, read_stacks
from lab.cluster.launch import READY_SECONDS, Launch
from lab.cluster.nodes import apply_nodes, node
from lab.cluster.pki import Pki
from lab.cluster.processes import Processes, Program, marked
from lab.cluster.readiness import Probes, connect, wait_until
from lab.cluster.settings import Settings
from lab.cluster.stages import stages
from lab.containers.programs import installed
from lab.dataplane import ENGINES
from lab.dataplane.proxy import Proxy
from lab.errors import LabError
from lab.hub import ENDPOINTS
from lab.locking import exclusive
from lab.own_server import TINY
from lab.signals import uninterrupted
from lab.stacks import forget_lab
from lab.tools.build import Tools, ensure
from lab.tools.sets import CLUSTER, CRDS, LWS

REPOSITORY = Path(__file__).parents[2]
_FILES = (
    *("config.json", "dataplane", "etcd", "hub", "kubeconfig", "kubectl", "kwok.yaml", "lock", "logs", "lws.yaml"),
    *("pki", "proxy", registry.NAME, "run", TINY, f"{TINY}.lock"),
)
_STATE = "state"  # of the stacks; those of other clusters survive the lab
_ANSWER_SECONDS = 4.0
# kwok renews every 10 s: after the machine has slept, this is how long to wait for a sign of life.
_LEASE_SECONDS = 12.0


@dataclass(frozen=True, kw_only=True)
class ProcessStatus:
    """One process: its pid if it runs, what is wrong with it if anything is, its memory in bytes."""

    name: str
    pid: int | None
    problem: str | None
    memory: int


class Lab:
    """The control plane that lives in one directory.

    home: holds everything that the lab writes, but for the built tools.
    stacks: directory whose Pulumi.*.yaml say which GPUs there are.
    say: is told, in a sentence, what start and stop find and do.
    """

    def __init__(
        self,
        home: Path = REPOSITORY / ".lab",
        *,
        stacks: Path = REPOSITORY,
        say: Callable[[str], None] = print,
    ) -> None:
        self.home = home.expanduser().resolve()
        self.stacks = stacks.expanduser().resolve()
        self._say = say
        self._processes = Processes(self.home)
        self._touched = False
        self._monitoring: Mapping[str, Path] = {}

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig whose one context is called `lab`."""
        return self.home / "kubeconfig"

    @property
    def kubectl(self) -> Path:
        """A kubectl that speaks to this lab, of the control plane's own version."""
        return self.home / "kubectl"

    def client(self) -> Client:
        """Give a client of the running lab, whose user may do everything."""
        return connect(self.home)

    def hub(self) -> str | None:
        """Give the base URL of the running stand-in for Hugging Face; None when it does not run."""
        settings = self.settings()
        if settings is None or self._processes.find(components.HUB) is None:
            return None
        return f"http://127.0.0.1:{settings.ports[components.HUB]}"

    @property
    def addresses(self) -> Path:
        """A file that names the addresses of the gateway and of the models' Services."""
        return self.home / "dataplane" / "addresses.json"

    def settings(self) -> Settings | None:
        """Give what the lab was last started with; None when it never was."""
        return Settings.read(self.home / "config.json")

    def start(
        self,
        *,
        start_seconds: float | None = None,
        drain_seconds: float | None = None,
        taint: bool | None = None,
        gpus_per_node: int | None = None,
        server: bool | None = None,
    ) -> bool:
        """Make the lab run as the settings and the stacks say; False when it did already.

        Settings that are None stay as they were. What is dead, deaf or outdated is stopped and started again;
        objects survive that. When the start fails or is interrupted, no process is left. Raises LabError.
        """
        demands = read_stacks(self.stacks)
        tools, lws, definitions = ensure(CLUSTER), ensure(LWS), ensure(CRDS).files("crds")
        self._monitoring = installed()
        self._refuse_foreign_home()
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            self._touched = False
            try:
                settings = self._adopt().changed(
                    start_seconds=start_seconds,
                    drain_seconds=drain_seconds,
                    taint=taint,
                    gpus_per_node=gpus_per_node,
                    server=server,
                )
                self._populate(self._run(settings, tools, lws), demands, definitions)
            except BaseException:
                if self._touched:
                    with uninterrupted():
                        self._stop()
                raise
            return self._touched

    def stop(self, *, delete: bool = False) -> bool:
        """End all processes; True when there were any.

        Unless `delete`, the directory stays: objects, token and ports are the same after the next start.
        Raises LabError when a process does not end.
        """
        if not self.home.is_dir():
            return self._processes.sweep() > 0  # somebody removed the home of a running lab
        self._refuse_foreign_home()
        with self._locked():
            settings = self.settings()
            if settings is not None and settings.home != str(self.home):
                self._adopt()
            stopped = self._stop()
            if delete:
                for stack in forget_lab(self.home / _STATE):
                    self._say(f"stack {stack} has something outside the lab too: its state is kept; refresh it next")
                for name in _FILES:
                    path = self.home / name
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self.home.rmdir()
            return stopped

    def status(self) -> list[ProcessStatus]:
        """Look at every process, changing nothing."""
        settings = self.settings()
        if settings is None or not Pki(self.home / "pki").authority.exists():
            return [ProcessStatus(name=name, pid=None, problem="does not run", memory=0) for name in components.NAMES]
        with contextlib.closing(Probes(self.home, settings)) as probes:
            return [self._status(name, probes) for name in components.NAMES]

    def _status(self, name: str, probes: Probes) -> ProcessStatus:
        found = self._processes.find(name)
        if found is None:
            return ProcessStatus(name=name, pid=None, problem="does not run", memory=0)
        try:
            memory = int(found.memory_info().rss)
        except psutil.Error:
            memory = 0
        return ProcessStatus(name=name, pid=found.pid, problem=probes.problem(name), memory=memory)

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        def on_wait() -> None:
            self._say(f"another command works on {self.home}; waiting for it")

        return exclusive(self.home / "lock", on_wait=on_wait)

    def _refuse_foreign_home(self) -> None:
        if self.home.is_dir() and not (self.home / "config.json").exists():
            others = sorted(path.name for path in self.home.iterdir() if path.name not in (*_FILES, _STATE))
            if others:
                raise LabError(f"{self.home} is no lab and holds other things ({others[0]}, ...). Use an empty home.")

    def _adopt(self) -> Settings:
        """Give the settings of this home, after coming to terms with whatever was done to the directory."""
        settings = self.settings()
        if settings is None:
            if (self.home / "config.json").exists():
                self._say("config.json is of another version of the lab, or damaged: the lab starts empty")
                self._stop()
                for name in ("dataplane", "etcd", "hub", "pki", "kubeconfig", "run"):
                    shutil.rmtree(self.home / name, ignore_errors=True)
                self.kubeconfig.unlink(missing_ok=True)
            return Settings(home=str(self.home))
        if settings.home != str(self.home):
            old = Path(settings.home)
            if (old / "config.json").exists():
                self._say(f"this directory is a copy of {old}, whose processes are left alone")
            else:
                self._say(f"this directory was moved here from {old}")
                Processes(old).sweep()
            shutil.rmtree(self.home / "run", ignore_errors=True)
            settings = replace(settings, home=str(self.home))
            settings.write(self.home / "config.json")
        return settings

    def _write(self, settings: Settings, tools: Tools, lws: Tools) -> list[Program]:
        """Write every file that processes read; give the processes as they should run."""
        settings.write(self.home / "config.json")
        pki = Pki(self.home / "pki")
        pki.ensure()
        pki.write_kubeconfig(self.kubeconfig, port=settings.ports["kube-apiserver"])
        self.kubectl.write_text(
            f"#!/bin/sh\nexec {shlex.quote(str(tools.program('kubectl')))} "
            f'--kubeconfig={shlex.quote(str(self.kubeconfig))} "$@"\n'
        )
        self.kubectl.chmod(0o755)
        configured = stages(
            tools.files("stages"),
            start_seconds=settings.start_seconds,
            drain_seconds=settings.drain_seconds,
            monitoring=self._monitoring,
        )
        stage_file, group_file = self.home / "kwok.yaml", self.home / "lws.yaml"
        for path, text in (
            (stage_file, configured),
            (group_file, groups.configuration(pki, port=settings.ports[groups.LWS])),
        ):
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
        return components.programs(
            home=self.home,
            settings=settings,
            tools=tools,
            lws=lws,
            monitoring=self._monitoring,
            stages=stage_file,
            groups=group_file,
            bootstrap=Proxy(self.home / "proxy").prepare(settings.ports[components.PROXY]),
        )

    def _run(self, settings: Settings, tools: Tools, lws: Tools) -> Settings:
        """Make all processes run, mending what is found broken; give the settings with the ports they have."""
        engines = [*self._processes.names(ENGINES), *self._processes.names(ENDPOINTS)]
        if strays := self._processes.sweep(keep=[*components.NAMES, *engines, registry.NAME]):
            self._touched = True
            self._say(f"ended {strays} processes of an earlier start that had lost their run files")
        settings, _ = settings.with_free_ports(set())
        needed = self._needed(settings, self._write(settings, tools, lws))
        if not needed:
            return settings
        self._touched = True
        self._stop(needed)
        settings, moved = settings.with_free_ports(set(needed))
        for sentence in moved:
            self._say(sentence)
        programs = self._write(settings, tools, lws)
        defined = groups.objects(
            lws.file("leaderworkersets.yaml"), Pki(self.home / "pki"), port=settings.ports[groups.LWS]
        )
        with contextlib.closing(Launch(self._processes, settings, programs, groups=defined, say=self._say)) as launch:
            launch.run(needed)
        return settings

    def _needed(self, settings: Settings, programs: Sequence[Program]) -> list[str]:
        """Name the processes that must be started, in order, saying why if something was running."""
        first = not self._processes.was_running(components.NAMES)
        problems: dict[str, str] = {}
        for program in programs:
            problem = self._processes.problem(program)
            if problem is not None:
                problems[program.name] = problem
        # Without its store the control plane starts again anyway.
        asked = components.APART if problems.keys() & set(components.STORE) else components.NAMES
        problems |= self._deaf(settings, [name for name in asked if name not in problems])
        if not first:
            for name, problem in problems.items():
                self._say(f"{name} {problem}: starting it again")
        needed = set(problems)
        if needed & set(components.STORE):
            needed |= set(components.CONTROL_PLANE)
        return [name for name in components.NAMES if name in needed]

    def _deaf(self, settings: Settings, names: Sequence[str]) -> dict[str, str]:
        """Ask running processes whether they work, with patience; give what those say that do not."""
        deaf: dict[str, str] = {}
        with contextlib.closing(Probes(self.home, settings)) as probes:
            for name in names:
                patience = _LEASE_SECONDS if name in ("kwok", *components.LEASES) else _ANSWER_SECONDS
                deadline = time.monotonic() + patience
                while (problem := probes.problem(name)) is not None and time.monotonic() < deadline:
                    time.sleep(0.2)
                if problem is not None:
                    deaf[name] = problem
                    if name in components.STORE:
                        break  # the others cannot work without it
        return deaf

    def _populate(self, settings: Settings, demands: Mapping[Device, Demand], definitions: Sequence[Path]) -> None:
        """Give the API server its nodes, storage classes and definitions; wait until they are usable."""
        wanted = [node(None, taint=settings.taint, cuda_major=settings.cuda_major)] + [
            node(machine, taint=settings.taint, cuda_major=settings.cuda_major)
            for machine in machines(demands, gpus_per_node=settings.gpus_per_node)
        ]
        objects = [*storage.objects(), *map(definition, definitions)]
        try:
            # On a busy machine a definition takes seconds to be stored.
            with connect(self.home, seconds=READY_SECONDS) as client:
                apply_nodes(client, wanted)
                for object_ in objects:
                    client.apply(from_dict(object_), force=True)
        except ApiError as error:
            raise LabError(f"the API server refused an object of the lab: {error}") from error
        names = [item["metadata"]["name"] for item in objects if item["kind"] == "CustomResourceDefinition"]
        with contextlib.closing(Probes(self.home, settings)) as probes:
            wait_until(
                lambda: not probes.unfinished_nodes() and not probes.missing_basics(names),
                seconds=READY_SECONDS,
                failure=lambda: (
                    f"not usable after {READY_SECONDS:.0f} s: {', '.join(probes.unfinished_nodes())}"
                    f" {', '.join(probes.missing_basics(names))}. See {self.home / 'logs'}."
                ),
            )

    def _stop(self, names: Sequence[str] = components.NAMES) -> bool:
        running = bool(marked(self.home))
        # The API server writes to etcd until its end, and without etcd it takes a minute to give up.
        patience = 10.0 if self._processes.find("etcd") is not None else 1.0
        self._processes.stop([name for name in names if name != "etcd"], patience=patience)
        self._processes.stop([name for name in names if name == "etcd"])
        if set(names) == set(components.NAMES):
            self._processes.sweep()
            # The ports of engines that are gone may be somebody else's at the next start.
            shutil.rmtree(self.home / "proxy", ignore_errors=True)
        return running
