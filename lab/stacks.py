"""What the state files of either engine say exists, without changing or decrypting anything."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blueprint.description import LAB_ID

_PROJECT = "llm-inference"


@dataclass(frozen=True)
class Resource:
    """A resource of a stack. kind: of a Kubernetes object, else empty. replicas: wanted, ready: as last seen."""

    name: str
    kind: str
    namespace: str
    protect: bool
    replicas: int
    ready: int


def read_resources(url: str, stack: str) -> list[Resource] | None:
    """What a stack has, empty for one that has no state yet; None when its state is not kept in files."""
    if not url.startswith("file://"):
        return None
    path = Path(url.removeprefix("file://")).expanduser() / ".pulumi" / "stacks" / _PROJECT / f"{stack}.json"
    return [_resource(item) for item in _items(path)]


def _resource(item: dict[str, Any]) -> Resource:
    outputs, inputs = item.get("outputs", {}), item.get("inputs", {})
    metadata = inputs.get("metadata", {})
    is_object = item["type"].startswith("kubernetes:") and isinstance(metadata, dict)
    return Resource(
        name=metadata.get("name", "") if is_object else item["urn"].rpartition("::")[2],
        kind=item["type"].rpartition(":")[2] if is_object else "",
        namespace=metadata.get("namespace", "") if is_object else "",
        protect=bool(item.get("protect")),
        replicas=_number(inputs.get("spec"), "replicas"),
        ready=_number(outputs.get("status"), "readyReplicas"),
    )


def _number(section: Any, key: str) -> int:
    return int(section.get(key, 0)) if isinstance(section, dict) else 0


def forget_lab(state: Path) -> None:
    """Forget the stacks whose objects were in a lab that is deleted; their history stays."""
    for path in state.glob(f".pulumi/stacks/{_PROJECT}/*.json"):
        if any(item.get("inputs", {}).get("clusterIdentifier") == LAB_ID for item in _items(path)):
            path.unlink()


def _items(path: Path) -> Iterator[dict[str, Any]]:
    try:
        whole = json.loads(path.read_text())
    except FileNotFoundError:
        return
    yield from (whole["checkpoint"].get("latest") or {}).get("resources") or []
