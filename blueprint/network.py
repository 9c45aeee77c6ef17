"""Who may talk to a model's pods, and to whom they may talk: one table of flows, from which the policies are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from blueprint.addresses import address_of
from blueprint.description import INSTANCE, PART_OF, Description, object_name
from blueprint.engines.process import EngineProcess
from blueprint.exposure import is_reached_from_outside
from blueprint.monitoring.collector import GRPC_PORT, takes_traces
from blueprint.monitoring.parts import PORTS, Part, own_parts, part_name
from blueprint.monitoring.routing import url_names
from blueprint.monitoring.stores import Store
from blueprint.monitoring.targets import collector_of, own_targets
from blueprint.settings import Cluster, KubernetesModel, Monitoring
from blueprint.settings.collector import Target
from blueprint.weights import Weights

METADATA_AND_PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    # The metadata addresses of the clouds would hand out the node's identity.
    "169.254.0.0/16",
)
"""No public address is in here: a download has no business with them."""

METADATA_AND_PRIVATE_6 = ("fc00::/7", "fe80::/10")

DNS_PORT, HTTPS_PORT = 53, 443

SCRAPERS = ("prometheus", "prometheus-agent")
"""``app.kubernetes.io/name`` of the pods that the Prometheus operator makes.

Source: makeSelectorLabels in pkg/prometheus/server/operator.go and agent/operator.go of its version 0.85.
"""


@dataclass(frozen=True, kw_only=True)
class Pods:
    """Pods as a policy selects them.

    namespace: None for the stack's own.
    labels: by key, the values that it may have; empty: every pod.
    """

    namespace: str | None = None
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """A range of addresses, and the ranges in it that are left out."""

    range: str
    without: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port by number, or by the name that the pod gives it."""

    port: int | str
    protocol: str = "TCP"


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Connections that are allowed, in one direction. No ports: all of them."""

    what: str
    peers: Sequence[Pods | Addresses]
    ports: Sequence[Port]


@dataclass(frozen=True, kw_only=True)
class Flows:
    """All that a group of pods may do on the network."""

    incoming: Sequence[Flow]
    outgoing: Sequence[Flow]


DNS = Flow(
    what="name look-ups",
    peers=(
        Pods(namespace="kube-system"),
        # NodeLocal DNSCache answers from the node, outside every namespace.
        Addresses(range="169.254.20.10/32"),
    ),
    ports=(Port(port=DNS_PORT, protocol="UDP"), Port(port=DNS_PORT)),
)

OTLP = Port(port=GRPC_PORT)
DCGM_PORT = 9400
"""Of dcgm-exporter: its chart's values.yaml, and assets/state-dcgm-exporter of the GPU operator."""

API_SERVER_PORTS = (HTTPS_PORT, 6443)
"""Its Service's, and the usual one behind it; network plugins see the one or the other."""

ANYWHERE_BUT_METADATA = (
    Addresses(range="0.0.0.0/0", without=("169.254.0.0/16",)),
    # fd00:ec2: of AWS.
    Addresses(range="::/0", without=("fe80::/10", "fd00:ec2::/32")),
)

_ASKED_BY: Mapping[Part, Sequence[Part]] = {
    "prometheus": ("grafana",),
    "alertmanager": ("prometheus", "grafana"),
    "grafana": (),
    "loki": ("grafana",),
    "jaeger": ("grafana",),
    "blackbox": ("prometheus",),
}
"""By part, which others open connections to it."""

_SCRAPED: frozenset[Part] = frozenset({"blackbox"})
"""Parts that whoever scrapes the models scrapes, too."""

_STORE_PORTS: Mapping[Part, Port] = {"loki": Port(port=PORTS["loki"]), "jaeger": OTLP}
"""By store, where it takes what it keeps."""

SERVING = Port(port="http")
"""The container's name for the engine's port."""


def serving_flows(
    description: Description,
    cluster: Cluster,
    model: KubernetesModel,
    *,
    name: str,
    engine: EngineProcess,
    weights: Weights,
) -> Flows:
    """What the replicas of a model may do."""
    monitoring = description.settings.monitoring
    # Whoever runs beside a model is its client: the url of the output `models` is for them.
    incoming = [Flow(what="clients of the namespace", peers=(Pods(),), ports=(SERVING,))]
    outgoing = [DNS]
    if is_reached_from_outside(description, name, model):
        incoming.append(Flow(what="requests from outside", peers=_doors(cluster), ports=(SERVING,)))
    if monitoring is not None:
        incoming.append(scrape_flow(description, monitoring, port=engine.metrics_port_name))
        outgoing.append(Flow(what="traces", peers=(_collector(description, monitoring),), ports=(OTLP,)))
    if model.parallel.nodes > 1:
        # NCCL and the engine's own messages use ports that they choose when they start.
        group = own_pods(object_name(name, model.formerly))
        incoming.append(Flow(what="nodes of one replica", peers=(group,), ports=()))
        outgoing.append(Flow(what="nodes of one replica", peers=(group,), ports=()))
    if weights.downloads_itself:
        outgoing.append(hub_flow(description))
    return Flows(incoming=incoming, outgoing=outgoing)


def download_flows(description: Description, weights: Weights) -> Flows | None:
    """What the Job that fills a model's cache may do; None where there is no such Job."""
    return Flows(incoming=(), outgoing=(DNS, hub_flow(description))) if weights.filled_by == "job" else None


def client_flows(ports: Sequence[int]) -> Flows:
    """What pods of the stack's namespace that are not its own may do: ask the models.

    Without it the default deny would keep them from it, whatever the models' own policies let in.
    """
    models = Pods(labels={PART_OF[0]: (PART_OF[1],)})
    return Flows(
        incoming=(),
        outgoing=(DNS, Flow(what="requests to models", peers=(models,), ports=[Port(port=port) for port in ports])),
    )


def part_flows(description: Description, part: Part, *, scraped: Sequence[int], scaled: bool) -> Flows:
    """What the pods of the stack's own monitoring may do. To Grafana leads `kubectl port-forward`, which is no flow.

    scraped: ports of the models' metrics. scaled: whether KEDA asks for them.
    """
    there = own_parts(description)
    incoming = [
        Flow(what="questions and alerts", peers=(_part(description, one),), ports=(Port(port=PORTS[part]),))
        for one in _ASKED_BY[part]
        if one in there
    ]
    outgoing = [
        DNS,
        *(
            Flow(what="questions and alerts", peers=(_part(description, one),), ports=(Port(port=PORTS[one]),))
            for one in there
            if part in _ASKED_BY[one]
        ),
    ]
    monitoring = description.settings.monitoring
    if monitoring is None:
        raise ValueError("a description without monitoring has no such pods")
    if part == "prometheus":
        models = Pods(labels={PART_OF[0]: (PART_OF[1],)})
        outgoing.append(Flow(what="scraping", peers=(models,), ports=[Port(port=port) for port in scraped]))
        outgoing.append(_api_server(monitoring))
        if scaled:
            keda = Pods(namespace=monitoring.keda_namespace)
            incoming.append(Flow(what="questions of KEDA", peers=(keda,), ports=(Port(port=PORTS[part]),)))
        if monitoring.probes is not None and monitoring.probes.prober is not None:
            outgoing.append(target_flow("probes", monitoring.probes.prober.address, monitoring.probes.prober))
        if monitoring.dcgm is not None:
            exporters = Pods(
                namespace=monitoring.dcgm.namespace,
                labels={key: [value] for key, value in monitoring.dcgm.labels.items()},
            )
            outgoing.append(Flow(what="scraping of GPUs", peers=(exporters,), ports=(Port(port=DCGM_PORT),)))
    if part == "blackbox":
        outgoing += _probes(description.settings.cluster)
    if part in _SCRAPED and "prometheus" not in there:
        scraper = _scraper(description, monitoring)
        incoming.append(Flow(what="scraping of metrics", peers=(scraper,), ports=(Port(port=PORTS[part]),)))
    if part == "alertmanager" and url_names(monitoring.routes):
        outgoing += _receivers(monitoring)
    name = description.collector_name
    if name is not None and part in own_targets(description):
        incoming.append(Flow(what="what the collector keeps", peers=(own_pods(name),), ports=(_STORE_PORTS[part],)))
    return Flows(incoming=incoming, outgoing=outgoing)


def to_own_store(description: Description, store: Store) -> Flow:
    """Connections of the collector to a store of the stack's own."""
    return Flow(what=f"to {store}", peers=(_part(description, store),), ports=(_STORE_PORTS[store],))


def _probes(cluster: Cluster | None) -> Sequence[Flow]:
    """To wherever the public hosts' names lead, which may be a private address."""
    doors = _doors(cluster) if cluster is not None else []
    return [
        Flow(what="probes", peers=ANYWHERE_BUT_METADATA, ports=(Port(port=HTTPS_PORT),)),
        # kube-proxy leads to the doors' pods what goes to their load balancer, and policies see the pods' own port.
        *([Flow(what="probes, by the short way", peers=doors, ports=())] if doors else []),
    ]


def _part(description: Description, part: Part) -> Pods:
    return own_pods(part_name(description, part))


def own_pods(*names: str) -> Pods:
    """Pods of things of ours that are called so, in the stack's namespace."""
    return Pods(labels={INSTANCE: names, PART_OF[0]: (PART_OF[1],)})


def _api_server(monitoring: Monitoring) -> Flow:
    """Whether it has a private address or a public one is the provider's choice."""
    ranges = [Addresses(range=one) for one in monitoring.standalone.api_server_ranges]
    ports = [Port(port=port) for port in API_SERVER_PORTS]
    return Flow(what="look-ups of pods", peers=ranges or ANYWHERE_BUT_METADATA, ports=ports)


def _receivers(monitoring: Monitoring) -> Sequence[Flow]:
    public = (
        Addresses(range="0.0.0.0/0", without=METADATA_AND_PRIVATE),
        Addresses(range="::/0", without=METADATA_AND_PRIVATE_6),
    )
    ranges = [Addresses(range=one) for one in monitoring.standalone.receiver_ranges]
    return [
        Flow(what="alerts to people", peers=public, ports=(Port(port=HTTPS_PORT),)),
        *([Flow(what="alerts to people, at private addresses", peers=ranges, ports=())] if ranges else []),
    ]


def _doors(cluster: Cluster) -> Sequence[Pods | Addresses]:
    peers: list[Pods | Addresses] = []
    if cluster.gateway is not None:
        namespace = cluster.gateway.pod_namespace or (None if cluster.gateway.ranges else cluster.gateway.namespace)
        peers += [Pods(namespace=namespace)] if namespace else []
        peers += [Addresses(range=one) for one in cluster.gateway.ranges]
    if cluster.ingress is not None:
        peers.append(Pods(namespace=cluster.ingress.pod_namespace))
    return peers


def scrape_flow(description: Description, monitoring: Monitoring, *, port: int | str) -> Flow:
    """Scraping by whoever watches the stack."""
    scraper = _scraper(description, monitoring)
    return Flow(what="scraping of metrics", peers=(scraper,), ports=(Port(port=port),))


def _scraper(description: Description, monitoring: Monitoring) -> Pods:
    if "prometheus" in own_parts(description):
        return _part(description, "prometheus")
    return Pods(namespace=monitoring.namespace, labels={"app.kubernetes.io/name": SCRAPERS})


def _collector(description: Description, monitoring: Monitoring) -> Pods:
    name = description.collector_name
    if name is not None and takes_traces(collector_of(description)):
        return own_pods(name)
    # Refused, an exporter of traces that is switched on by extraArgs would fail without a word.
    return Pods(namespace=monitoring.namespace)


def target_flow(what: str, address: str, target: Target, *, port: int | None = None) -> Flow:
    """Connections to where an address leads: pods of a Service's namespace, or the network outside.

    port: where the address has none; default that of its scheme.
    """
    parts = address_of(address)
    given = parts.port or port or parts.default_port
    peers: list[Pods | Addresses] = [Addresses(range=one) for one in target.ranges]
    if parts.is_service:
        peers.append(Pods(namespace=parts.service_namespace))
    elif not peers:
        peers += _anywhere()
    return Flow(what=what, peers=peers, ports=(Port(port=target.pod_port or given),))


def _anywhere() -> tuple[Addresses, Addresses]:
    return (
        Addresses(range="0.0.0.0/0", without=METADATA_AND_PRIVATE),
        Addresses(range="::/0", without=METADATA_AND_PRIVATE_6),
    )


def hub_flow(description: Description, what: str = "downloads from the Hub") -> Flow:
    """Connections to Hugging Face, at public addresses or by the stack's proxy."""
    return Flow(
        what=what,
        peers=(
            *_anywhere(),
            *(Addresses(range=one) for one in description.settings.huggingface.mirror_ranges),
        ),
        ports=(Port(port=HTTPS_PORT),),
    )
