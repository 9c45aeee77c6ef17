"""The properties of endpoint resources, between Pulumi's bare values and what the client takes."""

import functools
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from pulumi.output import Unknown

from endpoints.access import Access, access
from endpoints.asked import Asked
from endpoints.catalogue import Hardware, find
from endpoints.client import EndpointsClient, Raw
from endpoints.errors import EndpointsError

Properties = dict[str, Any]

_CATALOGUE_SECONDS = 60.0
_reading = threading.Lock()
_UNSET = (
    ("compute", "scaling", "scaleToZeroTimeout"),
    ("compute", "scaling", "measure"),
    ("model", "task"),
    ("model", "command"),
    ("model", "args"),
    ("route",),
    ("privateService",),
)
"""Of a body, what may be not set."""


def is_known(value: Any) -> bool:
    """Whether nothing in a value waits for another resource."""
    if isinstance(value, Unknown):
        return False
    if isinstance(value, Mapping):
        return all(is_known(item) for item in value.values())
    return all(is_known(item) for item in value) if isinstance(value, list) else True


def exact(value: Any) -> Any:
    """A value with whole numbers as such: every number comes as a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: exact(item) for key, item in value.items()}
    return [exact(item) for item in value] if isinstance(value, list) else value


def body_of(properties: Mapping[str, Any]) -> Properties:
    """The API's body, whole: on the way here a key without a value gets lost, and what is not set must be cleared."""
    body = cast(Properties, exact(properties["body"]))
    for *parents, key in _UNSET:
        holder = body
        for parent in parents:
            holder = holder[parent]
        holder.setdefault(key, None)
    return body


def as_travels(value: Any) -> Any:
    """A value as it will be read again: without the keys that have no value."""
    if isinstance(value, Mapping):
        return {key: as_travels(item) for key, item in value.items() if item is not None}
    return value


def asked_of(properties: Mapping[str, Any]) -> Asked:
    """What a resource's properties ask for."""
    return Asked(
        body=body_of(properties),
        owner=str(properties["owner"]),
        state=properties["state"],
        adopt=bool(properties.get("adopt")),
        secrets=dict(properties.get("secrets") or {}),
        registry_password=properties.get("registryPassword"),
    )


def client_of(properties: Mapping[str, Any], *others: Mapping[str, Any], patience: float = 60.0) -> EndpointsClient:
    """The client for a resource. The token is this machine's, now: not one that a state remembers.

    others: properties whose secrets may stand in no message either. Raises AccessError when there is no token.
    """
    secrets = tuple(value for given in (properties, *others) for value in _hidden(given))
    return EndpointsClient(_access(properties), properties["namespace"], patience=patience, secrets=secrets)


def _hidden(properties: Mapping[str, Any]) -> list[str]:
    values = [*(properties.get("secrets") or {}).values(), properties.get("registryPassword")]
    return [value for value in values if isinstance(value, str)]


def _access(properties: Mapping[str, Any]) -> Access:
    return access(properties["api"])


def catalogue(properties: Mapping[str, Any]) -> list[Hardware]:
    """What the namespace may rent, not older than a minute. Raises AccessError and EndpointsError."""
    slot = int(time.monotonic() // _CATALOGUE_SECONDS)
    with _reading:  # one asks for all
        return _catalogue(_access(properties), properties["namespace"], slot)


@functools.lru_cache(maxsize=8)
def _catalogue(granted: Access, namespace: str, slot: int) -> list[Hardware]:
    del slot
    return EndpointsClient(granted, namespace, patience=5.0).hardware()


def price(properties: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What an endpoint costs per hour at its fewest and most replicas, in US dollars; None when it cannot be told.

    known: the price as of before; while nothing of it has changed, its time stays, too.
    """
    body = body_of(properties)
    try:
        row = find(catalogue(properties), body)
    except EndpointsError:
        row = None
    scaling = body["compute"]["scaling"]
    paused = properties["state"] == "paused"
    found = {
        "usdPerHourMin": None if row is None else 0.0 if paused else scaling["minReplica"] * row.usd_per_hour,
        "usdPerHourMax": None if row is None else 0.0 if paused else scaling["maxReplica"] * row.usd_per_hour,
        "source": f"{_access(properties).url}/v2/provider/{properties['namespace']}",
    }
    if known is not None and (row is None or {**known, "time": None} == {**found, "time": None}):
        return dict(known)
    return {**found, "time": datetime.now(UTC).isoformat(timespec="seconds")}


def outputs(properties: Mapping[str, Any], raw: Raw | None, *, known: Mapping[str, Any] | None = None) -> Properties:
    """A resource's properties with what the API says of it that does not come and go.

    accepted: when the API last took a change; empty when nobody knows whether it did.
    """
    kept = {key: value for key, value in properties.items() if key not in _MADE}
    if raw is None:
        return {**kept, "accepted": "", "revision": None, "price": price(properties, known)}
    return {
        **kept,
        "accepted": raw["status"]["updatedAt"],
        "revision": raw["model"]["revision"],
        "price": price(properties, known),
    }


_MADE = ("accepted", "revision", "price")


def progress(text: str) -> None:
    """Tell what is going on: engines show what a provider's host writes."""
    print(text, flush=True)  # noqa: T201


def warn(text: str) -> None:
    """Tell what a person should read, also afterwards."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201
