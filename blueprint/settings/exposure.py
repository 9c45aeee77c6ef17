"""Settings of a model's publication outside the cluster, and of the doors through which its requests come in."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from blueprint.settings.base import (
    DnsLabel,
    HostName,
    ModelName,
    ObjectName,
    SecretKey,
    SettingsModel,
)

AddressRange = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f.:]+/[0-9]{1,3}$", max_length=43),
    Field(description="A range of addresses in CIDR form: 10.20.0.0/16 or fd12:3456::/48."),
]

KeyName = Annotated[
    str,
    # 31: a key has at least 32 characters, so none that stands here by mistake is taken for a name.
    StringConstraints(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=31),
    Field(
        description="The NAME of a key, never the key: lower case letters, digits, '-'; at most 31 characters. "
        "`pulumi config set --secret llm-inference-secrets:NAME` stores the key."
    ),
]

Share = Annotated[int, Field(ge=0, le=100, description="Per cent of the host's requests, 0 to 100.")]


class Gateway(SettingsModel):
    """The Gateway (Gateway API) that published models are routed by: an existing one, or one of the stack's own."""

    name: ObjectName | None = Field(
        default=None, description="An existing Gateway. It holds the certificates. Needs namespace and listener."
    )
    namespace: DnsLabel | None = Field(default=None, description="Namespace of the existing Gateway.")
    listener: ObjectName | None = Field(
        default=None,
        description="The HTTPS listener of the existing Gateway: without it a route would be served on port 80, too.",
    )
    class_name: ObjectName | None = Field(
        default=None,
        description="GatewayClass of a Gateway that the stack makes, with an HTTPS listener per host. Not with name.",
    )
    pod_namespace: DnsLabel | None = Field(
        default=None,
        description="Namespace of the Gateway's proxies; the network policies let it in. The existing Gateway's own "
        "when absent.",
    )
    ranges: list[AddressRange] = Field(
        default_factory=list,
        description="Source addresses of a Gateway without proxies in the cluster, such as a cloud's load balancer.",
    )


class Ingress(SettingsModel):
    """The Ingress controller that published models are routed by."""

    controller: Literal["nginx", "f5-nginx"] = Field(
        description="Whose annotations it reads. nginx: ingress-nginx, of the Kubernetes project, archived in March "
        "2026. f5-nginx: F5's NGINX Ingress Controller."
    )
    class_name: ObjectName = Field(default="nginx", description="IngressClass of the controller.")
    pod_namespace: DnsLabel = Field(
        default="ingress-nginx", description="Namespace of the controller's pods; the network policies let it in."
    )


class Expose(SettingsModel):
    """Publication of a model outside the cluster, by cluster.gateway or cluster.ingress."""

    host: HostName = Field(description="Public host name.")
    tls_secret: ObjectName | None = Field(
        default=None,
        description="Existing Secret, of the stack's namespace, with the certificate of the host. Not with an existing "
        "Gateway, which has its own.",
    )
    auth: Literal["engineKey", "gateway", "none"] = Field(
        description="Who checks callers: the engine by its key, the gateway, or nobody (needs allowPublic: true)."
    )
    allow_public: bool = Field(default=False, description="Confirms auth: none.")
    keys: list[KeyName] = Field(
        default_factory=list,
        max_length=2,
        description="Names of the one or two keys that callers may use, the newest first. To rotate: add a new one in "
        "front, remove the old one when nobody uses it any more.",
    )
    key_secret: SecretKey | None = Field(
        default=None,
        description="Existing Secret with the keys, in the form that the engine reads; instead of keys.",
    )
    split: dict[ModelName, Share] = Field(
        default_factory=dict,
        description="Other models of the stack that answer a share of this host's requests, in per cent; this model "
        "answers the rest.",
    )
