"""Which process of this machine is behind an address of the cluster, for those who speak to pods and Services."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

Object = Mapping[str, Any]

API_SERVER = "127.0.0.1:443"
"""Where a container finds the API server."""

_OWNER = "kubernetes.io/service-name"


def network(
    services: Iterable[Object],
    slices: Iterable[Object],
    pods: Iterable[tuple[Object, Mapping[int, int]]],
    *,
    api_server: int,
) -> Any:
    """Names and addresses of Services, and by each address with its port the ports of this machine that it leads to.

    pods: each with the ports of its containers, by each the one of this machine. api_server: its port.

    A Service of type ExternalName that leads to localhost is this machine itself: it gets an address of its own.
    """
    routes: dict[str, list[int]] = {API_SERVER: [api_server]}
    for pod, ports in pods:
        if address := (pod.get("status") or {}).get("podIP"):
            routes |= {f"{address}:{inner}": [outer] for inner, outer in ports.items()}
    behind: dict[tuple[str, str], list[Object]] = {}
    for piece in slices:
        metadata = piece["metadata"]
        behind.setdefault((metadata["namespace"], (metadata.get("labels") or {}).get(_OWNER, "")), []).append(piece)
    named = []
    for service in services:
        metadata, spec = service["metadata"], service["spec"]
        here = spec.get("externalName") == "localhost"
        address = _address_of_its_own(metadata["uid"]) if here else spec.get("clusterIP")
        if not address or address == "None":
            continue
        named.append([metadata["name"], metadata["namespace"], address])
        for port in spec.get("ports") or []:
            if here:
                routes[f"{address}:{port['port']}"] = [port["port"]]
                continue
            found = [
                outer
                for piece in behind.get((metadata["namespace"], metadata["name"]), [])
                for target in _targets(piece, port.get("name"))
                for outer in routes.get(target, [])
            ]
            if found:
                routes[f"{address}:{port['port']}"] = sorted(found)
    return {"services": sorted(named), "routes": dict(sorted(routes.items()))}


def _targets(piece: Object, name: str | None) -> Iterable[str]:
    """The ready addresses of a slice, with the port that it has under a name."""
    for port in piece.get("ports") or []:
        if (port.get("name") or "") != (name or ""):
            continue
        for endpoint in piece.get("endpoints") or []:
            if (endpoint.get("conditions") or {}).get("ready", True):
                yield from (f"{address}:{port['port']}" for address in endpoint["addresses"])


def _address_of_its_own(uid: str) -> str:
    """One that no pod and no Service of the lab has."""
    first, second, *_ = hashlib.sha256(uid.encode()).digest()
    return f"10.255.{first}.{second}"
