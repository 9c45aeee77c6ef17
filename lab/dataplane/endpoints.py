"""Which engines are behind a Service now, as kube-proxy decides it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lab.dataplane.pods import PART_OF, PROJECT
from lab.dataplane.routes import ServiceName

Object = Mapping[str, Any]

_OWNER = "kubernetes.io/service-name"


def endpoints(
    services: Iterable[Object], slices: Iterable[Object], port_of: Callable[[str], int | None]
) -> dict[ServiceName, list[int]]:
    """Ports of the engines behind each Service that leads to models.

    port_of: port of the engine of a pod, by uid; None while it does not answer.
    """
    found: dict[ServiceName, list[Object]] = {
        ServiceName(service["metadata"]["namespace"], service["metadata"]["name"]): []
        for service in services
        if _leads_to_models(service)
    }
    for piece in slices:
        metadata = piece["metadata"]
        owner = ServiceName(metadata["namespace"], (metadata.get("labels") or {}).get(_OWNER, ""))
        if owner in found:
            found[owner].extend(piece.get("endpoints") or [])
    return {service: _used(items, port_of) for service, items in found.items()}


def _leads_to_models(service: Object) -> bool:
    spec = service["spec"]
    # A headless Service has no address that a proxy could stand behind.
    return (spec.get("selector") or {}).get(PART_OF) == PROJECT and spec.get("clusterIP") != "None"


def _used(items: Sequence[Object], port_of: Callable[[str], int | None]) -> list[int]:
    """The ready ones; where there are none, those that are ending and still serve.

    https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-to-terminating-endpoints
    """
    ready, ending = set(), set()
    for item in items:
        port = port_of((item.get("targetRef") or {}).get("uid", ""))
        conditions = item.get("conditions") or {}
        if port is None:
            continue
        if conditions.get("ready", True):
            ready.add(port)
        elif conditions.get("serving") and conditions.get("terminating"):
            ending.add(port)
    return sorted(ready or ending)
