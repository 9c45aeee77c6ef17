"""The doors of a cluster: a Gateway and an Ingress controller that exist, and whom the default deny lets through."""

import ipaddress
from collections.abc import Iterator, Sequence

from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.settings import Cluster

_GATEWAY = ("cluster", "gateway")


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of cluster.gateway, cluster.ingress, and of the addresses and namespaces in the network policies."""
    cluster = description.settings.cluster
    mirrors = description.settings.huggingface.mirror_ranges
    yield from ranges(("huggingface", "mirrorRanges"), mirrors)
    if cluster is None:
        return
    yield from _gateway(cluster)
    yield from _namespaces(description, cluster)


def advise(description: Description) -> Iterator[Issue]:
    """A controller that still runs, and should not be what one starts with."""
    cluster = description.settings.cluster
    if cluster is not None and cluster.ingress is not None and cluster.ingress.controller == "nginx":
        # https://kubernetes.io/blog/2025/11/11/ingress-nginx-retirement/
        yield Issue(
            path=("cluster", "ingress", "controller"),
            problem="ingress-nginx is archived since March 2026: nobody mends its security holes",
            remedy=("Add cluster.gateway, move" if cluster.gateway is None else "Move")
            + " DNS to the Gateway while both serve every host, then remove cluster.ingress.",
        )


def _gateway(cluster: Cluster) -> Iterator[Issue]:
    gateway = cluster.gateway
    if gateway is None:
        return
    yield from ranges((*_GATEWAY, "ranges"), gateway.ranges)
    if (gateway.name is None) == (gateway.class_name is None):
        yield Issue(
            path=_GATEWAY,
            problem="it has " + ("neither name nor className" if gateway.name is None else "both name and className"),
            remedy="Give name, namespace and listener of an existing Gateway, or className for one of the stack's own.",
            reads=tuple((*_GATEWAY, key) for key in ("name", "className")),
        )
    elif gateway.name is not None:
        for key, value in (("namespace", gateway.namespace), ("listener", gateway.listener)):
            if value is None:
                yield Issue(
                    path=(*_GATEWAY, key),
                    problem="this key is missing",
                    remedy=f"Give the {key} of Gateway {gateway.name}; the listener is its one for HTTPS.",
                    reads=((*_GATEWAY, "name"), (*_GATEWAY, "className")),
                )
    else:
        for key, value in (("namespace", gateway.namespace), ("listener", gateway.listener)):
            if value is not None:
                yield Issue(
                    path=(*_GATEWAY, key),
                    problem=f"{value} belongs to an existing Gateway, and className makes one",
                    remedy=f"Remove {key}, or give name instead of className.",
                    reads=((*_GATEWAY, "name"), (*_GATEWAY, "className")),
                )
        if gateway.pod_namespace is None and not gateway.ranges:
            yield Issue(
                path=(*_GATEWAY, "podNamespace"),
                problem="this key is missing, and no network policy could let the Gateway's proxies in",
                remedy="Give the namespace where proxies of this class run, or ranges where they run outside.",
                reads=tuple((*_GATEWAY, key) for key in ("name", "className", "ranges")),
            )


def _namespaces(description: Description, cluster: Cluster) -> Iterator[Issue]:
    if not cluster.namespace.create:
        return
    own, reads = cluster.namespace.name, (("cluster", "namespace"),)
    monitoring = description.settings.monitoring
    inside: list[tuple[KeyPath, str | None]] = [
        (("monitoring", "namespace"), monitoring.namespace if monitoring else None),
        ((*_GATEWAY, "namespace"), cluster.gateway.namespace if cluster.gateway else None),
        ((*_GATEWAY, "podNamespace"), cluster.gateway.pod_namespace if cluster.gateway else None),
        (("cluster", "ingress", "podNamespace"), cluster.ingress.pod_namespace if cluster.ingress else None),
    ]
    for path, namespace in inside:
        if namespace == own:
            yield Issue(
                path=path,
                problem=f"{own} is the stack's own namespace, whose default deny would cut off what runs there",
                remedy="Run it in a namespace of its own.",
                reads=reads,
            )


def ranges(path: KeyPath, given: Sequence[str]) -> Iterator[Issue]:
    """Those that are no ranges of addresses."""
    for index, one in enumerate(given):
        try:
            ipaddress.ip_network(one)
        except ValueError:
            yield Issue(
                path=(*path, str(index)),
                problem=f"{one} is no range of addresses",
                remedy="Write network/bits, with no bit set behind them: 10.20.0.0/16.",
            )
