"""NetworkPolicies: the flows of blueprint/network.py, in Kubernetes' words."""

from collections.abc import Mapping
from typing import Any

from blueprint.network import Addresses, Flow, Flows, Pods

_NAMESPACE_NAME = "kubernetes.io/metadata.name"


def policy_spec(pod_selector: Mapping[str, Any], flows: Flows) -> Any:
    """The spec of a NetworkPolicy that allows these flows to the selected pods, and no others."""
    return {
        "podSelector": dict(pod_selector),
        "policyTypes": ["Ingress", "Egress"],
        # An empty list would be dropped by the server, and look like a change for ever.
        **({"ingress": [_rule("from", flow) for flow in flows.incoming]} if flows.incoming else {}),
        **({"egress": [_rule("to", flow) for flow in flows.outgoing]} if flows.outgoing else {}),
    }


def _rule(side: str, flow: Flow) -> Any:
    ports = [{"port": port.port, "protocol": port.protocol} for port in flow.ports]
    return {side: [_peer(peer) for peer in flow.peers], **({"ports": ports} if ports else {})}


def _peer(peer: Pods | Addresses) -> Any:
    if isinstance(peer, Addresses):
        return {"ipBlock": {"cidr": peer.range, **({"except": list(peer.without)} if peer.without else {})}}
    namespace = {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: peer.namespace}}} if peer.namespace else {}
    if peer.namespace and not peer.labels:
        return namespace
    return {**namespace, "podSelector": _labels(peer.labels)}


def _labels(labels: Mapping[str, Any]) -> Any:
    exact = {key: values[0] for key, values in labels.items() if len(values) == 1}
    several = [
        {"key": key, "operator": "In", "values": list(values)} for key, values in labels.items() if len(values) > 1
    ]
    return {
        **({"matchLabels": exact} if exact else {}),
        **({"matchExpressions": several} if several else {}),
    }
