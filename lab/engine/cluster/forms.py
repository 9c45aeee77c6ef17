"""Inputs and outputs in the forms that pulumi-kubernetes 4.34 keeps in the state (pkg/provider/provider.go)."""

import base64
from collections.abc import Callable
from typing import Any

from lab.engine.values import PropertyMap, Secret, has_unknowns

# Keys of schemas that its SDKs cannot spell.
_UNDERSCORED = {
    f"x-kubernetes-{name}": f"x_kubernetes_{name.replace('-', '_')}"
    for name in (
        "embedded-resource",
        "int-or-string",
        "list-map-keys",
        "list-type",
        "map-type",
        "preserve-unknown-fields",
        "validations",
    )
}
_DASHED = {value: key for key, value in _UNDERSCORED.items()}


def normalized(inputs: PropertyMap) -> PropertyMap:
    """Inputs without what means nothing, and a Secret's clear text encoded as the API server will.

    Nothing is done to what is not known as a whole yet, nor to kinds that a definition brought.
    """
    found: PropertyMap = without_nulls(dashed(inputs))
    if has_unknowns(found) or not _is_builtin(found):
        return found
    found = _without_empty_lists(found)
    if found.get("kind") == "Secret" and "stringData" in found:
        found = _encoded(found)
    return found


def without_nulls(value: Any) -> Any:
    """The value without null entries, which mean the same as absent ones."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return _inside(value, without_nulls)


def dashed(value: Any) -> Any:
    """The value with keys as the API server has them."""
    return _with_keys(value, _DASHED)


def underscored(value: Any) -> Any:
    """The value with keys as the state has them in outputs."""
    return _with_keys(value, _UNDERSCORED)


def _without_empty_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empty_lists(item) for key, item in value.items() if item != []}
    return _inside(value, _without_empty_lists)


def _with_keys(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _with_keys(item, names) for key, item in value.items()}
    return _inside(value, lambda item: _with_keys(item, names))


def _inside(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, Secret):
        return Secret(change(value.value))
    if isinstance(value, list):
        return [change(item) for item in value]
    return value


def _is_builtin(obj: PropertyMap) -> bool:
    group, separator, _ = str(obj.get("apiVersion", "")).partition("/")
    return not separator or "." not in group or group.endswith(".k8s.io")


def _encoded(obj: PropertyMap) -> PropertyMap:
    """A Secret with its stringData in its data, of which it overwrites the same keys."""
    rest = {key: value for key, value in obj.items() if key != "stringData"}
    data, given = obj.get("data", {}), obj["stringData"]
    hidden = isinstance(given, Secret) or isinstance(data, Secret)
    merged = {**_bare(data), **{key: _encode(value) for key, value in _bare(given).items()}}
    return {**rest, "data": Secret(merged) if hidden else merged}


def _bare(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = value.value if isinstance(value, Secret) else value
    return found


def _encode(value: Any) -> Any:
    if isinstance(value, Secret):
        return Secret(_encode(value.value))
    return base64.b64encode(str(value).encode()).decode()
