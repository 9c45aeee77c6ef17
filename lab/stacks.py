"""What the state files of either engine say exists, without changing or decrypting anything."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blueprint.description import LAB_ID
from blueprint.helm import RELEASE

_PROJECT = "llm-inference"
_MODEL = "llm-inference/model"
"""Label of what belongs to a model."""
_REPLICAS = (":Deployment", ":StatefulSet", ":LeaderWorkerSet")
_ENDPOINT, _ENDPOINT_READY = "hf:Endpoint", "hf:EndpointReady"


@dataclass(frozen=True)
class Resource:
    """A resource of a stack. kind: of a Kubernetes object, else empty. replicas: wanted, ready: as last seen.

    serves: whether its replicas are a model's.
    """

    name: str
    kind: str
    namespace: str
    protect: bool
    replicas: int
    ready: int
    serves: bool


@dataclass(frozen=True)
class Endpoint:
    """A model's endpoint as last seen. api: whose it is. state, url: empty before it was seen ready or paused."""

    model: str
    api: str
    state: str
    url: str


def read_resources(url: str, stack: str) -> list[Resource] | None:
    """What a stack has, empty for one that has no state yet; None when its state is not kept in files.

    Default providers, which engines add by themselves and do not count, are left out.
    """
    path = _path(url, stack)
    return None if path is None else [_resource(item) for item in _items(path) if not _is_default_provider(item)]


def read_endpoints(url: str, stack: str) -> list[Endpoint]:
    """The endpoints that a stack has, in order of name; none when its state is not kept in files."""
    path = _path(url, stack)
    found: dict[str, dict[str, str]] = {}
    for item in _items(path) if path else ():
        if not item["type"].endswith((_ENDPOINT, _ENDPOINT_READY)):
            continue
        seen = found.setdefault(_model(item), {"api": "", "state": "", "url": ""})
        seen["api"] = seen["api"] or _text(item.get("inputs"), "api")
        if item["type"].endswith(_ENDPOINT_READY):
            outputs = item.get("outputs")
            # `state` is what is wanted, `status` what was seen.
            seen |= {"state": _text(outputs, "status") or _text(outputs, "state"), "url": _text(outputs, "url")}
    return [Endpoint(model, **seen) for model, seen in sorted(found.items())]


def _is_default_provider(item: dict[str, Any]) -> bool:
    name = str(item["urn"]).rpartition("::")[2]
    return item["type"].startswith("pulumi:providers:") and re.fullmatch(r"default(_[0-9]\w*)?", name) is not None


def _path(url: str, stack: str) -> Path | None:
    if not url.startswith("file://"):
        return None
    return Path(url.removeprefix("file://")).expanduser() / ".pulumi" / "stacks" / _PROJECT / f"{stack}.json"


def _resource(item: dict[str, Any]) -> Resource:
    outputs, inputs = item.get("outputs", {}), item.get("inputs", {})
    if item["type"] == RELEASE and _delivers_a_model(inputs):
        return _release(item, inputs, outputs)
    metadata = inputs.get("metadata", {})
    is_object = item["type"].startswith("kubernetes:") and item["type"] != RELEASE and isinstance(metadata, dict)
    return Resource(
        name=metadata.get("name", "") if is_object else item["urn"].rpartition("::")[2],
        kind=item["type"].rpartition(":")[2] if is_object else "",
        namespace=metadata.get("namespace", "") if is_object else "",
        protect=bool(item.get("protect")),
        # Where a scaler decides, the stack says nothing, and what was last seen is what is wanted.
        replicas=_number(inputs.get("spec"), "replicas") or _number(outputs.get("spec"), "replicas"),
        ready=_number(outputs.get("status"), "readyReplicas"),
        serves=is_object and item["type"].endswith(_REPLICAS) and _MODEL in (metadata.get("labels") or {}),
    )


def _delivers_a_model(inputs: dict[str, Any]) -> bool:
    values = inputs.get("values")
    return isinstance(values, dict) and "decode" in values


def _release(item: dict[str, Any], inputs: dict[str, Any], outputs: dict[str, Any]) -> Resource:
    """A model that llm-d delivers. Helm calls a release deployed when all its replicas are ready."""
    values = inputs.get("values")
    replicas = _number(values.get("decode") if isinstance(values, dict) else None, "replicas")
    deployed = _text(outputs.get("status"), "status") == "deployed"
    return Resource(
        name=inputs["name"],
        kind="Release",
        namespace=inputs["namespace"],
        protect=bool(item.get("protect")),
        replicas=replicas,
        ready=replicas if deployed else 0,
        serves=True,
    )


def _model(item: dict[str, Any]) -> str:
    """The model of an endpoint's resource: the name of the component that it belongs to, which is the model's."""
    component = str(item.get("parent") or "")
    if component.rpartition("::")[0].rpartition("::")[2].rpartition("$")[2].startswith("llm:"):
        return component.rpartition("::")[2]
    return str(item["urn"]).rpartition("::")[2].removesuffix("-ready").removesuffix("-endpoint")


def _number(section: Any, key: str) -> int:
    return int(section.get(key, 0)) if isinstance(section, dict) else 0


def _text(section: Any, key: str) -> str:
    value = section.get(key) if isinstance(section, dict) else None
    return value if isinstance(value, str) else ""  # a secret is an object


def forget_lab(state: Path) -> list[str]:
    """Forget the stacks that were in a lab that is deleted; their history stays.

    Gives the names of those that are kept all the same, since they have something elsewhere too, which may cost money.
    """
    kept = []
    for path in sorted(state.glob(f".pulumi/stacks/{_PROJECT}/*.json")):
        places = set(_places(_items(path)))
        if LAB_ID not in places:
            continue
        if places == {LAB_ID}:
            path.unlink()
        else:
            kept.append(path.stem)
    return kept


def _places(items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Where resources live: the lab, or another cluster or API."""
    for item in items:
        inputs = item.get("inputs", {})
        if "clusterIdentifier" in inputs:
            yield str(inputs["clusterIdentifier"])
        elif item["type"].endswith((_ENDPOINT, _ENDPOINT_READY)) and (api := _text(inputs, "api")):
            yield LAB_ID if api == "lab" else f"endpoints of {api}"


def _items(path: Path) -> Iterator[dict[str, Any]]:
    try:
        whole = json.loads(path.read_text())
    except FileNotFoundError:
        return
    yield from (whole["checkpoint"].get("latest") or {}).get("resources") or []
