"""Who may talk to whom, computed from NetworkPolicies as Kubernetes defines them. Nothing here enforces anything."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Host:
    """A pod, or an address outside the cluster, which has no namespace.

    ports: (number, protocol) by name; what it can be asked on.
    """

    name: str
    address: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, tuple[int, str]] = field(default_factory=dict)


def is_selected(policies: Sequence[Any], host: Host) -> bool:
    """Whether any policy is about this pod."""
    return any(_is_about(policy, host) for policy in policies)


def may_connect(policies: Sequence[Any], source: Host, target: Host, port: str) -> bool:
    """Whether both ends allow it: the source to leave, the target to be entered."""

    def allow(rules: Sequence[tuple[Any, Any]] | None, side: str, peer: Host) -> bool:
        return rules is None or any(
            _has_port(rule, target, target.ports[port]) and _has_peer(policy, rule.get(side), peer)
            for policy, rule in rules
        )

    return allow(_rules(policies, source, "Egress"), "to", target) and allow(
        _rules(policies, target, "Ingress"), "from", source
    )


def _rules(policies: Sequence[Any], host: Host, kind: str) -> Sequence[tuple[Any, Any]] | None:
    """The rules of a direction that a pod is under, each with its policy; None where no policy says anything."""
    about = [policy for policy in policies if kind in policy["spec"]["policyTypes"] and _is_about(policy, host)]
    return [(policy, rule) for policy in about for rule in policy["spec"].get(kind.lower(), [])] if about else None


def _is_about(policy: Any, host: Host) -> bool:
    return host.namespace == policy["metadata"]["namespace"] and _matches(policy["spec"]["podSelector"], host.labels)


def _has_port(rule: Any, target: Host, port: tuple[int, str]) -> bool:
    if "ports" not in rule:
        return True
    given = [target.ports.get(one["port"], (one["port"], one["protocol"])) for one in rule["ports"]]
    return port in given


def _has_peer(policy: Any, peers: Any, host: Host) -> bool:
    # An empty list of peers allows everybody, as an absent one does.
    return not peers or any(_is_peer(policy, peer, host) for peer in peers)


def _is_peer(policy: Any, peer: Any, host: Host) -> bool:
    if "ipBlock" in peer:
        # Kubernetes leaves open what ipBlock means for pods; these have addresses, and are judged by them.
        block = peer["ipBlock"]
        return _is_in(host.address, block["cidr"]) and not any(
            _is_in(host.address, one) for one in block.get("except", [])
        )
    if host.namespace is None:
        return False
    if "namespaceSelector" in peer:
        named = {"kubernetes.io/metadata.name": host.namespace}
        if not _matches(peer["namespaceSelector"], named):
            return False
    elif host.namespace != policy["metadata"]["namespace"]:
        return False
    return _matches(peer.get("podSelector", {}), host.labels)


def _is_in(address: str, cidr: str) -> bool:
    one, block = ipaddress.ip_address(address), ipaddress.ip_network(cidr)
    return one.version == block.version and one in block


def _matches(selector: Any, labels: Mapping[str, str]) -> bool:
    exact = selector.get("matchLabels", {}).items() <= labels.items()
    return exact and all(_expression(one, labels) for one in selector.get("matchExpressions", []))


def _expression(one: Any, labels: Mapping[str, str]) -> bool:
    inside = labels.get(one["key"]) in one["values"]
    return {"In": inside, "NotIn": not inside}[one["operator"]]
