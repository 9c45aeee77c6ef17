"""One stack with its files: everything that a command needs, from project to state."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.engine.builtin import DOCKER, DYNAMIC, StackReferences
from lab.engine.cluster.kind import Kubernetes
from lab.engine.context import Context, Options, now
from lab.engine.deployment import Deployment
from lab.engine.docker.kind import DockerDaemon
from lab.engine.events import Diagnostic, Event, Severity, Summary
from lab.engine.hosts.dynamic import DynamicProviders
from lab.engine.hosts.judge import LateJudge, PolicyJudge
from lab.engine.hosts.processes import HostProcesses
from lab.engine.journal import Journal
from lab.engine.monitor import StackConfig
from lab.engine.program.config import Project, StackFile, read_project
from lab.engine.program.run import run_program, serve_engine
from lab.engine.registry import Registry
from lab.engine.resources import PROVIDER_PREFIX, Snapshot
from lab.engine.store import checkpoint
from lab.engine.store.backend import Backend
from lab.engine.store.crypto import Crypter, passphrase_of
from lab.engine.store.origin import Origin, origin

Show = Callable[[Event], None]


@dataclass(frozen=True)
class Outcome:
    """How a run ended. changes: resources by Op value. settled: the state is, or would be, what it was."""

    worked: bool
    changes: dict[str, int]
    settled: bool


@dataclass(frozen=True)
class Session:
    """A stack of the project in a folder. url: of the backend."""

    root: Path
    stack: str
    url: str
    policy_pack: Path | None = None

    @cached_property
    def project(self) -> Project:
        """Pulumi.yaml."""
        return read_project(self.root)

    @cached_property
    def file(self) -> StackFile:
        """Pulumi.STACK.yaml."""
        return StackFile(self.root / f"Pulumi.{self.stack}.yaml", self.project)

    @cached_property
    def backend(self) -> Backend:
        """Where the state is."""
        return Backend(self.url, self.project.name)

    @cached_property
    def config(self) -> StackConfig:
        """What the program gets."""
        return self.file.config()

    @property
    def shown_config(self) -> dict[str, str | None]:
        """The configuration as it may be shown: None for a secret."""
        return {key: None if key in self.config.secret_keys else value for key, value in self.config.values.items()}

    @cached_property
    def crypter(self) -> Crypter:
        """What the state's secrets are encrypted with: the state's own salt, or the stack file's."""
        whole = self.backend.whole(self.stack)
        salt = checkpoint.salt_of(whole) if whole else None
        return Crypter.of(salt, passphrase_of()) if salt else self.file.crypter()

    def load(self) -> Snapshot:
        """The stack's snapshot, empty for a new stack."""
        whole = self.backend.whole(self.stack)
        return checkpoint.read(whole, self.crypter) if whole else Snapshot()

    def text(self, snapshot: Snapshot, writer: checkpoint.Writer | None = None) -> str:
        """A snapshot as a checkpoint file."""
        return (writer or checkpoint.Writer(lambda: self.crypter)).text(
            f"organization/{self.project.name}/{self.stack}", snapshot, now()
        )

    def run(self, kind: str, options: Options, show: Show) -> Outcome:
        """Deploy: kind is update, refresh or destroy."""
        before = self.load()
        if options.refresh:
            # What was found is told by the steps that follow from it; here only what could not be asked.
            outcome, before = asyncio.run(self._run("refresh", before, replace(options, refresh=False), _told(show)))
            if not outcome.worked:
                show(Summary("preview", {}, 0.0, "failed"))
                return outcome
        outcome, _ = asyncio.run(self._run(kind, before, options, show))
        return outcome

    async def _run(self, kind: str, before: Snapshot, options: Options, show: Show) -> tuple[Outcome, Snapshot]:
        config = self.config
        writer = checkpoint.Writer(lambda: self.crypter)
        changes: dict[str, int] = {}
        began, came_from = time.time(), origin(self.root)

        async def save(snapshot: Snapshot) -> None:
            # In a thread: others go on working while the disk does.
            await asyncio.to_thread(lambda: self.backend.write(self.stack, self.text(snapshot, writer)))

        def emit(event: Event) -> None:
            if isinstance(event, Summary):
                changes.update(event.changes)
            show(event)

        hosts = HostProcesses(self.root, self.project.name, lambda line: emit(Diagnostic(Severity.INFO, line, "")))
        context = Context(
            stack=self.stack,
            project=self.project.name,
            root=self.root,
            options=options,
            before=before,
            journal=Journal(before, None if options.preview else save),
            registry=Registry(
                {
                    "kubernetes": Kubernetes(),
                    DOCKER: DockerDaemon(self.root.resolve()),
                    DYNAMIC: DynamicProviders(hosts, lambda severity, text, urn: emit(Diagnostic(severity, text, urn))),
                    "pulumi": StackReferences(lambda name: self.backend.load(name, passphrase_of())),
                }
            ),
            emit=emit,
            judge=PolicyJudge(emit, []),
        )
        server, engine = await serve_engine(context)
        try:
            if self.policy_pack is not None and kind == "update":
                # It starts while the program does.
                context.judge = LateJudge(PolicyJudge.start(context, {self.policy_pack: None}, engine, config))
            hosts.warm(sum(state.type == f"{PROVIDER_PREFIX}{DYNAMIC}" for state in before.resources))
            deployment = Deployment(context)
            with _interrupts(deployment.interrupt):
                worked = await self._deploy(deployment, kind, config, engine)
        finally:
            await context.judge.close()
            await hosts.close()
            await server.stop(grace=None)
        if not options.preview:
            self._record(kind, context.journal.snapshot(), writer, began, changes, came_from=came_from, worked=worked)
        return Outcome(worked, changes, settled=context.journal.untouched), context.journal.snapshot()

    async def _deploy(self, deployment: Deployment, kind: str, config: StackConfig, engine: str) -> bool:
        if kind == "refresh":
            return await deployment.refresh()
        if kind == "destroy":
            return await deployment.destroy()
        return await deployment.update(lambda context, executor: run_program(context, executor, config, engine))

    def _record(
        self,
        kind: str,
        snapshot: Snapshot,
        writer: checkpoint.Writer,
        began: float,
        changes: dict[str, int],
        *,
        came_from: Origin,
        worked: bool,
    ) -> None:
        message, commit = came_from
        entry: dict[str, Any] = {
            "kind": kind,
            "startTime": int(began),
            "message": message,
            "environment": {"exec.kind": "llm-inference.lab.engine", **commit},
            "config": {},
            "version": len(self.backend.history(self.stack)) + 1,
            "result": "succeeded" if worked else "failed",
            "endTime": int(time.time()),
            "resourceChanges": changes,
        }
        text = self.text(snapshot, writer)
        self.backend.write(self.stack, text)
        self.backend.record(self.stack, entry, text)


def _told(show: Show) -> Show:
    return lambda event: show(event) if isinstance(event, Diagnostic) else None


class _interrupts:  # noqa: N801  reads as a statement
    """The first Ctrl-C or SIGTERM lets what is in flight end; the next ends the engine.

    What was cut off then is looked up by the next run.
    """

    def __init__(self, interrupt: Callable[[], None]):
        self._interrupt = interrupt
        self._times = 0
        self._task: asyncio.Task[Any] | None = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._handle)

    def __exit__(self, *_details: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    def _handle(self) -> None:
        self._times += 1
        if self._times == 1:
            self._interrupt()
        elif self._task is not None:
            self._task.cancel()
