"""What the kubelet does for a container: its files, variables and token, from the pod and the objects it names."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightkube import AsyncClient
from lightkube.models.authentication_v1 import BoundObjectReference, TokenRequestSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, PersistentVolumeClaim, Secret, ServiceAccountToken

from lab.cluster.settings import write_private

_SYSTEM = ("/usr", "/lib", "/lib64", "/dev", "/proc", "/sys")
"""What an image would bring along, and what the kernel gives to every container."""

_USER = 65534
Pod = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a container is on this machine.

    folder: of its own. claims: folder of what claims hold. network: file with addresses and names of the cluster.
    ports: of the container, by each the one of this machine.
    """

    folder: Path
    claims: Path
    network: Path
    ports: Mapping[int, int]


async def prepare(client: AsyncClient, pod: Pod, program: Path, place: Place) -> Path:
    """Write all that a container needs; the file that describes it.

    Raises ApiError while an object is missing, ValueError for what the lab does not know.
    """
    spec = pod["spec"]
    (container,) = spec["containers"]
    root = place.folder / "root"
    (root / "etc").mkdir(mode=0o700, parents=True, exist_ok=True)
    (root / "etc/resolv.conf").write_text("")
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or []}
    mounts: list[tuple[str, str, bool]] = []
    for mount in container.get("volumeMounts") or []:
        source = await _folder(client, pod, volumes[mount["name"]], place)
        (root / mount["mountPath"].lstrip("/")).mkdir(parents=True, exist_ok=True)
        mounts.append((str(source), mount["mountPath"], bool(mount.get("readOnly"))))
    inside = f"/bin/{program.name}"
    (root / "bin").mkdir(exist_ok=True)
    (root / inside.lstrip("/")).touch()
    mounts.append((str(program), inside, True))
    for path in map(Path, _SYSTEM):
        there = root / path.name
        if path.is_symlink() and not there.is_symlink():
            there.symlink_to(path.readlink())
        elif path.is_dir() and not path.is_symlink():
            there.mkdir(exist_ok=True)
            mounts.append((str(path), str(path), path.name in ("usr", "lib", "lib64")))
    security = {**(spec.get("securityContext") or {}), **(container.get("securityContext") or {})}
    about = {
        "root": str(root),
        "mounts": mounts,
        "program": inside,
        "command": [program.name, *(container.get("args") or [])],
        "environment": await _environment(client, pod, container),
        "user": security.get("runAsUser", _USER),
        "group": security.get("runAsGroup", security.get("runAsUser", _USER)),
        "ports": place.ports,
        "network": str(place.network),
        "namespace": pod["metadata"]["namespace"],
    }
    file = place.folder / "about.json"
    write_private(file, json.dumps(about, indent=1))
    return file


async def _environment(client: AsyncClient, pod: Pod, container: Mapping[str, Any]) -> dict[str, str]:
    namespace = pod["metadata"]["namespace"]
    # The certificate of the lab's API server is for this name, and not for its Service's address.
    found = {"KUBERNETES_SERVICE_HOST": "localhost", "KUBERNETES_SERVICE_PORT": "443", "HOME": "/"}
    for variable in container.get("env") or []:
        source = variable.get("valueFrom")
        if source is None:
            found[variable["name"]] = variable.get("value", "")
        elif "secretKeyRef" in source:
            reference = source["secretKeyRef"]
            data = _decoded(await client.get(Secret, reference["name"], namespace=namespace))
            found[variable["name"]] = data[reference["key"]].decode()
        else:
            raise ValueError(f"variable {variable['name']} of {', '.join(source)}")
    return found


async def _folder(client: AsyncClient, pod: Pod, volume: Mapping[str, Any], place: Place) -> Path:
    """The folder that a volume is on this machine, with its files."""
    namespace = pod["metadata"]["namespace"]
    if "persistentVolumeClaim" in volume:
        name = volume["persistentVolumeClaim"]["claimName"]
        claim = (await client.get(PersistentVolumeClaim, name, namespace=namespace)).to_dict()
        folder = place.claims / str(claim["metadata"]["uid"])
        files: Mapping[str, bytes] = {}
    else:
        folder = place.folder / "volumes" / str(volume["name"])
        files = await _files(client, pod, volume)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(content)
    return folder


async def _files(client: AsyncClient, pod: Pod, volume: Mapping[str, Any]) -> Mapping[str, bytes]:
    """The files of a volume, by path in it."""
    metadata = pod["metadata"]
    (kind,) = set(volume) - {"name"}
    source = volume[kind]
    if kind == "emptyDir":
        return {}
    if kind == "projected":
        found: dict[str, bytes] = {}
        for part in source["sources"]:
            found |= await _files(client, pod, part)
        return found
    if kind == "configMap":
        given = await client.get(ConfigMap, source["name"], namespace=metadata["namespace"])
        return _chosen(source, {key: text.encode() for key, text in (given.data or {}).items()})
    if kind == "secret":
        name = source.get("secretName") or source["name"]
        return _chosen(source, _decoded(await client.get(Secret, name, namespace=metadata["namespace"])))
    if kind == "serviceAccountToken":
        return {source["path"]: (await _token(client, pod, source)).encode()}
    if kind == "downwardAPI" and all("fieldRef" in item for item in source["items"]):
        return {item["path"]: field(pod, item["fieldRef"]["fieldPath"]).encode() for item in source["items"]}
    raise ValueError(f"a volume of kind {kind}")


async def _token(client: AsyncClient, pod: Pod, source: Mapping[str, Any]) -> str:
    metadata = pod["metadata"]
    asked = TokenRequestSpec(
        audiences=[source["audience"]] if "audience" in source else [],
        expirationSeconds=source.get("expirationSeconds"),
        boundObjectRef=BoundObjectReference(apiVersion="v1", kind="Pod", name=metadata["name"], uid=metadata["uid"]),
    )
    account = pod["spec"].get("serviceAccountName") or "default"
    given = await client.create(
        ServiceAccountToken(metadata=ObjectMeta(), spec=asked), account, namespace=metadata["namespace"]
    )
    return str(given.to_dict()["status"]["token"])


def _chosen(source: Mapping[str, Any], data: Mapping[str, bytes]) -> Mapping[str, bytes]:
    items = source.get("items")
    return data if items is None else {item["path"]: data[item["key"]] for item in items}


def _decoded(secret: Secret) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in (secret.to_dict().get("data") or {}).items()}


def field(pod: Pod, path: str) -> str:
    """What a pod has at a path, as a fieldRef names it."""
    found: Any = pod
    for part in path.split("."):
        found = found[part]
    return str(found)
