"""What published models need of the cluster: definitions, a Gateway with its listener, classes, certificates, keys."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from blueprint.exposure import Exposure
from blueprint.settings import Cluster
from blueprint.stack import Stack
from ops.cluster.reading import Unread
from ops.preflight.facts import Doors, Facts, Finding, Listener, unchecked

_GATEWAY_API = "gateway.networking.k8s.io"
_CERTIFICATES = "certificates.cert-manager.io"
_TLS_KEYS = frozenset({"tls.crt", "tls.key"})


def gather(one: Callable[[str, str, Any], Any], cluster: Cluster, stack: Stack) -> Doors:
    """Read the facts. one: reads an object by path, the right that it needs, and what is kept of it."""
    exposures = _exposures(stack)
    if not exposures:
        return Doors()
    inside = f"/api/v1/namespaces/{cluster.namespace.name}"
    gateway = cluster.gateway
    listeners: Any = ()
    if gateway is not None and gateway.name is not None:
        path = f"/apis/{_GATEWAY_API}/v1/namespaces/{gateway.namespace}/gateways/{gateway.name}"
        listeners = one(path, f"get gateways.{_GATEWAY_API} in {gateway.namespace}", _listeners)
    return Doors(
        definitions={
            name: one(definition(name), f"get customresourcedefinitions/{name}", established) or False
            for name in _definitions(exposures)
        },
        listeners=listeners,
        classes={
            (kind, name): one(f"{path}/{name}", f"get {path.rpartition('/')[2]}/{name}", lambda _: True) or False
            for kind, path, name in _classes(cluster, exposures)
        },
        secrets={
            name: one(f"{inside}/secrets/{name}", f"get secrets/{name} in {cluster.namespace.name}", secret_keys)
            for name in [*_certificates(exposures), *_key_secrets(stack)]
        },
    )


def definition(name: str) -> str:
    """Path of a custom resource definition."""
    return f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"


def established(found: Any, version: str = "v1") -> bool:
    """Whether a custom resource definition serves a version."""
    conditions = (found.get("status") or {}).get("conditions") or []
    served = {one["name"] for one in found["spec"]["versions"] if one["served"]}
    return version in served and any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def secret_keys(secret: Any) -> frozenset[str]:
    """Keys of a Secret that hold something; never what."""
    return frozenset(key for key, value in (secret.get("data") or {}).items() if value)


def check(stack: Stack, cluster: Cluster, facts: Facts) -> Iterator[Finding]:
    """Everything between a public host and its model that the stack names and does not make."""
    doors = facts.doors
    for name, found in doors.definitions.items():
        yield _there(name.partition(".")[0], found, f"{name}/v1", "Install its definitions, or remove cluster.gateway.")
    for (kind, name), found in doors.classes.items():
        yield _there(kind, found, name, "Install what makes it, or correct the name.")
    if cluster.gateway is not None and cluster.gateway.name is not None:
        for exposure in _exposures(stack):
            yield _listener(cluster, exposure, doors.listeners)
    for name in _certificates(_exposures(stack)):
        yield _secret(f"certificate {name}", cluster, facts, name, _TLS_KEYS)
    for name, key in _key_secrets(stack).items():
        yield _secret(f"keys {name}", cluster, facts, name, frozenset({key}))


def _exposures(stack: Stack) -> Sequence[Exposure]:
    return [workload.exposure.value for workload in stack.workloads if workload.exposure is not None]


def _definitions(exposures: Sequence[Exposure]) -> Iterator[str]:
    if any(one.parent for one in exposures):
        yield f"httproutes.{_GATEWAY_API}"
    if any(one.issuer for one in exposures):
        yield _CERTIFICATES


def _classes(cluster: Cluster, exposures: Sequence[Exposure]) -> Iterator[tuple[str, str, str]]:
    if cluster.gateway is not None and cluster.gateway.class_name is not None:
        yield "gateway class", f"/apis/{_GATEWAY_API}/v1/gatewayclasses", cluster.gateway.class_name
    if cluster.ingress is not None:
        yield "ingress class", "/apis/networking.k8s.io/v1/ingressclasses", cluster.ingress.class_name
    for issuer in sorted({one.issuer for one in exposures if one.issuer}):
        yield "cluster issuer", "/apis/cert-manager.io/v1/clusterissuers", issuer


def _certificates(exposures: Sequence[Exposure]) -> Sequence[str]:
    """Secrets with certificates that have to exist: no issuer fills them."""
    return sorted({one.certificate for one in exposures if one.certificate and not one.issuer})


def _key_secrets(stack: Stack) -> dict[str, str]:
    given = (workload.keys.value.secret for workload in stack.workloads if workload.keys is not None)
    return {secret.name: secret.key for secret in given if secret is not None}


def _listeners(gateway: Any) -> Sequence[Listener]:
    return [
        Listener(
            name=item["name"],
            protocol=item["protocol"],
            hostname=item.get("hostname", ""),
            namespaces=((item.get("allowedRoutes") or {}).get("namespaces") or {}).get("from", "Same"),
        )
        for item in gateway["spec"]["listeners"]
    ]


def _there(check: str, found: bool | Unread, name: str, remedy: str) -> Finding:
    if isinstance(found, Unread):
        return unchecked(check, found)
    if found:
        return Finding(check, "ok", f"{name} is there")
    return Finding(check, "FAIL", f"{name} is not there / published models need it. {remedy}")


def _listener(cluster: Cluster, exposure: Exposure, listeners: Sequence[Listener] | Unread | None) -> Finding:
    gateway, check = cluster.gateway, f"listener of {exposure.host}"
    if isinstance(listeners, Unread):
        return unchecked(check, listeners)
    if gateway is None or listeners is None:
        return Finding(check, "FAIL", "there is no such Gateway / cluster.gateway. Correct its name and namespace.")
    found = next((one for one in listeners if one.name == gateway.listener), None)
    own = cluster.namespace.name
    if found is None:
        there = ", ".join(one.name for one in listeners)
        problem = f"Gateway {gateway.name} has {there} / {gateway.listener}. Correct cluster.gateway.listener."
    elif found.protocol != "HTTPS":
        problem = f"{found.name} speaks {found.protocol} / HTTPS. Keys would travel in clear text."
    elif not _serves(found.hostname, exposure.host):
        problem = f"{found.name} serves {found.hostname} / {exposure.host}. Use another listener, or another host."
    elif found.namespaces == "Same" and gateway.namespace != own:
        problem = f"{found.name} takes routes of its own namespace only / {own}. Set allowedRoutes at the Gateway."
    elif found.namespaces == "Selector":
        return Finding(check, "warn", f"{found.name} takes routes of some namespaces / {own}. Look whether it is one.")
    else:
        return Finding(check, "ok", f"{found.name} of Gateway {gateway.name} serves it")
    return Finding(check, "FAIL", problem)


def _serves(hostname: str, host: str) -> bool:
    if hostname.startswith("*."):
        return host.endswith(hostname[1:])
    return hostname in ("", host)


def _secret(check: str, cluster: Cluster, facts: Facts, name: str, wanted: frozenset[str]) -> Finding:
    keys, namespace, needs = facts.doors.secrets.get(name), cluster.namespace.name, ", ".join(sorted(wanted))
    if isinstance(keys, Unread):
        return unchecked(check, keys)
    if keys is None and facts.namespace is None and cluster.namespace.create:
        return Finding(check, "warn", f"no Secret {name} yet, as there is no namespace {namespace} / {needs}. Make it.")
    missing = sorted(wanted - (keys or frozenset()))
    if missing:
        about = "no Secret" if keys is None else "Secret"
        return Finding(
            check, "FAIL", f"{about} {name} in {namespace} / {needs}, not empty. Missing: {', '.join(missing)}."
        )
    return Finding(check, "ok", f"Secret {name} has {needs}")
