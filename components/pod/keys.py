"""The keys of a model's callers, on their way from a Secret to the engine: by a file or by a variable."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from blueprint.engines.process import KeyInput
from blueprint.settings.base import SecretKey
from blueprint.workload import Workload

_FOLDER = "/run/llm-inference/keys"
_FILE = "keys.yaml"
_LINES = "keys"
_VARIABLE_KEY = "key"


def keys_secret(workload: Workload) -> SecretKey:
    """Where the keys of a workload that has some are kept. Ours is named after its content, so it never changes.

    Raises ValueError when the workload has none.
    """
    if workload.keys is None:
        raise ValueError(f"models.{workload.name} has no keys")
    keys = workload.keys.value
    if keys.secret is not None:
        return keys.secret
    key = _file(_input(workload)) or _VARIABLE_KEY
    return SecretKey(name=f"{workload.object_name}-keys-{keys.digest or 'unknown'}", key=key)


def key_data(workload: Workload, values: Sequence[str]) -> Mapping[str, str]:
    """The content of our Secret: what the engine reads."""
    if _input(workload).config_flag:
        # A list of JSON is one of YAML, too, with every value a text.
        return {_FILE: f"api-key: {json.dumps(list(values))}\n"}
    if _input(workload).keys_variable:
        return {_LINES: "".join(f"{value}\n" for value in values)}
    (value,) = values
    return {_VARIABLE_KEY: value}


def key_arguments(workload: Workload) -> Sequence[str]:
    """Arguments that lead the engine to its keys; no key is among them."""
    flag = _input(workload).config_flag if workload.keys else None
    return [flag, f"{_FOLDER}/{_FILE}"] if flag else []


def key_variables(workload: Workload) -> Sequence[Any]:
    """The variable with the key, by reference, or the one that names the file with the keys."""
    keys = _input(workload) if workload.keys else None
    if keys is not None and keys.keys_variable:
        return [{"name": keys.keys_variable, "value": f"{_FOLDER}/{_LINES}"}]
    variable = keys.variable if keys else None
    if variable is None:
        return []
    secret = keys_secret(workload)
    return [{"name": variable, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}]


def key_place(workload: Workload) -> str:
    """Where a program in the engine's container finds a key: path of a file, or name of a variable; empty for none."""
    keys = _input(workload) if workload.keys else None
    if keys is None:
        return ""
    file = _file(keys)
    return f"{_FOLDER}/{file}" if file else keys.variable or ""


def key_mounts(workload: Workload) -> Sequence[Any]:
    """Where the engine finds the file."""
    file = _file(_input(workload)) if workload.keys else None
    return [{"name": "keys", "mountPath": _FOLDER, "readOnly": True}] if file else []


def key_volumes(workload: Workload) -> Sequence[Any]:
    """The file with the keys; the group of the engine's user reads it, nobody else."""
    file = _file(_input(workload)) if workload.keys else None
    if file is None:
        return []
    secret = keys_secret(workload)
    items = [{"key": secret.key, "path": file}]
    return [{"name": "keys", "secret": {"secretName": secret.name, "defaultMode": 0o440, "items": items}}]


def _file(keys: KeyInput) -> str | None:
    """Name of the file with the keys; None where a variable has the key."""
    if keys.config_flag:
        return _FILE
    return _LINES if keys.keys_variable else None


def _input(workload: Workload) -> KeyInput:
    if workload.engine.keys is None:
        raise ValueError(f"models.{workload.name}: {workload.engine.title} takes no keys")
    return workload.engine.keys
