"""The exporter of Inference Endpoints, resolved: what its Deployment runs, and what it may do on the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from blueprint.description import Description, name_in
from blueprint.endpoint import Endpoint
from blueprint.network import DNS, Flows, hub_flow, scrape_flow
from blueprint.settings.watching import WatchedEndpoints

NAME = "llm-endpoints"
"""Of its objects, in a namespace of the stack's own."""

PORT = 9840


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """What watches a stack's endpoints.

    name: of its objects. api, namespace: where the endpoints are. models: by endpoint, the model in the stack file.
    """

    name: str
    api: Literal["huggingface", "lab"]
    namespace: str
    models: Mapping[str, str]
    settings: WatchedEndpoints
    pull_secret: str | None
    flows: Flows

    def arguments(self, tag: str | None) -> Sequence[str]:
        """The program's arguments: none of them is secret. tag: of the stack's own endpoints; a preview has none."""
        return [
            f"--api={self.api}",
            f"--namespace={self.namespace}",
            f"--tag={tag or ''}",
            *(f"--model={endpoint}={model}" for endpoint, model in sorted(self.models.items())),
            f"--poll-seconds={self.settings.poll_seconds}",
            f"--keep-seconds={self.settings.keep_minutes * 60}",
            # The network policy says who reaches it.
            "--listen=0.0.0.0",
            f"--port={PORT}",
        ]


def resolve_exporter(description: Description, endpoints: Sequence[Endpoint]) -> Exporter | None:
    """The stack's exporter, if it has one. Of a description that passed its checks."""
    monitoring, cluster = description.settings.monitoring, description.settings.cluster
    if monitoring is None or monitoring.endpoints is None or cluster is None:
        return None
    return Exporter(
        name=name_in(cluster.namespace, NAME, stack=description.stack),
        api=endpoints[0].api,
        namespace=endpoints[0].namespace,
        models={one.endpoint_name: one.name for one in endpoints},
        settings=monitoring.endpoints,
        pull_secret=description.settings.images[monitoring.endpoints.image].pull_secret,
        flows=Flows(
            incoming=[scrape_flow(description, monitoring, port=PORT)],
            outgoing=[DNS, hub_flow(description, "the control plane of Inference Endpoints")],
        ),
    )
