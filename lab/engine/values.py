"""Property values: plain data, values that are not known yet, and secrets; and their form on Pulumi's wire.

A property value is None, a bool, an int, a float, a str, a list, a dict with string keys, UNKNOWN, or a Secret around
one of these. Wire form: protobuf Struct with marked dictionaries (pulumi/runtime/rpc.py of the SDK has the marks).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  a mark, not a secret
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
REFUSED = {
    "c44067f5952c0a294b673a41bacd8c17": "assets",
    "0def7320c3a5731c473e5ecbe6d01bc7": "archives",
}
UNKNOWN_MARK = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

PropertyMap = dict[str, Any]


class Unknown:
    """A value that only the operation itself will tell. There is one: UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, _memo: object) -> "Unknown":
        return self


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that is never shown, and encrypted wherever it is kept."""

    value: Any

    def __repr__(self) -> str:
        return "Secret([secret])"


class UnsupportedError(Exception):
    """The program uses what this engine does not do; docs/engine.md has the list."""


def from_wire(struct: struct_pb2.Struct) -> PropertyMap:
    """The properties in a message.

    Raises UnsupportedError for assets and archives.
    """
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_MARK else value.string_value
        case "bool_value":
            return value.bool_value
        case "number_value":
            return whole(value.number_value)
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "struct_value":
            return _from_marked(from_wire(value.struct_value))
        case _:
            return None


def whole(number: float) -> float:
    """The wire and JSON know one kind of number; Python and Kubernetes know two."""
    return int(number) if number.is_integer() and abs(number) < 2**63 else number


def _from_marked(properties: PropertyMap) -> Any:
    mark = properties.get(SIGNATURE)
    if mark is None:
        return properties
    if mark == SECRET:
        return secret(properties.get("value"))
    if mark == OUTPUT:
        value = properties.get("value", UNKNOWN)
        return secret(value) if properties.get("secret") else value
    if mark == RESOURCE:
        # A reference to a resource stands for its id, or for its URN where it has none (a component).
        return properties.get("id") or properties["urn"]
    raise UnsupportedError(f"{REFUSED.get(mark, f'values marked {mark}')} in resource properties")


def secret(value: Any) -> Secret:
    """Mark a value as secret, once."""
    return value if isinstance(value, Secret) else Secret(value)


def to_wire(properties: PropertyMap, *, keep_secrets: bool = True) -> struct_pb2.Struct:
    """Properties as a message; without keep_secrets the receiver sees the bare values."""
    return struct_pb2.Struct(fields={key: _to_value(value, keep_secrets) for key, value in properties.items()})


def _to_value(value: Any, keep_secrets: bool) -> struct_pb2.Value:  # noqa: PLR0911  one per kind of value
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case Unknown():
            return struct_pb2.Value(string_value=UNKNOWN_MARK)
        case Secret():
            if not keep_secrets:
                return _to_value(value.value, keep_secrets)
            return struct_pb2.Value(struct_value=to_wire({SIGNATURE: SECRET, "value": value.value}))
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case list():
            items = [_to_value(item, keep_secrets) for item in value]
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
        case dict():
            return struct_pb2.Value(struct_value=to_wire(value, keep_secrets=keep_secrets))
        case _:
            raise TypeError(f"{type(value).__name__} is no property value")


def transform(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with change applied to every part of it, innermost first; Secrets stay around what they hold."""
    if isinstance(value, Secret):
        return change(Secret(transform(value.value, change)))
    if isinstance(value, dict):
        return change({key: transform(item, change) for key, item in value.items()})
    if isinstance(value, list):
        return change([transform(item, change) for item in value])
    return change(value)


def bare(value: Any) -> Any:
    """The value without its secret marks. For providers that cannot take them; never for a file or a screen."""
    return transform(value, lambda part: part.value if isinstance(part, Secret) else part)


def parts(value: Any) -> Iterator[Any]:
    """The value and everything in it."""
    yield value
    if isinstance(value, Secret):
        yield from parts(value.value)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from parts(item)


def has_unknowns(value: Any) -> bool:
    """Whether something in the value is not known yet."""
    return any(part is UNKNOWN for part in parts(value))


def has_secrets(value: Any) -> bool:
    """Whether something in the value is secret."""
    return any(isinstance(part, Secret) for part in parts(value))
