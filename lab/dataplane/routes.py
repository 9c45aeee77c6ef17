"""What the gateway does with a request: HTTPRoutes and Ingresses, reduced to hosts, matches and weighted Services."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Object = Mapping[str, Any]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DEFAULT_SECONDS = 15.0
"""Envoy's own, which its gateways keep for a route that says nothing:
https://gateway.envoyproxy.io/docs/tasks/traffic/http-timeouts/"""
_NGINX_SECONDS = 60.0
"""https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/ (proxy-read-timeout)"""
_NGINX_TIMEOUT = ("nginx.ingress.kubernetes.io/proxy-read-timeout", "nginx.org/proxy-read-timeout")


@dataclass(frozen=True, order=True)
class ServiceName:
    """A Service."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One match and where it leads.

    path: prefix: whole segments of it. headers: name and exact value. backends: Services and weights.
    seconds: longest time for a whole answer, 0 for none. idle: longest silence of an answer, 0 for the proxy's own.
    undone: what this gateway does not do, so that the rule answers 501; None when it does all of it.
    """

    kind: Literal["exact", "prefix", "regex"]
    path: str
    method: str | None
    headers: Sequence[tuple[str, str]]
    backends: Sequence[tuple[ServiceName, int]]
    seconds: float
    idle: float = 0.0
    undone: str | None = None


Table = dict[str, list[Rule]]
"""Host (`*` for all) -> rules, the one that decides first."""


def table(routes: Iterable[Object], ingresses: Iterable[Object]) -> Table:
    """The rules of all hosts, in the order of precedence that the Gateway API prescribes."""
    found: Table = {}
    # Of equal matches the older route wins, then the first by name.
    for route in sorted(routes, key=_age):
        rules = [rule for item in route["spec"].get("rules") or [{}] for rule in _route_rules(route, item)]
        for host in route["spec"].get("hostnames") or ["*"]:
            found.setdefault(host, []).extend(rules)
    for ingress in sorted(ingresses, key=_age):
        for item in ingress["spec"].get("rules") or []:
            found.setdefault(item.get("host") or "*", []).extend(_ingress_rules(ingress, item))
    return {host: sorted(rules, key=_precedence) for host, rules in sorted(found.items())}


def seconds_of(duration: str) -> float:
    """Seconds of a duration such as 1h30m or 500ms."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|h|m|s)", duration))


def _age(item: Object) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return str(metadata.get("creationTimestamp")), metadata["namespace"], metadata["name"]


def _precedence(rule: Rule) -> tuple[int, int, bool, int]:
    order = {"exact": 0, "regex": 1, "prefix": 2}
    return order[rule.kind], -len(rule.path), rule.method is None, -len(rule.headers)


def _route_rules(route: Object, item: Object) -> Iterable[Rule]:
    namespace = route["metadata"]["namespace"]
    undone = next((f"filter {part['type']}" for part in item.get("filters") or []), None)
    backends = []
    for reference in item.get("backendRefs") or []:
        if reference.get("kind", "Service") != "Service":
            undone = undone or f"backend of kind {reference['kind']}"
        backends.append(
            (ServiceName(reference.get("namespace") or namespace, reference["name"]), reference.get("weight", 1))
        )
    timeouts = item.get("timeouts") or {}
    seconds = seconds_of(timeouts["request"]) if "request" in timeouts else _DEFAULT_SECONDS
    for match in item.get("matches") or [{}]:
        path = match.get("path") or {}
        headers = match.get("headers") or []
        wrong = "query parameters" if match.get("queryParams") else None
        if any(header.get("type", "Exact") != "Exact" for header in headers):
            wrong = "headers by pattern"
        yield Rule(
            kind={"Exact": "exact", "RegularExpression": "regex"}.get(path.get("type", ""), "prefix"),  # type: ignore[arg-type]
            path=path.get("value", "/"),
            method=match.get("method"),
            headers=[(header["name"], header["value"]) for header in headers],
            backends=backends,
            seconds=seconds,
            undone=undone or wrong,
        )


def _ingress_rules(ingress: Object, item: Object) -> Iterable[Rule]:
    annotations = ingress["metadata"].get("annotations") or {}
    given = next((annotations[name] for name in _NGINX_TIMEOUT if name in annotations), "")
    for path in (item.get("http") or {}).get("paths") or []:
        service = path["backend"].get("service") or {}
        yield Rule(
            kind="exact" if path.get("pathType") == "Exact" else "prefix",
            path=path.get("path") or "/",
            method=None,
            headers=(),
            backends=[(ServiceName(ingress["metadata"]["namespace"], service.get("name", "")), 1)],
            seconds=0.0,  # nginx limits silence alone
            idle=seconds_of(given if given[-1:].isalpha() else f"{given}s") or _NGINX_SECONDS,
        )
