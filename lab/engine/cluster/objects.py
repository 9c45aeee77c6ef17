"""Objects between the program's inputs, the API server and the state."""

import json
from collections.abc import Sequence
from typing import Any

from lab.engine.cluster.api import Object
from lab.engine.cluster.diff import AUTONAMED
from lab.engine.cluster.forms import dashed, normalized, underscored
from lab.engine.values import PropertyMap, Secret, bare, secret

INPUTS = "__inputs"
INITIAL_VERSION = "__initialApiVersion"
FIELD_MANAGER = "__fieldManager"
_OWN = (INPUTS, INITIAL_VERSION, FIELD_MANAGER)
_SERVERS = (
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
    "deletionTimestamp",
    "selfLink",
)
_SERVERS_ANNOTATIONS = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")
_SUFFIX = "abcdefghijklmnopqrstuvwxyz0123456789"


def with_name(obj: Object, name: str, seed: bytes, olds: Object) -> Object:
    """The inputs with a name: their own, the one that was made up before, or a new one that starts with `name`."""
    metadata = dict(obj.get("metadata") or {})
    if metadata.get("name") or metadata.get("generateName"):
        return obj
    old = olds.get("metadata") or {}
    if (old.get("annotations") or {}).get(AUTONAMED) == "true":
        metadata["name"] = old["name"]
    else:
        metadata["name"] = f"{name}-{''.join(_SUFFIX[byte % len(_SUFFIX)] for byte in seed[:8])}"
    metadata["annotations"] = {**(metadata.get("annotations") or {}), AUTONAMED: "true"}
    return {**obj, "metadata": metadata}


def identity(obj: Object) -> str:
    """The object's id: namespace/name, or name."""
    metadata = obj["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def outputs_of(live: Object, inputs: PropertyMap, manager: str, initial_version: str = "") -> PropertyMap:
    """The live object as the state keeps it, with what the provider itself must remember."""
    return {
        FIELD_MANAGER: manager,
        INITIAL_VERSION: initial_version or live["apiVersion"],
        INPUTS: underscored(inputs),
        **underscored(like_secrets(live, inputs)),
    }


def like_secrets(value: Any, pattern: Any) -> Any:
    """The value with everything secret that is secret in the pattern."""
    if isinstance(pattern, Secret):
        return secret(value)
    if isinstance(value, dict) and isinstance(pattern, dict):
        return {key: like_secrets(item, pattern.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(pattern, list):
        return [
            like_secrets(item, pattern[index] if index < len(pattern) else None) for index, item in enumerate(value)
        ]
    return value


def live_of(outputs: PropertyMap) -> Object:
    """The object as it was last seen."""
    found: Object = dashed(bare({key: value for key, value in outputs.items() if key not in _OWN}))
    return found


def as_seen(live: Any, inputs: Any) -> Any:
    """The live value in the shape of inputs: what others added is left out, what they changed or removed shows."""
    if isinstance(inputs, Secret):
        return Secret(as_seen(live, inputs.value))
    if isinstance(live, dict) and isinstance(inputs, dict):
        return {
            key: as_seen(live[key], item) if key in live else item
            for key, item in inputs.items()
            # The server leaves empty values out; that is no change.
            if key in live or item in (None, {}, [], "", False, 0)
        }
    if isinstance(live, list) and isinstance(inputs, list):
        known = [as_seen(one, other) for one, other in zip(live, inputs, strict=False)]
        return known + live[len(inputs) :]
    return live


def refreshed_inputs(live: Object, inputs: PropertyMap) -> PropertyMap:
    """The inputs as they would have to be for the live object."""
    found: PropertyMap = as_seen(live, normalized(inputs))
    return found


def imported_inputs(live: Object) -> PropertyMap:
    """Inputs for an object that comes from elsewhere: all of it but what the server fills in."""
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SERVERS}
    annotations = {
        key: value for key, value in metadata.get("annotations", {}).items() if key not in _SERVERS_ANNOTATIONS
    }
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def adopted_fields(live: Object, manager: str, former: str) -> list[dict[str, Any]] | None:
    """The JSON patch that hands over to `manager` what `former` created; None when there is nothing to hand over.

    Without it a field that is later left out of an apply would stay: its creator would still own it.
    """
    entries = live["metadata"].get("managedFields", [])
    theirs = [item for item in entries if _created_by(item, former)]
    if not theirs:
        return None
    mine = [item for item in entries if item["manager"] == manager and item["operation"] == "Apply"]
    merged: dict[str, Any] = {}
    for item in (*theirs, *mine):
        merged = _merged(merged, item["fieldsV1"])
    whole = {**(mine or theirs)[0], "manager": manager, "operation": "Apply", "fieldsV1": merged}
    others = [item for item in entries if item not in theirs and item not in mine]
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [whole, *others]},
        # Nobody must have changed it in between.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]


def _created_by(entry: dict[str, Any], manager: str) -> bool:
    return bool(entry["manager"] == manager and entry["operation"] == "Update" and not entry.get("subresource"))


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {**one, **{key: _merged(one.get(key, {}), item) for key, item in other.items()}}


def owners(live: Object, path: Sequence[str | int]) -> set[tuple[str, str]]:
    """Who manages the field at a path without list items: (manager, operation) pairs."""
    found = set()
    for entry in live["metadata"].get("managedFields", []):
        fields: Any = entry.get("fieldsV1", {})
        for key in path:
            fields = fields.get(f"f:{key}") if isinstance(fields, dict) else None
        if fields is not None:
            found.add((entry["manager"], entry["operation"]))
    return found


def shown(obj: Object) -> str:
    """An object in words."""
    return f"{obj.get('kind')} {json.dumps(identity(obj))}"
