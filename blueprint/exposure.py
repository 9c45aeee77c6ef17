"""Publication of a model: under which host, through which doors, which paths, and who checks callers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from blueprint.description import Description, object_name
from blueprint.engines.process import EngineProcess
from blueprint.resources import Resolved
from blueprint.rollout import Rollout
from blueprint.settings import Cluster, KubernetesModel
from blueprint.settings.base import SecretKey

OWN_GATEWAY = "llm"
"""Name of the Gateway that the stack makes, in its namespace."""

IDLE_SECONDS = 300
"""An Ingress cuts a stream that is silent for longer; at the default, 60 s, before a long prompt's first token."""

BODY_MEGABYTES = 64
"""Largest request. The default of 1 MB refuses a picture, or a long prompt with tools."""

_BODY = f"{BODY_MEGABYTES}m"

ANNOTATIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        # https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/
        "nginx": {
            "nginx.ingress.kubernetes.io/proxy-read-timeout": f"{IDLE_SECONDS}",
            "nginx.ingress.kubernetes.io/proxy-send-timeout": f"{IDLE_SECONDS}",
            # Tokens reach the client when they are made, not when a buffer is full.
            "nginx.ingress.kubernetes.io/proxy-buffering": "off",
            "nginx.ingress.kubernetes.io/proxy-body-size": _BODY,
        },
        # https://docs.nginx.com/nginx-ingress-controller/configuration/ingress-resources/advanced-configuration-with-annotations
        "f5-nginx": {
            "nginx.org/proxy-read-timeout": f"{IDLE_SECONDS}s",
            "nginx.org/proxy-send-timeout": f"{IDLE_SECONDS}s",
            "nginx.org/proxy-buffering": "False",
            "nginx.org/client-max-body-size": _BODY,
        },
    }
)
"""By controller, what it needs for streams of minutes."""


@dataclass(frozen=True, kw_only=True)
class Parent:
    """The listener of a Gateway that a route attaches to. namespace: None for the stack's own."""

    gateway: str
    namespace: str | None
    listener: str


@dataclass(frozen=True, kw_only=True)
class IngressClass:
    """The controller of an Ingress, by its class, and the annotations that it reads."""

    name: str
    annotations: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A model's Service, and its share of the requests in per cent."""

    service: str
    weight: int


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How requests from outside reach a model.

    paths: matched in full.
    parent, ingress: the doors; at least one.
    certificate: Secret with the host's certificate; None where the Gateway's owner holds it.
    issuer: ClusterIssuer that fills that Secret; None where it exists.
    """

    host: str
    auth: Literal["engineKey", "gateway", "none"]
    paths: Sequence[str]
    backends: Sequence[Backend]
    parent: Parent | None
    ingress: IngressClass | None
    certificate: str | None
    issuer: str | None

    def __str__(self) -> str:
        shares = ", ".join(f"{one.service} {one.weight} %" for one in self.backends)
        return f"https://{self.host}, auth {self.auth}, {shares}"


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A listener of the stack's own Gateway."""

    name: str
    host: str
    certificate: str


@dataclass(frozen=True, kw_only=True)
class OwnGateway:
    """The Gateway that the stack makes: one for all its hosts, since each has an address that costs money."""

    class_name: str
    listeners: Sequence[Listener]


@dataclass(frozen=True, kw_only=True)
class EngineKeys:
    """The keys that callers may use: names of secrets of the configuration, or an existing Secret.

    digest: of the named values, so that another value under the same name restarts the replicas as another name does;
        only the program sees values.
    """

    names: Sequence[str] = ()
    secret: SecretKey | None = None
    digest: str | None = None

    def __str__(self) -> str:
        return ", ".join(self.names) if self.secret is None else f"Secret {self.secret.name}"


_CHECKED = {
    "engineKey": "the engine refuses callers without a key",
    "gateway": "nothing here checks callers: the gateway has to",
    "none": "confirmed by allowPublic: anybody may use it",
}


def resolve_exposure(
    description: Description, cluster: Cluster, name: str, model: KubernetesModel, engine: EngineProcess
) -> Resolved[Exposure] | None:
    """A model's publication; None where it has none."""
    expose = model.expose
    if expose is None:
        return None
    live_name = object_name(name, model.formerly)
    made_here = not (cluster.gateway is not None and cluster.gateway.name is not None) or cluster.ingress is not None
    certificate = (expose.tls_secret or f"{live_name}-tls") if made_here else None
    return Resolved(
        Exposure(
            host=expose.host,
            auth=expose.auth,
            paths=engine.inference_paths,
            backends=[
                Backend(service=live_name, weight=100 - sum(expose.split.values())),
                *(
                    Backend(service=object_name(other, description.settings.models[other].formerly), weight=share)
                    for other, share in sorted(expose.split.items())
                ),
            ],
            parent=_parent(cluster, live_name),
            ingress=IngressClass(name=cluster.ingress.class_name, annotations=ANNOTATIONS[cluster.ingress.controller])
            if cluster.ingress
            else None,
            certificate=certificate,
            issuer=cluster.cert_issuer if certificate is not None and expose.tls_secret is None else None,
        ),
        f"given: expose; {_CHECKED[expose.auth]}; only the {len(engine.inference_paths)} inference paths of "
        f"{engine.title} are routed",
    )


def _parent(cluster: Cluster, live_name: str) -> Parent | None:
    gateway = cluster.gateway
    if gateway is None:
        return None
    if gateway.name is None or gateway.listener is None:
        return Parent(gateway=OWN_GATEWAY, namespace=None, listener=live_name)
    return Parent(gateway=gateway.name, namespace=gateway.namespace, listener=gateway.listener)


def own_gateway(cluster: Cluster | None, exposures: Mapping[str, Exposure]) -> OwnGateway | None:
    """The stack's own Gateway for the exposures, by object name; None where there is nothing for it to do."""
    if cluster is None or cluster.gateway is None or cluster.gateway.class_name is None or not exposures:
        return None
    return OwnGateway(
        class_name=cluster.gateway.class_name,
        listeners=[
            Listener(name=name, host=exposure.host, certificate=exposure.certificate)
            for name, exposure in sorted(exposures.items())
            if exposure.certificate is not None
        ],
    )


def splitter_of(description: Description, name: str) -> str | None:
    """The model that gives a share of its requests to the one called name."""
    for other, model in description.kubernetes_models():
        if model.expose is not None and name in model.expose.split:
            return other
    return None


def is_reached_from_outside(description: Description, name: str, model: KubernetesModel) -> bool:
    """Whether requests of a public host come to a model, its own host or another's."""
    return model.expose is not None or splitter_of(description, name) is not None


def resolve_keys(
    description: Description, name: str, model: KubernetesModel, engine: EngineProcess, rollout: Rollout
) -> Resolved[EngineKeys] | None:
    """The keys that a model's callers may use: its own, or those of the model whose requests it shares."""
    splitter = splitter_of(description, name)
    expose = model.expose
    owner = ""
    if expose is None and splitter is not None:
        other = description.settings.models[splitter]
        expose = other.expose if isinstance(other, KubernetesModel) else None
        owner = f" of models.{splitter}, whose requests it shares"
    if expose is None or expose.auth != "engineKey":
        return None
    if expose.key_secret is not None:
        return Resolved(
            EngineKeys(secret=expose.key_secret),
            f"given: expose.keySecret{owner}; its content is not seen here, and {engine.title} reads it at start: "
            "restart the replicas after a change",
        )
    return Resolved(
        EngineKeys(names=expose.keys),
        f"given: expose.keys{owner}; {engine.title} reads them at start: {key_change(model, rollout)}",
    )


def key_change(model: KubernetesModel, rollout: Rollout) -> str:
    """What a change of the keys does to callers."""
    if rollout.max_unavailable == 0:
        return "a change restarts the replicas, the new one first: no interruption"
    if rollout.max_unavailable < model.scaling.max:
        return f"a change restarts the replicas, {rollout.max_unavailable} at a time: less capacity, no interruption"
    return "a change restarts all replicas: no answer until one is loaded again"
