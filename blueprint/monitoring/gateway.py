"""The collector of a stack, resolved: what its Deployment runs, and what it may do on the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blueprint.description import Description, object_name
from blueprint.monitoring.collector import (
    GRPC_PORT,
    HTTP_PORT,
    IMAGE,
    SecretVariable,
    configuration,
    secret_variables,
    takes_traces,
)
from blueprint.monitoring.targets import collector_of, own_targets
from blueprint.network import DNS, Flow, Flows, Pods, Port, own_pods, target_flow, to_own_store
from blueprint.pins import pinned_image
from blueprint.resources import Resolved
from blueprint.settings import Monitoring
from blueprint.settings.collector import Collector


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A collector that all models of a stack send to.

    name: of its objects. variables: of its environment, from secrets.
    """

    name: str
    image: Resolved[str]
    configuration: Mapping[str, Any]
    variables: Sequence[SecretVariable]
    flows: Flows


def resolve_gateway(description: Description) -> Gateway | None:
    """The stack's collector, if it has one. Of a description that passed its checks."""
    monitoring, collector = description.settings.monitoring, collector_of(description)
    name = description.collector_name
    if name is None or monitoring is None or collector is None:
        return None
    return Gateway(
        name=name,
        image=pinned_image(description, IMAGE),
        configuration=configuration(collector),
        variables=secret_variables(collector),
        flows=_flows(description, monitoring, collector),
    )


def _flows(description: Description, monitoring: Monitoring, collector: Collector) -> Flows:
    names = [object_name(name, model.formerly) for name, model in description.kubernetes_models()]
    incoming = []
    if takes_traces(collector) and names:
        incoming.append(Flow(what="traces of the models", peers=(own_pods(*names),), ports=(Port(port=GRPC_PORT),)))
    # Containers' logs are on the nodes: whoever reads them there hands them in.
    agents = Pods(namespace=monitoring.namespace)
    ports = (Port(port=GRPC_PORT), Port(port=HTTP_PORT))
    incoming.append(Flow(what="logs and traces of agents", peers=(agents,), ports=ports))
    own = own_targets(description)
    outgoing = [DNS, *(to_own_store(description, store) for store in own)]
    if collector.traces_to is not None and "jaeger" not in own:
        outgoing.append(target_flow("traces", collector.traces_to.address, collector.traces_to, port=GRPC_PORT))
    if collector.logs_to is not None and "loki" not in own:
        outgoing.append(target_flow("logs", collector.logs_to.address, collector.logs_to))
    if collector.langfuse is not None:
        outgoing.append(target_flow("generations", collector.langfuse.host, collector.langfuse))
    return Flows(incoming=incoming, outgoing=outgoing)
