"""What the engine tells while it works; the display shows it, the JSON output lists it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lab.engine.provider import PropertyDiff
from lab.engine.resources import ResourceState


class Op(StrEnum):
    """What a step does; the values are Pulumi's."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"  # names a replacement as a whole; nothing is done by it
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    DISCARD = "discard"  # forget an external resource
    DISCARD_REPLACED = "discard-replaced"
    REMOVE_PENDING_REPLACE = "remove-pending-replace"
    REFRESH = "refresh"
    IMPORT = "import"
    IMPORT_REPLACEMENT = "import-replacement"


@dataclass(frozen=True)
class Step:
    """One step of a plan. old: None for a create. new: None for a delete."""

    op: Op
    urn: str
    old: ResourceState | None
    new: ResourceState | None
    detailed: Mapping[str, PropertyDiff] = field(default_factory=dict)
    changed: Sequence[str] = ()
    replaces: Sequence[str] = ()  # the properties that force a replacement
    reason: str = ""  # why, where no property says it; for people
    refreshed: Op | None = None  # for a refresh, as known at its end: same, update or delete


@dataclass(frozen=True)
class Started:
    """A step begins (in a preview: would)."""

    step: Step


@dataclass(frozen=True)
class Finished:
    """A step has ended well. seconds: how long it took. new state of the resource in step.new."""

    step: Step
    seconds: float


@dataclass(frozen=True)
class Failed:
    """A step has failed; a Diagnostic says why."""

    step: Step
    seconds: float


@dataclass(frozen=True)
class Status:
    """Where a running step stands; the next Status of the resource takes its place."""

    urn: str
    text: str


class Severity(StrEnum):
    """As in Pulumi's Engine interface."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Diagnostic:
    """A message for people. urn empty: about the stack. ephemeral: progress of no lasting interest."""

    severity: Severity
    text: str
    urn: str = ""
    ephemeral: bool = False


@dataclass(frozen=True)
class ComponentOutputs:
    """A component (or the stack itself) has said what it offers. old: before this run."""

    urn: str
    old: Mapping[str, object] | None
    outputs: Mapping[str, object]


@dataclass(frozen=True)
class PolicyPack:
    """A policy pack takes part."""

    name: str
    version: str
    path: str


@dataclass(frozen=True)
class Violation:
    """A policy is violated. level: advisory | mandatory."""

    urn: str
    pack: str
    policy: str
    level: str
    text: str


@dataclass(frozen=True)
class Summary:
    """The end. changes: number of resources by Op value; a replacement counts once as replace."""

    kind: str  # preview | update | refresh | destroy
    changes: Mapping[str, int]
    seconds: float
    result: str  # succeeded | failed | interrupted


Event = Started | Finished | Failed | Status | Diagnostic | ComponentOutputs | PolicyPack | Violation | Summary
