"""What all models of a stack share: the namespace with its quota and rules, and the token for the Hub."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import ComponentResource, CustomTimeouts, Input, Output, ResourceOptions

from blueprint.description import PART_OF, name_in
from blueprint.exposure import OWN_GATEWAY, OwnGateway
from blueprint.network import client_flows
from blueprint.settings import Cluster
from blueprint.settings.stack import SecretKey
from blueprint.timing.budget import IMAGE_PULL_SECONDS
from blueprint.workload import Workload
from components.exposure import gateway_spec
from components.image_pull import image_pull_spec
from components.keeping import kept, kept_annotations
from components.labels import PROJECT
from components.network import policy_spec
from components.place import engine_image

HUB_TOKEN_SECRET = "llm-hub-read"  # noqa: S105  the name of a Secret
HUB_TOKEN_KEY = "token"  # noqa: S105  the key in it


@dataclass(frozen=True, kw_only=True)
class PlatformArgs:
    """Where the models live and what they share."""

    stack: str
    cluster: Cluster
    workloads: Sequence[Workload]  # by which nodes and images are known
    images: Mapping[str, Input[str]]  # by name, those that the stack has names for
    gpu_quota: Mapping[str, int]  # by extended resource; empty: no quota of ours
    protect: bool  # refuse to delete the namespace
    keep: bool  # leave the namespace where it is when the stack is deleted
    hub_read_secret: SecretKey | None  # an existing Secret wins over a token
    hub_read_token: Input[str] | None
    gateway: OwnGateway | None
    client_ports: Sequence[int]  # where the namespace's other pods may ask the models


class Platform(ComponentResource):
    """One per stack. Deleting a model deletes nothing that stands here."""

    namespace: Input[str]
    hub_token: SecretKey | None
    pulled: k8s.apps.v1.DaemonSet | None  # ready when the engines' images are on the nodes

    def __init__(self, name: str, args: PlatformArgs, opts: ResourceOptions | None = None):
        super().__init__("llm:index:Platform", name, {}, opts)
        self.namespace = self._namespace(name, args)
        self.hub_token = self._hub_token(name, args)
        k8s.networking.v1.NetworkPolicy(
            f"{name}-default-deny",
            metadata=self._metadata(self._own_name("llm-default-deny", args)),
            spec=default_deny_spec(whole_namespace=args.cluster.namespace.create),
            opts=ResourceOptions(parent=self),
        )
        if args.cluster.namespace.create:
            k8s.networking.v1.NetworkPolicy(
                f"{name}-clients",
                metadata=self._metadata("llm-clients"),
                spec=clients_spec(args.client_ports),
                opts=ResourceOptions(parent=self),
            )
        if args.gateway is not None:
            k8s.apiextensions.CustomResource(
                f"{name}-gateway",
                api_version="gateway.networking.k8s.io/v1",
                kind="Gateway",
                metadata=self._metadata(OWN_GATEWAY),
                spec=gateway_spec(args.gateway),
                opts=ResourceOptions(parent=self),
            )
        if args.gpu_quota:
            k8s.core.v1.ResourceQuota(
                f"{name}-quota",
                metadata=self._metadata("llm-gpus"),
                spec=quota_spec(args.gpu_quota),
                opts=ResourceOptions(parent=self),
            )
        self.pulled = self._pulled(name, args)
        self.register_outputs({"namespace": self.namespace})

    def _metadata(self, name: str) -> Any:
        return {"name": name, "namespace": self.namespace, "labels": PROJECT}

    def _own_name(self, name: str, args: PlatformArgs) -> str:
        return name_in(args.cluster.namespace, name, stack=args.stack)

    def _pulled(self, name: str, args: PlatformArgs) -> k8s.apps.v1.DaemonSet | None:
        # Where processors will do, any node will, and pulls a small image when it is needed.
        on_gpus = [workload for workload in args.workloads if workload.gpu_resource]
        if not args.cluster.pre_pull or not on_gpus:
            return None
        images = {workload.image.value: engine_image(workload, args.images) for workload in on_gpus}
        timeout = f"{IMAGE_PULL_SECONDS}s"
        return k8s.apps.v1.DaemonSet(
            f"{name}-images",
            metadata=self._metadata(self._own_name("llm-image-pull", args)),
            spec=image_pull_spec(on_gpus, [images[one] for one in sorted(images)]),
            opts=ResourceOptions(parent=self, custom_timeouts=CustomTimeouts(create=timeout, update=timeout)),
        )

    def _namespace(self, name: str, args: PlatformArgs) -> Input[str]:
        namespace = args.cluster.namespace
        if not namespace.create:
            return namespace.name
        created = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata=namespace_metadata(namespace.name, keep=args.keep),
            opts=ResourceOptions.merge(ResourceOptions(parent=self, protect=args.protect), kept(keep=args.keep)),
        )
        name_of_created: Output[str] = created.metadata["name"]
        return name_of_created

    def _hub_token(self, name: str, args: PlatformArgs) -> SecretKey | None:
        if args.hub_read_secret is not None or args.hub_read_token is None:
            return args.hub_read_secret
        k8s.core.v1.Secret(
            f"{name}-hub-token",
            metadata=self._metadata(HUB_TOKEN_SECRET),
            type="Opaque",
            string_data={HUB_TOKEN_KEY: Output.secret(args.hub_read_token)},
            opts=ResourceOptions(parent=self),
        )
        return SecretKey(name=HUB_TOKEN_SECRET, key=HUB_TOKEN_KEY)


def namespace_metadata(name: str, *, keep: bool = False) -> Any:
    """The namespace's name and labels: Pod Security's strictest profile, enforced."""
    annotations = kept_annotations(keep=keep)
    return {
        "name": name,
        **({"annotations": annotations} if annotations else {}),
        "labels": {
            **PROJECT,
            **{f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")},
        },
    }


def default_deny_spec(*, whole_namespace: bool) -> Any:
    """Nobody reaches a pod unless another policy says so.

    In a namespace of somebody else only this project's pods are selected: theirs are not ours to cut off.
    """
    return {
        "podSelector": {} if whole_namespace else {"matchLabels": PROJECT},
        "policyTypes": ["Ingress", "Egress"],
    }


def clients_spec(ports: Sequence[int]) -> Any:
    """What the default deny must not take from the namespace's other pods: asking the models."""
    key, value = PART_OF
    others = {"matchExpressions": [{"key": key, "operator": "NotIn", "values": [value]}]}
    return policy_spec(others, client_flows(ports))


def quota_spec(gpu_quota: Mapping[str, int]) -> Any:
    """Devices that all pods of the namespace may hold together."""
    return {"hard": {f"requests.{resource}": str(count) for resource, count in sorted(gpu_quota.items())}}
