"""The ways from outside to a model: a route at a Gateway, an Ingress, and the host's certificate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import ComponentResource, Input, Resource, ResourceOptions

from blueprint import exposure as resolved
from blueprint.workload import Workload
from components.labels import labels

SERVICE_PORT = 80
"""Port of every model's Service."""

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}


@dataclass(frozen=True, kw_only=True)
class ExposureArgs:
    """Which model is published, and how. Its Service is named, not owned."""

    workload: Workload
    exposure: resolved.Exposure
    namespace: Input[str]
    sharers: Sequence[Resource]  # the other models that its route leads to


class Exposure(ComponentResource):
    """A model's inference paths under its public host. Everything else of the engine stays inside."""

    def __init__(self, name: str, args: ExposureArgs, opts: ResourceOptions | None = None):
        super().__init__("llm:index:Exposure", name, {}, opts)
        self._args = args
        self._certificate(name)
        self._route(name)
        self._ingress(name)
        self.register_outputs({"host": args.exposure.host})

    def _metadata(self, name: str, **annotations: str) -> Any:
        return {
            "name": name,
            "namespace": self._args.namespace,
            "labels": labels(self._args.workload),
            **({"annotations": annotations} if annotations else {}),
        }

    def _certificate(self, name: str) -> None:
        exposure = self._args.exposure
        if exposure.issuer is None or exposure.certificate is None:
            return
        k8s.apiextensions.CustomResource(
            f"{name}-certificate",
            api_version="cert-manager.io/v1",
            kind="Certificate",
            metadata=self._metadata(exposure.certificate),
            spec=certificate_spec(exposure),
            opts=ResourceOptions(parent=self),
        )

    def _route(self, name: str) -> None:
        exposure = self._args.exposure
        if exposure.parent is None:
            return
        k8s.apiextensions.CustomResource(
            f"{name}-route",
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            metadata=self._metadata(self._args.workload.object_name),
            spec=route_spec(exposure, exposure.parent),
            # Requests that are sent to a model while it still loads fail.
            opts=ResourceOptions(parent=self, depends_on=[*self._args.sharers]),
        )

    def _ingress(self, name: str) -> None:
        exposure = self._args.exposure
        if exposure.ingress is None:
            return
        k8s.networking.v1.Ingress(
            f"{name}-ingress",
            # Awaiting it would wait for the same pods that their own await reports better.
            metadata=self._metadata(self._args.workload.object_name, **exposure.ingress.annotations, **SKIP_AWAIT),
            spec=ingress_spec(exposure, exposure.ingress),
            opts=ResourceOptions(parent=self),
        )


def route_spec(exposure: resolved.Exposure, parent: resolved.Parent) -> Any:
    """The HTTPRoute: exact paths to the models' Services by weight, without time-outs.

    Exact, not prefixes: below /v1 engines also have paths that load adapters or unload them.
    """
    return {
        "parentRefs": [
            {
                "name": parent.gateway,
                **({"namespace": parent.namespace} if parent.namespace else {}),
                "sectionName": parent.listener,
            }
        ],
        "hostnames": [exposure.host],
        "rules": [
            {
                "matches": [{"path": {"type": "Exact", "value": path}} for path in exposure.paths],
                "backendRefs": [
                    {"name": backend.service, "port": SERVICE_PORT, "weight": backend.weight}
                    for backend in exposure.backends
                ],
                # A stream lasts as long as the answer; gateways' own limits, such as 15 s of Envoy, would cut it.
                "timeouts": {"request": "0s", "backendRequest": "0s"},
            }
        ],
    }


def ingress_spec(exposure: resolved.Exposure, ingress: resolved.IngressClass) -> Any:
    """The Ingress: exact paths to the model's Service, TLS at the controller."""
    (backend,) = exposure.backends
    service = {"service": {"name": backend.service, "port": {"number": SERVICE_PORT}}}
    return {
        "ingressClassName": ingress.name,
        "tls": [{"hosts": [exposure.host], "secretName": exposure.certificate}],
        "rules": [
            {
                "host": exposure.host,
                "http": {
                    "paths": [{"path": path, "pathType": "Exact", "backend": service} for path in exposure.paths],
                },
            }
        ],
    }


def certificate_spec(exposure: resolved.Exposure) -> Any:
    """The Certificate that cert-manager keeps valid."""
    return {
        "secretName": exposure.certificate,
        "dnsNames": [exposure.host],
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": exposure.issuer},
    }


def gateway_spec(gateway: resolved.OwnGateway) -> Any:
    """The stack's own Gateway: TLS ends at its listeners, one for each host, and nothing listens in clear text."""
    return {
        "gatewayClassName": gateway.class_name,
        "listeners": [
            {
                "name": listener.name,
                "hostname": listener.host,
                "port": 443,
                "protocol": "HTTPS",
                "tls": {"mode": "Terminate", "certificateRefs": [{"name": listener.certificate}]},
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            }
            for listener in gateway.listeners
        ],
    }
