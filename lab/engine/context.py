"""What the parts of a running deployment share."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from lab.engine.events import Diagnostic, Event, Severity
from lab.engine.journal import Journal
from lab.engine.provider import Operation, Provider
from lab.engine.registry import Registry
from lab.engine.resources import PROVIDER_PREFIX, STACK_TYPE, ResourceState, Snapshot, urn_type

LIFT_PROTECTION = (
    "Take protection off it first (deletion.protect in the stack file, or the protect option), and run up."
)


class DeploymentError(Exception):
    """The deployment cannot go on. The message is for people; empty when a diagnostic has told it."""


class InterruptedDeploymentError(DeploymentError):
    """Somebody wants it to stop."""


@dataclass(frozen=True)
class Options:
    """How to run.

    targets: URNs, * and ? allowed; empty means all. parallel: operations at the same time. refresh: plan from what is
    really there instead of what the state says; for previews.
    """

    preview: bool = False
    targets: Sequence[str] = ()
    target_dependents: bool = False
    parallel: int = 16
    refresh: bool = False


class Judge(Protocol):
    """Policies. Each method tells its violations by events and returns whether the deployment must not go on."""

    async def resource(self, state: ResourceState, provider: ResourceState | None) -> bool:
        """Judge the inputs of one resource before anything happens to it."""

    async def stack(self, states: Sequence[ResourceState]) -> bool:
        """Judge all resources together."""

    async def close(self) -> None:
        """Let go of processes."""


@dataclass
class Context:
    """A running deployment: where it comes from, where it stands, whom to tell."""

    stack: str
    project: str
    root: Path
    options: Options
    before: Snapshot
    journal: Journal
    registry: Registry
    emit: Callable[[Event], None]
    judge: Judge
    olds: dict[str, ResourceState] = field(default_factory=dict)  # of before, by URN
    news: dict[str, ResourceState] = field(default_factory=dict)  # of this run, by URN
    registered: set[str] = field(default_factory=set)  # URNs that the program has asked for
    replaced: set[str] = field(default_factory=set)
    deletions: dict[str, asyncio.Event] = field(default_factory=dict)  # by URN; set when it is gone
    stopping: bool = False
    failed: bool = False

    def __post_init__(self) -> None:
        self.olds = {state.urn: state for state in self.before.resources if not state.delete}

    def targeted(self, urn: str) -> bool:
        """Whether this run may change a resource. What is nothing outside the state always may."""
        if not self.options.targets or urn_type(urn) == STACK_TYPE or urn_type(urn).startswith(PROVIDER_PREFIX):
            return True
        return any(urn == target or fnmatchcase(urn, target) for target in self.options.targets)

    def tell(self, severity: Severity, text: str, urn: str = "") -> None:
        """Say something to the person who runs the deployment."""
        self.emit(Diagnostic(severity, text, urn))

    def provider_of(self, state: ResourceState) -> Provider:
        """Who manages a custom resource."""
        return self.registry if state.is_provider else self.registry.get(state.provider, state.urn)

    def operation(
        self, state: ResourceState, kind: str = "", report: Callable[[str], None] = lambda _text: None
    ) -> Operation:
        """What a provider is told about an operation; kind names its time-out."""
        return Operation(
            urn=state.urn,
            preview=self.options.preview,
            timeout=(state.custom_timeouts or {}).get(kind),
            seed=secrets.token_bytes(32),
            report=report,
            warn=lambda text: self.tell(Severity.WARNING, text, state.urn),
            ignore_changes=tuple(state.ignore_changes),
        )


def now() -> str:
    """The time, as the checkpoint has it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
