"""Who may talk to a model's pods, and to whom they may talk."""

from typing import Any

from blueprint.settings import Monitoring
from blueprint.workload import Workload
from components.labels import selector

_NAMESPACE_NAME = "kubernetes.io/metadata.name"


def workload_policy_spec(workload: Workload, monitoring: Monitoring | None) -> Any:
    """Clients of the same namespace and the scraper come in; name look-ups and HTTPS downloads go out.

    The engine serves metrics on its one port, so the scraper is let in to that one.
    """
    clients: list[Any] = [{"podSelector": {}}]
    if monitoring is not None:
        clients.append({"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: monitoring.namespace}}})
    return {
        "podSelector": {"matchLabels": selector(workload)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": clients, "ports": [{"port": "http", "protocol": "TCP"}]}],
        "egress": [
            {
                "to": [
                    {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: "kube-system"}}},
                    # NodeLocal DNSCache answers from the node, outside every namespace.
                    {"ipBlock": {"cidr": "169.254.20.10/32"}},
                ],
                "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
            },
            {
                # Weights come from the Hub. The metadata addresses would hand out the node's cloud identity.
                "to": [
                    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}},
                    {"ipBlock": {"cidr": "::/0", "except": ["fd00:ec2::/64", "fe80::/10"]}},
                ],
                "ports": [{"port": 443, "protocol": "TCP"}],
            },
        ],
    }
