"""Where the servers' objects go, and what each server has: a Service and a NetworkPolicy."""

from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Resource, ResourceOptions

from blueprint.monitoring.standalone import Server
from components.monitoring.standalone.pod import server_labels, server_selector, service_spec
from components.network import policy_spec
from components.place import SKIP_AWAIT


@dataclass(frozen=True, kw_only=True)
class ServerPlace:
    """What all objects of one server have in common."""

    server: Server
    parent: Resource
    namespace: Input[str]

    def metadata(self, name: str | None = None, **extra: Any) -> Any:
        """An object's metadata. name: by default the server's."""
        return {
            "name": name or self.server.name,
            "namespace": self.namespace,
            "labels": server_labels(self.server),
            **extra,
        }

    def opts(self, **options: Any) -> ResourceOptions:
        """An object's options."""
        return ResourceOptions(parent=self.parent, **options)

    def register_network(self, name: str) -> None:
        """The way to the server's pods inside the cluster, and what they may do on it."""
        k8s.core.v1.Service(
            f"{name}-service",
            metadata=self.metadata(annotations=SKIP_AWAIT),
            spec=service_spec(self.server),
            opts=self.opts(),
        )
        k8s.networking.v1.NetworkPolicy(
            f"{name}-network",
            metadata=self.metadata(),
            spec=policy_spec({"matchLabels": server_selector(self.server)}, self.server.flows),
            opts=self.opts(),
        )
