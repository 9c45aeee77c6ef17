"""How strictly each policy of a pack is applied, and with which settings: the pack's words, then the person's file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
from pulumi.runtime.proto import analyzer_pb2

from lab.engine.values import from_wire, to_wire
from lab.errors import LabError

LEVELS = {
    "advisory": analyzer_pb2.ADVISORY,
    "mandatory": analyzer_pb2.MANDATORY,
    "disabled": analyzer_pb2.DISABLED,
    "remediate": analyzer_pb2.REMEDIATE,
}
LEVEL_NAMES = {number: name for name, number in LEVELS.items()}
_LEVEL_KEY = "enforcementLevel"
_ALL = "all"  # stands for every policy of the pack, for the level alone


@dataclass(frozen=True)
class PolicyConfig:
    """level: advisory | mandatory | disabled | remediate; empty where nobody says."""

    level: str = ""
    settings: Mapping[str, Any] | None = None

    def message(self) -> analyzer_pb2.PolicyConfig:
        """As the policy host takes it."""
        properties = to_wire(dict(self.settings or {}))
        return analyzer_pb2.PolicyConfig(enforcementLevel=LEVELS[self.level], properties=properties)


PackConfig = dict[str, PolicyConfig]


def read_config(file: Path) -> PackConfig:
    """The file of --policy-pack-config: by policy, a level or an object of settings.

    Raises LabError for what it cannot mean.
    """
    try:
        text = file.read_text()
        given = json.loads(text) if text.strip() else {}
    except (OSError, ValueError) as error:
        raise LabError(f"{file}: {error}") from None
    if not isinstance(given, dict):
        raise LabError(f"{file}: an object is wanted, with policies' names as keys.")
    if "environments" in given:
        raise LabError(f"{file}: environments: the lab's engine has none. Use the Pulumi CLI.")
    return {name: _read(file, name, value) for name, value in given.items()}


def _read(file: Path, name: str, value: Any) -> PolicyConfig:
    if not isinstance(value, str | dict):
        raise LabError(f"{file}: {name}: a level ({', '.join(LEVELS)}) or an object is wanted, not {value!r}.")
    settings = {_LEVEL_KEY: value} if isinstance(value, str) else dict(value)
    level = settings.pop(_LEVEL_KEY, "")
    if level not in LEVELS and _LEVEL_KEY in (value if isinstance(value, dict) else [_LEVEL_KEY]):
        raise LabError(f"{file}: {name}: {level!r} is no level. Use one of {', '.join(LEVELS)}.")
    return PolicyConfig(level, settings or None)


def reconcile(info: analyzer_pb2.AnalyzerInfo, given: PackConfig) -> PackConfig:
    """The configuration of all policies: defaults of the pack, its initial configuration, then what is given.

    Raises LabError with all mistakes.
    """
    config = {policy.name: _default(policy) for policy in info.policies}
    initial = {
        name: PolicyConfig(LEVEL_NAMES[each.enforcementLevel], from_wire(each.properties))
        for name, each in info.initialConfig.items()
    }
    for layer in (initial, given):
        config = _apply(config, layer)
    mistakes = [f"{name}: no policy has this name" for name, each in config.items() if not each.level]
    for policy in info.policies:
        schema = {"type": "object", **_schema(policy)}
        mistakes += [
            f"{policy.name}: {_place(error)}{error.message}"
            for error in jsonschema.Draft7Validator(schema).iter_errors(config[policy.name].settings or {})
        ]
    if mistakes:
        raise LabError(
            f"The configuration of the policy pack {info.name} is wrong:\n  " + "\n  ".join(sorted(mistakes))
        )
    return config


def _default(policy: analyzer_pb2.PolicyInfo) -> PolicyConfig:
    properties = _schema(policy)["properties"]
    settings = {name: each["default"] for name, each in properties.items() if "default" in each}
    return PolicyConfig(LEVEL_NAMES[policy.enforcementLevel], settings or None)


def _apply(config: PackConfig, layer: PackConfig) -> PackConfig:
    level = layer[_ALL].level if _ALL in layer else ""
    result = {name: replace(each, level=level or each.level) for name, each in config.items()}
    for name, each in layer.items():
        if not each.level and not each.settings:
            continue
        before = result.get(name, PolicyConfig())
        result[name] = PolicyConfig(each.level or before.level, {**(before.settings or {}), **(each.settings or {})})
    return result


def _schema(policy: analyzer_pb2.PolicyInfo) -> dict[str, Any]:
    schema = policy.configSchema
    return {"properties": from_wire(schema.properties), "required": list(schema.required)}


def _place(error: jsonschema.ValidationError) -> str:
    path = ".".join(map(str, error.absolute_path))
    return f"{path}: " if path else ""
