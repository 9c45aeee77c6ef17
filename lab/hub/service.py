"""What the Endpoints API does to the world: create, read, list, change, pause, resume, put to sleep, delete."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from lab.hub.catalogue import Compute
from lab.hub.machine import Machine
from lab.hub.refusal import Refusal
from lab.hub.validation import Validator
from lab.hub.views import accelerators, quota_used
from lab.hub.world import Endpoint, World

PAGE = 20
"""Endpoints of a page, when `limit` does not say [O]."""
MOST_PER_PAGE = 100


class Service:
    """The operations, under the world's lock; the caller has checked who asks."""

    def __init__(self, world: World):
        self._world = world
        self.machine = Machine(world)

    @property
    def _validator(self) -> Validator:
        return Validator(self._world)

    def create(self, namespace: str, body: Any, *, by: str) -> Endpoint:
        """Make an endpoint. Raises Refusal."""
        config, secrets = self._validator.create(body)
        if self._world.find(namespace, config["name"]) is not None:
            # Also while a deletion has not come to its end.
            raise Refusal(409, f"Conflict: endpoint {config['name']} already exists in {namespace}")
        self._check_quota(namespace, config, None)
        now, number = self._world.clock.now(), self._world.created + 1
        endpoint = Endpoint(
            id=hashlib.sha256(f"{namespace}/{config['name']}/{number}".encode()).hexdigest()[:24],
            namespace=namespace,
            name=config["name"],
            number=number,
            config=config,
            created_at=now,
            created_by=by,
            updated_at=now,
            updated_by=by,
        )
        endpoint.secret_digests = {name: endpoint.digest(value) for name, value in secrets.items()}
        self._world.created = number
        self._world.endpoints.append(endpoint)
        self.machine.start(endpoint)
        return endpoint

    def get(self, namespace: str, name: str) -> Endpoint:
        """One endpoint. Raises Refusal."""
        endpoint = self._world.find(namespace, name)
        if endpoint is None:
            raise Refusal(404, "Endpoint not found")
        return endpoint

    def list(
        self, namespace: str, *, tags: Sequence[str], search: str | None, cursor: str | None, limit: str | None
    ) -> tuple[Sequence[Endpoint], str | None, str | None, int]:
        """A page of the endpoints, oldest first; the cursors of the pages after and before it; how many there are."""
        size = _limit(limit)
        found = [
            endpoint
            for endpoint in self._world.of(namespace)
            if set(tags) <= set(endpoint.config["tags"]) and (search or "").lower() in endpoint.name.lower()
        ]
        direction, number = _read_cursor(cursor)
        if direction == "before":
            earlier = [endpoint for endpoint in found if endpoint.number < number]
            items = earlier[-size:]
        else:
            items = [endpoint for endpoint in found if endpoint.number > number][:size]
        if not items:
            return [], None, None, len(found)
        more = _cursor("after", items[-1].number) if items[-1] is not found[-1] else None
        before = _cursor("before", items[0].number) if items[0] is not found[0] else None
        return items, more, before, len(found)

    def update(self, namespace: str, name: str, body: Any, *, by: str) -> Endpoint:
        """Change an endpoint; a body that changes nothing changes nothing. Raises Refusal."""
        endpoint = self._alive(namespace, name)
        config, secrets = self._validator.update(body, endpoint.config)
        digests = endpoint.secret_digests
        if secrets is not None:
            digests = {key: endpoint.digest(value) for key, value in secrets.items()}
        if config == endpoint.config and digests == endpoint.secret_digests:
            return endpoint
        self._check_quota(namespace, config, endpoint)
        restarts = self._world.switches.scaling_change_restarts or digests != endpoint.secret_digests
        restarts = restarts or _container(config) != _container(endpoint.config)
        self.machine.change(endpoint, config, restarts=restarts)
        endpoint.secret_digests = digests
        self._touch(endpoint, by)
        return endpoint

    def pause(self, namespace: str, name: str, *, by: str) -> Endpoint:
        """Stop an endpoint. Raises Refusal."""
        endpoint = self._alive(namespace, name)
        self.machine.pause(endpoint)
        return self._touch(endpoint, by)

    def resume(self, namespace: str, name: str, *, by: str) -> Endpoint:
        """Start an endpoint that was stopped. Raises Refusal."""
        endpoint = self._alive(namespace, name)
        if endpoint.state in ("paused", "pausing", "failed"):
            self._check_quota(namespace, endpoint.config, endpoint)
        self.machine.resume(endpoint)
        return self._touch(endpoint, by)

    def scale_to_zero(self, namespace: str, name: str, *, by: str) -> Endpoint:
        """Put an endpoint to sleep. Raises Refusal."""
        endpoint = self._alive(namespace, name)
        self.machine.scale_to_zero(endpoint)
        return self._touch(endpoint, by)

    def delete(self, namespace: str, name: str) -> None:
        """Delete an endpoint. Raises Refusal."""
        self.machine.delete(self._alive(namespace, name))

    def _alive(self, namespace: str, name: str) -> Endpoint:
        endpoint = self.get(namespace, name)
        if endpoint.deleted_at is not None:
            raise Refusal(404, "Endpoint not found")
        return endpoint

    def _touch(self, endpoint: Endpoint, by: str) -> Endpoint:
        endpoint.updated_at, endpoint.updated_by = self._world.clock.now(), by
        return endpoint

    def _check_quota(self, namespace: str, config: Mapping[str, Any], endpoint: Endpoint | None) -> None:
        vendor, kind = config["provider"]["vendor"], config["compute"]["instanceType"]
        compute: Compute = self._world.catalogue.computes[config["compute"]["id"]]
        needed = accelerators(self._world, config, max(1, config["compute"]["scaling"]["minReplica"]))
        most = self._world.catalogue.quota(namespace, vendor, kind)
        left = most - quota_used(self._world, namespace, vendor, kind, without=endpoint)
        if needed > left:
            text = self._world.switches.quota_text.format(
                needed=needed, type=compute.type, left=max(0, left), most=most, namespace=namespace
            )
            raise Refusal(self._world.switches.quota_status, text)


def _container(config: Mapping[str, Any]) -> Any:
    """What a container is started with; the rest can change around it."""
    compute = {key: value for key, value in config["compute"].items() if key != "scaling"}
    return compute, config["model"], config["experimentalFeatures"]


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE
    if not text.isdigit() or not 1 <= int(text) <= MOST_PER_PAGE:
        raise Refusal(400, f"VALIDATION_FAILED: limit: must be between 1 and {MOST_PER_PAGE}")
    return int(text)


def _cursor(direction: str, number: int) -> str:
    return base64.urlsafe_b64encode(f"{direction}:{number}".encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[str, int]:
    if not cursor:
        return "after", 0
    try:
        direction, _, number = base64.urlsafe_b64decode(cursor).decode().partition(":")
        return direction, int(number)
    except (binascii.Error, ValueError):
        raise Refusal(400, "VALIDATION_FAILED: cursor: is none that a list has given") from None
