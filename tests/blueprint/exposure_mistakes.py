"""The mistakes that people make with publication and doors, and what each is answered with."""

from collections.abc import Mapping
from typing import Any

from tests.blueprint.mistakes import MISSING, Mistake, wrong
from tests.blueprint.stack_files import DELETE, LAB, MODEL, PROD, edited

KEYED = {"host": "llm.example.com", "auth": "engineKey", "keys": ["callers-2", "callers-1"]}

SHARED: Mapping[str, Any] = edited(
    PROD,
    {
        "cluster.gateway": {"name": "public", "namespace": "gateways", "listener": "https"},
        "models.m.expose": {**KEYED, "split": {"other": 10}},
    },
)
"""Published by a Gateway that others own, with a second model that shares the requests."""

OWN: Mapping[str, Any] = edited(
    PROD,
    {
        "cluster.gateway": {"className": "envoy", "podNamespace": "envoy-gateway-system"},
        "models.m.expose": {**KEYED, "tlsSecret": "llm-tls"},
    },
)
"""Published by a Gateway of the stack's own."""

INGRESS: Mapping[str, Any] = edited(
    PROD,
    {
        "cluster.ingress": {"controller": "f5-nginx", "podNamespace": "nginx-ingress"},
        "cluster.certIssuer": "letsencrypt",
        "models.m.expose": KEYED,
    },
)
"""Published by an Ingress controller, with certificates of cert-manager."""


def shared(key: str, value: Any, problem: str, remedy: str, **more: Any) -> Mistake:
    """A mistake in SHARED."""
    return wrong(key, value, problem, remedy, base=SHARED, **more)


def own(key: str, value: Any, problem: str, remedy: str, **more: Any) -> Mistake:
    """A mistake in OWN."""
    return wrong(key, value, problem, remedy, base=OWN, **more)


def ingress(key: str, value: Any, problem: str, remedy: str, **more: Any) -> Mistake:
    """A mistake in INGRESS."""
    return wrong(key, value, problem, remedy, base=INGRESS, **more)


EXPOSE = "models.m.expose"

EXPOSURE_MISTAKES = {
    # Who checks callers.
    "exposed without saying who checks": shared(f"{EXPOSE}.auth", DELETE, MISSING, "Who checks callers"),
    "exposed to everybody": own(
        EXPOSE,
        {"host": "llm.example.com", "tlsSecret": "llm-tls", "auth": "none"},
        "lets anybody who finds llm.example.com",
        "allowPublic: true",
        at=f"{EXPOSE}.auth",
    ),
    "public and with key": own(f"{EXPOSE}.allowPublic", True, "contradicts auth: engineKey", "Remove"),
    "exposed without host": shared(f"{EXPOSE}.host", DELETE, MISSING, "Public host name"),
    "host as an address": shared(f"{EXPOSE}.host", "https://llm.example.com", "allowed form", "A host name"),
    # Keys.
    "no key": shared(f"{EXPOSE}.keys", DELETE, f"{MISSING}, and auth: engineKey", "Name a key"),
    "key twice": shared(f"{EXPOSE}.keys", ["a", "a"], "a name is given twice", "each key once"),
    "three keys": shared(f"{EXPOSE}.keys", ["a", "b", "c"], "at most 2 items", "the one or two keys"),
    "key as text": shared(f"{EXPOSE}.keys", "callers", "this value is not a list", "Names of the one or two keys"),
    "key for its name": shared(
        f"{EXPOSE}.keys", ["0123456789abcdef" * 2], "this value does not fit", "never the key", at=f"{EXPOSE}.keys.0"
    ),
    "keys and a Secret": shared(f"{EXPOSE}.keySecret", {"name": "s", "key": "k"}, "keys are given, too", "Remove one"),
    "keys that the gateway does not know": own(
        f"{EXPOSE}.auth", "gateway", "auth: gateway has no keys", "Remove keys", at=f"{EXPOSE}.keys"
    ),
    # Doors.
    "no door": wrong(EXPOSE, KEYED, "no door to publish it through", "Add cluster.gateway, or cluster.ingress"),
    "gateway without name": shared(
        "cluster.gateway.name", DELETE, "neither name nor className", "Give name,", at="cluster.gateway"
    ),
    "two gateways in one": shared(
        "cluster.gateway.className", "envoy", "both name and className", "Give name,", at="cluster.gateway"
    ),
    "gateway without listener": shared("cluster.gateway.listener", DELETE, MISSING, "its one for HTTPS"),
    "gateway without namespace": shared("cluster.gateway.namespace", DELETE, MISSING, "of Gateway public"),
    "own gateway with listener": own("cluster.gateway.listener", "https", "className makes one", "Remove listener"),
    "own gateway with namespace": own("cluster.gateway.namespace", "g", "className makes one", "Remove namespace"),
    "own gateway that nobody lets in": own(
        "cluster.gateway.podNamespace", DELETE, f"{MISSING}, and no network policy", "where proxies of this class run"
    ),
    "proxies behind the default deny": own(
        "cluster.gateway.podNamespace", "llm", "llm is the stack's own namespace", "a namespace of its own"
    ),
    "controller behind the default deny": ingress(
        "cluster.ingress.podNamespace", "llm", "llm is the stack's own namespace", "a namespace of its own"
    ),
    "scraper behind the default deny": shared(
        "monitoring.namespace", "llm", "llm is the stack's own namespace", "a namespace of its own"
    ),
    "unknown controller": ingress("cluster.ingress.controller", "traefik", "'traefik' is not allowed", "Use 'nginx'"),
    "range with host bits": own(
        "cluster.gateway.ranges",
        ["10.1.2.3/8"],
        "10.1.2.3/8 is no range",
        "10.20.0.0/16",
        at="cluster.gateway.ranges.0",
    ),
    "mirror without bits": shared(
        "huggingface.mirrorRanges", ["10.1.2.3"], "this value does not have", "CIDR", at="huggingface.mirrorRanges.0"
    ),
    # Certificates.
    "own gateway without certificate": own(f"{EXPOSE}.tlsSecret", DELETE, "clear text", "Name the Secret"),
    "ingress without certificate": ingress(
        "cluster.certIssuer", DELETE, "clear text", "cluster.certIssuer", at=f"{EXPOSE}.tlsSecret"
    ),
    "certificate of a gateway of others": shared(
        f"{EXPOSE}.tlsSecret", "llm-tls", "TLS ends at Gateway public", "Remove it"
    ),
    # Shares.
    "more than everything": shared(
        f"{EXPOSE}.split.more",
        91,
        "the shares sum up to 101 %",
        "at most 100 %",
        at=f"{EXPOSE}.split",
        also={"models.more": MODEL},
    ),
    "share above everything": shared(f"{EXPOSE}.split.other", 101, "101 is above the largest", "0 to 100"),
    "share of a stranger": shared(f"{EXPOSE}.split.nobody", 1, "no model of the cluster has this name", "Name another"),
    "share of itself": shared(f"{EXPOSE}.split.m", 1, "this is the model itself", "Name another"),
    "share of a published model": shared(
        "models.other.expose",
        {**KEYED, "host": "other.example.com"},
        "models.other is published itself",
        "Remove models.other.expose",
        at=f"{EXPOSE}.split.other",
    ),
    "shares at an ingress": ingress(f"{EXPOSE}.split", {"other": 10}, "an Ingress has no weights", "until"),
    "host in use": own(
        "models.other.expose",
        {**KEYED, "tlsSecret": "llm-tls"},
        "llm.example.com is also the host of models.m",
        "let models.m share its requests",
        at="models.other.expose.host",
    ),
    # Names.
    "name of the policy for clients": wrong(
        "models.m.formerly", ["llm-clients"], "network policy for clients", "another name", at="models.m"
    ),
    "name of another model's download": wrong(
        "models.m-download", MODEL, "the cache of models.m has that name", "another name", base=LAB
    ),
}
