"""What the engine knows of a resource, and of all resources of a stack. Times are RFC 3339 strings in UTC."""

from dataclasses import dataclass, field, replace
from typing import Any

from lab.engine.values import PropertyMap

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


def make_urn(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """The resource's name in the state: its own type and name, and the types of its parents."""
    parent_types = "" if not parent else f"{qualified_type(parent)}$"
    if parent_types == f"{STACK_TYPE}$":
        parent_types = ""
    return f"urn:pulumi:{stack}::{project}::{parent_types}{type_}::{name}"


def qualified_type(urn: str) -> str:
    """The types of the parents and the resource's own, joined by $."""
    return urn.split("::", 3)[2]


def urn_type(urn: str) -> str:
    """The resource's own type."""
    return qualified_type(urn).rsplit("$", 1)[-1]


def urn_name(urn: str) -> str:
    """The name that the program gave."""
    return urn.split("::", 3)[3]


@dataclass
class ResourceState:
    """A resource as the checkpoint records it. Fields are the checkpoint's, in Python's spelling."""

    urn: str
    type: str
    custom: bool
    id: str = ""
    delete: bool = False  # replaced already, its deletion is still to come
    inputs: PropertyMap = field(default_factory=dict)
    outputs: PropertyMap = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False  # read, not owned: never updated or deleted
    dependencies: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list)  # exists, but did not become ready
    provider: str = ""  # URN::id of the provider resource
    property_dependencies: dict[str, list[str]] | None = None
    pending_replacement: bool = False  # deleted before its replacement, which is still to come
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] | None = None  # seconds, by create / update / delete
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    created: str | None = None
    modified: str | None = None
    source_position: str = ""
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)  # fields of the CLI's that this engine keeps and does not read

    def copy(self, **changes: Any) -> "ResourceState":
        """A shallow copy with changes."""
        return replace(self, **changes)

    @property
    def is_provider(self) -> bool:
        """Whether it configures a provider instead of being managed by one."""
        return self.type.startswith(PROVIDER_PREFIX)


@dataclass(frozen=True)
class PendingOperation:
    """An operation that was started and whose end nobody has seen."""

    resource: ResourceState
    type: str  # creating | updating | deleting | reading | importing


@dataclass
class Snapshot:
    """All resources of a stack, each after what it depends on."""

    resources: list[ResourceState] = field(default_factory=list)
    pending: list[PendingOperation] = field(default_factory=list)
    manifest: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
