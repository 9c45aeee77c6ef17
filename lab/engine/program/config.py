"""Pulumi.yaml and Pulumi.STACK.yaml: what the program gets as configuration, and edits of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from blueprint import text
from lab.engine.monitor import StackConfig
from lab.engine.store.backend import replace_file
from lab.engine.store.crypto import Crypter, passphrase_of
from lab.errors import LabError

_PROJECT_KEYS = {"name", "description", "runtime", "config", "author", "license", "website"}
_STACK_KEYS = {"config", "encryptionsalt"}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@dataclass(frozen=True)
class Project:
    """Pulumi.yaml. declared: the configuration it declares, by full key."""

    root: Path
    name: str
    declared: Mapping[str, Mapping[str, Any]]


def read_project(root: Path) -> Project:
    """Read Pulumi.yaml. Raises LabError for what is not there or not supported."""
    path = root / "Pulumi.yaml"
    found = _load(path)
    unknown = sorted(found.keys() - _PROJECT_KEYS)
    runtime = found.get("runtime")
    language = runtime.get("name") if isinstance(runtime, dict) else runtime
    if unknown or language != "python":
        what = ", ".join(unknown) or f"the runtime {language}"
        raise LabError(f"{path}: the lab's engine does not support {what}. Use the Pulumi CLI.")
    declared = found.get("config") or {}
    return Project(root, found["name"], {_full(found["name"], key): value for key, value in declared.items()})


def _full(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


@dataclass(frozen=True)
class StackFile:
    """Pulumi.STACK.yaml, or another file that stands for it."""

    path: Path
    project: Project

    def salt(self) -> str | None:
        """The salt for this stack's secrets. Raises LabError for other kinds of encryption."""
        found = _load(self.path) if self.path.exists() else {}
        unknown = sorted(found.keys() - _STACK_KEYS)
        if unknown:
            raise LabError(f"{self.path}: the lab's engine does not support {', '.join(unknown)}. Use the Pulumi CLI.")
        salt = found.get("encryptionsalt")
        return None if salt is None else str(salt)

    def crypter(self) -> Crypter:
        """What the stack's secrets are encrypted with. A stack without a salt gets one at its first secret."""
        salt, passphrase = self.salt(), passphrase_of()
        return Crypter.of(salt, passphrase) if salt else Crypter.new(passphrase)

    def values(self) -> dict[str, Any]:
        """The values of the file by full key, encrypted ones as {secure: ...}."""
        if not self.path.exists():
            raise LabError(f"There is no {self.path.name}. Stacks here: {', '.join(self._others()) or 'none'}.")
        self.salt()
        given = _load(self.path).get("config") or {}
        return {_full(self.project.name, key): value for key, value in given.items()}

    def config(self) -> StackConfig:
        """What the program gets, the project's defaults included. Raises LabError with all mistakes."""
        values, crypter = self.values(), self.crypter()
        mistakes, plain, secret_keys = [], {}, []
        for key, declared in self.project.declared.items():
            default = declared.get("value", declared.get("default"))
            if key not in values and default is not None:
                values[key] = default
            elif key not in values:
                mistakes.append(f"{key} is missing: {declared.get('description', 'it is required')}")
        for key in sorted(values):
            secret = _has_secure(values[key])
            value = _decrypted(values[key], crypter)
            declared = self.project.declared.get(key, {})
            wanted = declared.get("type")
            if wanted in _TYPES and not _is_of(value, wanted):
                shown = "a secret" if secret else json.dumps(value)
                mistakes.append(f"{key} must be of type {wanted}, not {shown}")
            if secret:
                secret_keys.append(key)
            plain[key] = value if isinstance(value, str) else _compact(value)
        if mistakes:
            raise LabError(f"{self.path.name}:\n  " + "\n  ".join(mistakes))
        return StackConfig(plain, secret_keys)

    def set(self, key: str, value: str, *, secret: bool) -> None:
        """Write one value; everything else in the file stays as it is, comments too."""
        full = _full(self.project.name, key)
        salted = self.salt()
        crypter = self.crypter()
        shown: Any = {"secure": crypter.encrypt(value)} if secret else value
        content = self.path.read_text() if self.path.exists() else "config:\n"
        content = _with_entry(content, full, shown)
        if secret and salted is None:
            content = f"{content.rstrip()}\nencryptionsalt: {crypter.state}\n"
        replace_file(self.path, content)

    def _others(self) -> list[str]:
        return sorted(path.name.split(".")[1] for path in self.path.parent.glob("Pulumi.*.yaml"))


def _load(path: Path) -> dict[str, Any]:
    try:
        found = text.load(path.read_text()) or {}
    except (OSError, text.TextError) as error:
        raise LabError(f"{path}: {error}") from None
    if not isinstance(found, dict):
        raise LabError(f"{path} holds no settings.")
    return found


def _is_of(value: Any, wanted: str) -> bool:
    if wanted == "integer" and isinstance(value, str):
        return value.lstrip("-").isdigit()
    if wanted == "boolean" and isinstance(value, str):
        return value in ("true", "false")
    if wanted == "integer" and isinstance(value, bool):
        return False
    return isinstance(value, _TYPES[wanted])


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _is_secure(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"secure"}


def _has_secure(value: Any) -> bool:
    if _is_secure(value):
        return True
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_has_secure(item) for item in items)


def _decrypted(value: Any, crypter: Crypter) -> Any:
    if _is_secure(value):
        return crypter.decrypt(value["secure"])
    if isinstance(value, dict):
        return {key: _decrypted(item, crypter) for key, item in value.items()}
    if isinstance(value, list):
        return [_decrypted(item, crypter) for item in value]
    return value


def _with_entry(content: str, key: str, value: Any) -> str:
    """The file with one entry of `config` replaced or added, by line, so that comments keep their place."""
    entry = "".join(f"  {line}\n" for line in yaml.safe_dump({key: value}, width=10_000).splitlines())
    lines = content.splitlines(keepends=True)
    root = yaml.compose(content)
    nodes = {} if root is None else {name.value: (name, item) for name, item in root.value}
    if "config" not in nodes:
        return f"{content.rstrip()}\nconfig:\n{entry}".lstrip()
    name, section = nodes["config"]
    for entry_name, entry_value in section.value if isinstance(section, yaml.MappingNode) else ():
        if entry_name.value == key:
            first, last = entry_name.start_mark.line, entry_value.end_mark
            # A block's end is the start of what follows it.
            after = last.line if last.column == 0 or last.line > entry_value.start_mark.line else last.line + 1
            while after > first + 1 and not lines[after - 1].strip():
                after -= 1
            return "".join([*lines[:first], entry, *lines[after:]])
    return "".join([*lines[: name.start_mark.line + 1], entry, *lines[name.start_mark.line + 1 :]])
