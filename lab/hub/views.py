"""What answers show of the world: endpoints, accounts, hardware."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from lab.hub.images import health_route
from lab.hub.world import Account, Endpoint, Token, World

_NOWHERE = "http://127.0.0.1:1"


def stamp(at: float, digits: int = 3) -> str:
    """A moment as the service writes it: UTC with Z, and with more digits in some fields than in others."""
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    fraction = f"{moment.microsecond:06d}000"[:digits]
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction}Z"


def endpoint_view(world: World, endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint with its status."""
    config = endpoint.config
    model = {**config["model"], "secrets": dict.fromkeys(config["model"]["secrets"])}
    if world.switches.secrets_shown != "null":
        model["secrets"] = {}
    if world.switches.secrets_shown == "absent":
        del model["secrets"]
    view = {key: value for key, value in config.items() if value is not None} | {"model": model}
    view["healthRoute"] = health_route(config)
    if world.switches.cache_echoed_at_top:
        view["cacheHttpResponses"] = config["experimentalFeatures"]["cacheHttpResponses"]
    view["status"] = _status(world, endpoint)
    return view


def _status(world: World, endpoint: Endpoint) -> dict[str, Any]:
    status: dict[str, Any] = {
        "createdAt": stamp(endpoint.created_at, 9),
        "createdBy": _who(world, endpoint.created_by),
        "updatedAt": stamp(endpoint.updated_at),
        "updatedBy": _who(world, endpoint.updated_by),
        "state": endpoint.state,
        "message": endpoint.message,
        "readyReplica": endpoint.ready,
        "targetReplica": endpoint.target,
        "private": None,
    }
    if endpoint.state in ("failed", "updateFailed"):
        status["errorMessage"] = endpoint.message
    paused = endpoint.state in ("paused", "pausing")
    if endpoint.url_shown and not (paused and world.switches.url_while_paused == "hidden"):
        status["url"] = address(world, endpoint)
    if endpoint.used_at is not None:
        status["lastUsedAt"] = stamp(endpoint.used_at)
    return status


def address(world: World, endpoint: Endpoint) -> str:
    """Where the endpoint answers: the same for as long as it exists, and this server lives."""
    loading = endpoint.loaded_at is None or endpoint.loaded_at > world.clock.now()
    base = _NOWHERE if loading and world.switches.url_leads == "nowhere" else world.base
    return f"{base}/e/{endpoint.id}"


def _who(world: World, name: str) -> dict[str, str]:
    account = world.accounts.get(name, Account(name=name))
    return {"id": account.id, "name": account.name}


def whoami_view(world: World, token: Token) -> dict[str, Any]:
    """/api/whoami-v2."""
    account = world.accounts[token.account]
    access: dict[str, Any] = {"displayName": token.id, "role": token.role}
    if token.role == "fineGrained":
        scoped = [
            {
                "entity": {"_id": world.accounts[name].id, "type": world.accounts[name].kind, "name": name},
                "permissions": sorted(permissions),
            }
            for name, permissions in token.scopes.items()
        ]
        access["fineGrained"] = {"canReadGatedRepos": True, "global": [], "scoped": scoped}
    orgs = [{"type": "org", "id": world.accounts[name].id, "name": name} for name in account.orgs]
    view: dict[str, Any] = {"type": account.kind, "id": account.id, "name": account.name, "fullname": account.name}
    if account.kind == "user":
        view |= {"email": f"{account.name}@lab.invalid", "isPro": False, "orgs": orgs}
    return view | {"auth": {"type": "access_token", "accessToken": access}}


def hardware_view(world: World, namespace: str | None) -> dict[str, Any]:
    """The catalogue; without a namespace its quotas are zeros, which are placeholders [L]."""
    vendors = []
    for vendor, regions in world.catalogue.vendors().items():
        shown = []
        for region, computes in regions.items():
            rows = []
            for compute in computes:
                most, used = 0, 0
                if namespace is not None:
                    most = world.catalogue.quota(namespace, vendor, compute.type)
                    used = quota_used(world, namespace, vendor, compute.type)
                rows.append(compute.as_json(most, used))
            shown.append({"name": region, "label": region, "status": "available", "computes": rows})
        vendors.append({"name": vendor, "status": "available", "regions": shown})
    return {"vendors": vendors}


def quotas_view(world: World, namespace: str) -> dict[str, Any]:
    """What the namespace may use and does, by vendor and instance type."""
    vendors = []
    for vendor, regions in world.catalogue.vendors().items():
        types = {compute.type: compute for computes in regions.values() for compute in computes}
        quotas = [
            {
                "instanceType": name,
                "architecture": compute.architecture,
                "maxAccelerators": world.catalogue.quota(namespace, vendor, name),
                "usedAccelerators": quota_used(world, namespace, vendor, name),
            }
            for name, compute in types.items()
        ]
        vendors.append({"name": vendor, "quotas": quotas})
    return {"vendors": vendors}


def quota_used(
    world: World, namespace: str, vendor: str, instance_type: str, *, without: Endpoint | None = None
) -> int:
    """Accelerators that count against the quota. Paused and failed endpoints use none; sleeping ones do [D]."""
    return sum(
        accelerators(world, endpoint.config, endpoint.target)
        for endpoint in world.of(namespace)
        if endpoint is not without
        and endpoint.config["provider"]["vendor"] == vendor
        and endpoint.config["compute"]["instanceType"] == instance_type
        and endpoint.state not in ("paused", "failed")
    )


def accelerators(world: World, config: Mapping[str, Any], target: int) -> int:
    """Accelerators that a configuration uses, as the quota counts them."""
    compute = world.catalogue.computes.get(config["compute"]["id"])
    replicas = config["compute"]["scaling"]["maxReplica"] if world.switches.quota_counts == "max" else target
    return (compute.accelerators if compute else 1) * int(replicas)


def page(items: Sequence[Any], view: Any, *, more: str | None, before: str | None) -> dict[str, Any]:
    """A page of a list; the cursors are there when there is something on that side."""
    answer: dict[str, Any] = {"items": [view(item) for item in items]}
    if more is not None:
        answer["nextCursor"] = more
    if before is not None:
        answer["prevCursor"] = before
    return answer
