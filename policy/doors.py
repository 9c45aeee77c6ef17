"""Rules about models that are reached from outside: who is asked for a key, and how long a stream may last."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policy.endpoints import KIND
from policy.models import services
from policy.pods import Pod
from policy.reading import UNKNOWN, each, get, number
from policy.stack import Breaches, Resource, Stack, StackRule, together
from policy.workloads import Workload, models

LEAST_SECONDS = 300
"""A long prompt keeps an engine silent for minutes, before the first token."""

_KEY = re.compile(r"API_?KEYS?$", re.IGNORECASE)
_TIMEOUT = re.compile(r"proxy-read-timeout$")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d+)(ms|s|m|h)?")


def _doors(stack: Stack) -> Iterator[tuple[Resource, Workload]]:
    """Each route or Ingress with each model that it leads to."""
    doors = list(stack.of("HTTPRoute", "Ingress"))
    found = [(model, [one.live_name for one in services(stack, model)]) for model in models(stack)] if doors else []
    for door in doors:
        behind = list(_behind(door))
        for model, names in found:
            if together(door.namespace, model.resource.namespace) and any(name in behind for name in names):
                yield door, model


def _behind(door: Resource) -> Iterator[Any]:
    """Names of the Services that a door leads to."""
    yield get(door.properties, "spec", "defaultBackend", "service", "name")
    for rule in each(door.properties, "spec", "rules"):
        for backend in each(rule, "backendRefs"):
            yield get(backend, "name")
        for path in each(rule, "http", "paths"):
            yield get(path, "backend", "service", "name")


def _unlocked(stack: Stack) -> Breaches:
    for door, model in _doors(stack):
        if not any(_asks_for_a_key(pod) for pod in model.pods):
            yield door, f"{door.called} publishes {model.resource.called}, whose engine asks for no key"


def _asks_for_a_key(pod: Pod) -> bool:
    secrets = {str(get(one, "name")) for one in each(pod.spec, "volumes") if get(one, "secret") is not None}
    for container in each(pod.spec, "containers"):
        words = [str(word) for key in ("command", "args") for word in each(container, key)]
        if any(word.partition("=")[0] == "--api-key" for word in words):
            return True
        if any(_KEY.search(str(get(one, "name"))) for one in each(container, "env")):
            return True
        # A file with the keys.
        if any(str(get(one, "name")) in secrets for one in each(container, "volumeMounts")):
            return True
    return False


def _public(stack: Stack) -> Breaches:
    if stack.allowed.public_access:
        return
    for endpoint in stack.of(KIND):
        if get(endpoint.properties, "body", "type") == "public":
            yield endpoint, "it answers whoever asks, and this stack allows no public access"
    for door, found in _unlocked(stack):
        yield door, f"{found}, and this stack allows no public access"


def _hasty(stack: Stack) -> Breaches:
    told = set()
    for door, _ in _doors(stack):
        if id(door) in told:
            continue
        told.add(id(door))
        for seconds in _route_seconds(door) if door.kind == "HTTPRoute" else _ingress_seconds(door):
            if seconds is None:
                yield door, f"{door.called} has no time-out of its own"
            elif 0 < seconds < LEAST_SECONDS:
                yield door, f"{door.called} cuts answers after {seconds:g} s"


def _route_seconds(route: Resource) -> Iterator[float | None]:
    for rule in each(route.properties, "spec", "rules"):
        given = get(rule, "timeouts", "request")
        if given is not UNKNOWN:
            yield _seconds(given)


def _ingress_seconds(ingress: Resource) -> Iterator[float | None]:
    annotations = get(ingress.properties, "metadata", "annotations")
    keys = [str(key) for key in annotations] if isinstance(annotations, Mapping) else []
    given = [get(annotations, key) for key in keys if _TIMEOUT.search(key)]
    if given:
        yield from (_seconds(one) for one in given if one is not UNKNOWN)
    elif annotations is not UNKNOWN and "nginx" in str(get(ingress.properties, "spec", "ingressClassName")):
        yield None


def _seconds(value: Any) -> float | None:
    """Seconds of a duration; without a unit, seconds."""
    whole = number(value)
    if whole is not None:
        return whole
    found = _DURATION.fullmatch(str(value))
    return int(found[1]) * _UNITS[found[2] or "s"] if found else None


RULES = (
    StackRule(
        name="published-with-keys",
        description="Models that are published ask for a key.",
        why="Unless the gateway asks, whoever finds the host uses your GPUs.",
        remedy="Set expose.auth: engineKey, or excuse what the gateway guards.",
        # What a gateway asks for, nobody sees from here.
        mandatory=False,
        of=_unlocked,
    ),
    StackRule(
        name="public-access",
        description="No endpoint is public, and no model published without keys, where the stack says so.",
        why="Whoever finds the address spends your money, and reads what models were made to keep.",
        remedy="Use access: protected, expose.auth: engineKey; or publicAccess: true in policy/stacks.yaml.",
        mandatory=True,
        of=_public,
    ),
    StackRule(
        name="streams-have-time",
        description=f"Doors to models wait for answers without limit, or {LEAST_SECONDS} s between two bytes.",
        why="The defaults, 15 s of Envoy and 60 s of nginx, cut a stream before a long prompt's first token.",
        remedy="Set timeouts.request: 0s on the route, proxy-read-timeout on the Ingress.",
        mandatory=True,
        of=_hasty,
    ),
)
