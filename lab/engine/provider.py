"""What the engine asks of a provider, and what it gets. All methods may be called at once for different resources."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from lab.engine.values import PropertyMap


class DiffKind(StrEnum):
    """How one property changes, and whether that replaces the resource."""

    ADD = "add"
    ADD_REPLACE = "add-replace"
    DELETE = "delete"
    DELETE_REPLACE = "delete-replace"
    UPDATE = "update"
    UPDATE_REPLACE = "update-replace"


@dataclass(frozen=True)
class PropertyDiff:
    """A changed property. input_diff: the change is between the old and the new inputs, not against the old outputs."""

    kind: DiffKind
    input_diff: bool = False


@dataclass(frozen=True)
class Checked:
    """Inputs as they will be used, with what the provider fills in; or why they cannot be."""

    inputs: PropertyMap
    failures: Sequence[tuple[str, str]] = ()  # property path (may be empty), reason


@dataclass(frozen=True)
class Diff:
    """changes None: the provider does not know, and the engine compares old with new inputs."""

    changes: bool | None
    replaces: Sequence[str] = ()  # property paths; any replaces the resource
    delete_before_replace: bool = False
    detailed: dict[str, PropertyDiff] = field(default_factory=dict)  # by path, as spec.containers[0].image
    changed: Sequence[str] = ()  # top-level properties
    stables: Sequence[str] = ()  # properties that an update cannot change


@dataclass(frozen=True)
class Created:
    """A new resource."""

    id: str
    outputs: PropertyMap


@dataclass(frozen=True)
class Read:
    """The live resource. id empty: there is none."""

    id: str
    inputs: PropertyMap | None = None
    outputs: PropertyMap | None = None
    init_errors: Sequence[str] = ()


class ProviderError(Exception):
    """An operation failed; nothing was changed as far as the provider knows. The message is for people."""


class NotReadyError(ProviderError):
    """The resource exists as described here, and did not become ready."""

    def __init__(self, message: str, *, id: str, outputs: PropertyMap, inputs: PropertyMap, reasons: Sequence[str]):
        self.id = id
        self.outputs = outputs
        self.inputs = inputs
        self.reasons = list(reasons)
        super().__init__(message)


@dataclass(frozen=True)
class Operation:
    """What every operation on a resource is told.

    timeout: seconds, None for the provider's own. report: progress for the person who waits; may be called often.
    seed: random but fixed bytes for generated names. preview: change nothing.
    warn: what a person should know afterwards too.
    """

    urn: str
    preview: bool = False
    timeout: float | None = None
    seed: bytes = b""
    report: Callable[[str], None] = lambda _text: None
    warn: Callable[[str], None] = lambda _text: None
    ignore_changes: Sequence[str] = ()


class Provider(Protocol):
    """Manages resources of some types. Secrets arrive as Secret and may be answered as such.

    interruptible: a cancelled operation ends soon and loses nothing; what it has made is told by NotReadyError.
    unreachable: why nothing can be asked or changed, None when it can; a preview then says what is planned unchecked.

    Raises ProviderError for failures that are told to the person; any other exception is a defect.
    """

    interruptible: bool
    unreachable: str | None

    async def check(self, op: Operation, olds: PropertyMap, news: PropertyMap) -> Checked:
        """Validate and complete inputs. olds: the last checked inputs, empty for a new resource."""

    async def diff(
        self,
        op: Operation,
        id: str,
        old_inputs: PropertyMap,
        old_outputs: PropertyMap,
        news: PropertyMap,
    ) -> Diff:
        """Compare the state with new checked inputs; news has ignored changes already reset."""

    async def create(self, op: Operation, news: PropertyMap) -> Created:
        """Create, and wait until it is ready. In preview: what would be created, id empty when it cannot be known."""

    async def read(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> Read:
        """The live resource; inputs and outputs are the state's, empty for an import."""

    async def update(
        self,
        op: Operation,
        id: str,
        old_inputs: PropertyMap,
        old_outputs: PropertyMap,
        news: PropertyMap,
    ) -> PropertyMap:
        """Update in place, and wait until it is ready. In preview: the outputs as they would be."""

    async def delete(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> None:
        """Delete, and wait until it is gone. Gone already is fine."""

    async def recover(self, op: Operation, news: PropertyMap, since: str) -> Created | None:
        """After a create at `since` (RFC 3339) whose end nobody saw: the resource, if that create made it."""

    async def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Call a function."""

    async def close(self) -> None:
        """Let go of connections and processes."""


class OutcomeUnknownError(ProviderError):
    """The operation may or may not have happened: the answer was lost."""


def describe(failures: Sequence[tuple[str, str]]) -> str:
    """Failures of a check, one per line."""
    return "\n".join(f"{path}: {reason}" if path else reason for path, reason in failures)


Json = dict[str, Any]
