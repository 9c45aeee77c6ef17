"""What the program asks for: one registration, as plain data."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pulumi.runtime.proto import alias_pb2, resource_pb2

from lab.engine.values import PropertyMap, UnsupportedError, from_wire

UNSUPPORTED_OPTIONS = {
    "remote": "remote components",
    "transforms": "the transforms option",
    "replace_with": "the replace_with option",
    "replacement_trigger": "the replacement_trigger option",
    "hideDiffs": "the hide_diffs option",
    "pluginDownloadURL": "the plugin_download_url option",
    "packageRef": "parameterized packages",
    "envVarMappings": "the env_var_mappings option",
    "state_migrations": "the state_migrations option",
}
_HOOKS = ("before_create", "after_create", "before_update", "after_update", "before_delete", "after_delete", "on_error")
_TIMEOUTS = ("create", "update", "delete", "read")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


@dataclass(frozen=True)
class Alias:
    """A name that the resource may have in the state. urn, or else what differs from its present name."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass(frozen=True)
class Goal:
    """A resource as the program wants it. protect and retain_on_delete None: as the parent has it."""

    type: str
    name: str
    custom: bool
    inputs: PropertyMap = field(default_factory=dict)
    parent: str = ""
    provider: str = ""
    version: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] | None = None
    protect: bool | None = None
    retain_on_delete: bool | None = None
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    import_id: str = ""
    custom_timeouts: dict[str, float] | None = None  # seconds
    deleted_with: str = ""
    source_position: str = ""


def goal_of(request: resource_pb2.RegisterResourceRequest, project: Path) -> Goal:
    """The registration in a message.

    Raises UnsupportedError naming the option that this engine does not carry out.
    """
    _refuse_unsupported(request)
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        inputs=from_wire(request.object),
        parent=request.parent,
        provider=request.provider,
        version=request.version,
        dependencies=sorted(set(request.dependencies)),
        property_dependencies={
            key: sorted(set(found.urns)) for key, found in sorted(request.propertyDependencies.items())
        }
        or None,
        protect=request.protect if request.HasField("protect") else None,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        ignore_changes=list(request.ignoreChanges),
        replace_on_changes=list(request.replaceOnChanges),
        additional_secret_outputs=list(request.additionalSecretOutputs),
        aliases=[*(Alias(urn=urn) for urn in request.aliasURNs), *_aliases(request.aliases)],
        import_id=request.importId,
        custom_timeouts=_timeouts(request.customTimeouts),
        deleted_with=request.deletedWith,
        source_position=source_position(request.sourcePosition, project),
    )


def _refuse_unsupported(request: resource_pb2.RegisterResourceRequest) -> None:
    used = [name for field_, name in UNSUPPORTED_OPTIONS.items() if _is_set(request, field_)]
    if any(getattr(request.hooks, name) for name in _HOOKS):
        used.append("resource hooks")
    if used:
        raise UnsupportedError(f"{' and '.join(used)} (on {request.type} {request.name})")


def _is_set(request: resource_pb2.RegisterResourceRequest, field_: str) -> bool:
    value = getattr(request, field_)
    # A message field is always there, and false only in its parts.
    return request.HasField(field_) if hasattr(value, "ListFields") else bool(value)  # type: ignore[arg-type]


def _aliases(aliases: Iterable[alias_pb2.Alias]) -> list[Alias]:
    return [
        Alias(urn=alias.urn)
        if alias.urn
        else Alias(
            name=alias.spec.name,
            type=alias.spec.type,
            stack=alias.spec.stack,
            project=alias.spec.project,
            parent=alias.spec.parentUrn,
            no_parent=alias.spec.noParent,
        )
        for alias in aliases
    ]


def _timeouts(timeouts: Any) -> dict[str, float] | None:
    given = {name: seconds(getattr(timeouts, name)) for name in _TIMEOUTS if getattr(timeouts, name)}
    return given or None


def seconds(duration: str) -> float:
    """A duration as Go writes it: 45s, 10m, 1h30m."""
    total, number = 0.0, ""
    rest = duration.strip()
    while rest:
        if rest[0].isdigit() or rest[0] == ".":
            number, rest = number + rest[0], rest[1:]
            continue
        unit = next((unit for unit in ("ms", "h", "m", "s") if rest.startswith(unit)), None)
        if unit is None or not number:
            break
        total, number, rest = total + float(number) * _UNITS[unit], "", rest.removeprefix(unit)
    if rest or number:
        raise ValueError(f"custom timeout {duration!r} is no duration such as 45s, 10m or 1h30m")
    return total


def source_position(position: Any, project: Path) -> str:
    """Where the program registered the resource, as project:///file#line; empty outside the project.

    Elsewhere it would name a path of this machine, and the state is shared.
    """
    if not position.uri:
        return ""
    path = Path(unquote(urlsplit(position.uri).path))
    inside = path.is_relative_to(project) and ".venv" not in path.relative_to(project).parts
    return f"project:///{path.relative_to(project).as_posix()}#{position.line}" if inside else ""
