"""Kubernetes objects as files: named, ordered, compared with what a folder held before."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

HEADER = "# Rendered by `llm render`; do not edit.\n"

_ORDER = {
    "Namespace": 0,
    "ResourceQuota": 1,
    "NetworkPolicy": 1,
    "ServiceAccount": 1,
    "Deployment": 3,
    "StatefulSet": 3,
    "LeaderWorkerSet": 3,
    "PodMonitor": 3,
    "PrometheusRule": 3,
}
"""`kubectl apply -f DIR` goes by file name: the namespace first, what pods need before the pods, a Job among these."""

_OTHERS = 2


def file_name(manifest: Mapping[str, Any]) -> str:
    """Name of an object's file: its turn, kind and name."""
    kind = manifest["kind"]
    return f"{_ORDER.get(kind, _OTHERS)}-{kind.lower()}-{manifest['metadata']['name']}.yaml"


def to_yaml(manifest: Mapping[str, Any]) -> str:
    """One object's file: always the same bytes for the same object."""
    return HEADER + yaml.dump(manifest, Dumper=_Dumper, sort_keys=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Quotes what kubectl's reader takes for a truth value or a number and Python's does not: y, 1e3, 0o7."""


_AMBIGUOUS = re.compile(r"(?!--)[-+.0-9]|[yYnN]$")

_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="'" if _AMBIGUOUS.match(text) else None
    ),
)


def read_folder(folder: Path) -> dict[str, Any]:
    """Objects that an earlier rendering left in a folder, by file name. Files of others are left alone."""
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    return {path.name: yaml.safe_load(text) for path in files if (text := path.read_text()).startswith(HEADER)}


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """What changed, one line each: the field's path, the old value, the new one."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from differences(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_differences(before, after, path)
    elif before != after:
        yield f"{path}: {_shown(before)} -> {_shown(after)}"


def _list_differences(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[str]:
    old, new = ({_identity(item, i): item for i, item in enumerate(items)} for items in (before, after))
    for key in [*old, *(key for key in new if key not in old)]:
        where = f"{path}[{key}]" if not str(key).startswith("--") else path
        yield from differences(old.get(key), new.get(key), where)


def _identity(item: Any, index: int) -> str:
    """What makes a list's item the same item: its name, or the flag of an argument."""
    if isinstance(item, Mapping) and "name" in item:
        return str(item["name"])
    if isinstance(item, str) and item.startswith("--") and "=" in item:
        return item.split("=", 1)[0]
    return str(index)


def _shown(value: Any) -> str:
    if value is None:
        return "(absent)"
    if isinstance(value, str):
        return value
    # PyYAML ends a bare scalar with the mark of a document's end.
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()
