"""One model on the cluster's GPUs: its identity, environment, weights, replicas, and the way to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Alias, ComponentResource, Input, Output, Resource, ResourceOptions

from blueprint.metrics.scraping import PROTOCOLS, relabelings
from blueprint.monitoring.rules import model_rules
from blueprint.monitoring.scrape import INTERVAL, target_relabelings
from blueprint.settings import Monitoring
from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload
from components.autoscaler import Autoscaler, AutoscalerArgs
from components.disruption import disruption_budget_spec
from components.exposure import Exposure, ExposureArgs
from components.labels import answering, download_selector, selector
from components.monitoring.rules import register_rules
from components.network import policy_spec
from components.place import SKIP_AWAIT, Place, engine_image
from components.pod.environment import environment, environment_name
from components.pod.keys import key_data, keys_secret
from components.replicas import register_replicas
from components.weights.filling import register_claim, register_download


@dataclass(frozen=True, kw_only=True)
class GpuWorkloadArgs:
    """What runs, and in what it runs. Everything shared is named, not owned."""

    workload: Workload
    images: Mapping[str, Input[str]]  # by name, those that the stack has names for
    namespace: Input[str]
    hub_token: SecretKey | None  # by reference; the value never passes here
    monitoring: Monitoring | None
    protect_cache: bool  # refuse to delete the claim with the weights
    keep_cache: bool  # leave the claim where it is when the stack or the model is deleted
    secrets: Mapping[str, Output[str]]  # by name, the values that the settings name
    operator: Resource | None  # what defines monitors and rules, where the stack installs it
    pulled: Resource | None  # replicas are replaced once it is ready
    sharers: Sequence[Resource]  # other models to which its route leads, which have to be ready before


class GpuWorkload(ComponentResource):
    """Replicas of one engine behind one Service.

    A rollout uses a spare GPU where the stack declares one, and otherwise takes the old replica away first.
    """

    url: Output[str]

    def __init__(self, name: str, args: GpuWorkloadArgs, opts: ResourceOptions | None = None):
        aliases = [Alias(name=former) for former in args.workload.formerly]
        super().__init__(
            "llm:index:GpuWorkload", name, {}, ResourceOptions.merge(opts, ResourceOptions(aliases=aliases))
        )
        self._place = Place(
            workload=args.workload,
            parent=self,
            namespace=args.namespace,
            image=engine_image(args.workload, args.images),
        )
        self._service_account(name)
        self._environment(name)
        self._network_policies(name)
        self._disruption_budget(name)
        self._keys(name, args.secrets)
        service = self._service(name)
        # What is only tried goes as a whole.
        stays = args.workload.stable is None
        protect, keep = args.protect_cache and stays, args.keep_cache and stays
        register_claim(name, self._place, protect=protect, keep=keep)
        filled = register_download(name, self._place, args.hub_token)
        register_replicas(
            name,
            self._place,
            hub_token=args.hub_token,
            keep_claims=keep or protect,
            after=[*filled, *([args.pulled] if args.pulled else [])],
        )
        self._autoscaler(name)
        self._pod_monitor(name, args)
        self._rules(name, args)
        self._exposure(name, args.sharers)
        self.url = Output.format("http://{0}.{1}", service.metadata["name"], args.namespace)
        self.register_outputs({"url": self.url})

    def _service_account(self, name: str) -> None:
        k8s.core.v1.ServiceAccount(
            f"{name}-identity",
            metadata=self._place.metadata(self._place.workload.object_name),
            # The engine never speaks to the API server.
            automount_service_account_token=False,
            opts=self._place.opts(),
        )

    def _environment(self, name: str) -> None:
        workload = self._place.workload
        k8s.core.v1.ConfigMap(
            f"{name}-environment",
            metadata=self._place.metadata(environment_name(workload)),
            data=environment(workload),
            immutable=True,
            opts=self._place.opts(),
        )

    def _network_policies(self, name: str) -> None:
        workload = self._place.workload
        k8s.networking.v1.NetworkPolicy(
            f"{name}-network",
            metadata=self._place.metadata(workload.object_name),
            spec=policy_spec({"matchLabels": selector(workload)}, workload.flows),
            opts=self._place.opts(),
        )
        if workload.download_flows is None:
            return
        k8s.networking.v1.NetworkPolicy(
            f"{name}-download-network",
            metadata=self._place.metadata(f"{workload.object_name}-download"),
            spec=policy_spec({"matchLabels": download_selector(workload)}, workload.download_flows),
            opts=self._place.opts(),
        )

    def _disruption_budget(self, name: str) -> None:
        workload = self._place.workload
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-budget",
            metadata=self._place.metadata(workload.object_name),
            spec=disruption_budget_spec(workload),
            opts=self._place.opts(),
        )

    def _keys(self, name: str, secrets: Mapping[str, Output[str]]) -> None:
        """The engine's keys, in a Secret that follows from them, so that a change rolls the pods."""
        workload = self._place.workload
        if workload.keys is None or not workload.keys.value.names:
            return
        names = workload.keys.value.names
        annotations = {"llm-inference/keys": ", ".join(names)}
        k8s.core.v1.Secret(
            f"{name}-keys",
            metadata=self._place.metadata(keys_secret(workload).name, annotations=annotations),
            type="Opaque",
            immutable=True,
            string_data=Output.all(*(secrets[one] for one in names)).apply(lambda given: key_data(workload, given)),
            opts=self._place.opts(),
        )

    def _service(self, name: str) -> k8s.core.v1.Service:
        workload = self._place.workload
        return k8s.core.v1.Service(
            f"{name}-service",
            # Awaiting endpoints would wait for the same pods that the Deployment's own await reports better.
            metadata=self._place.metadata(workload.object_name, annotations=SKIP_AWAIT),
            spec=service_spec(workload),
            opts=self._place.opts(),
        )

    def _autoscaler(self, name: str) -> None:
        workload = self._place.workload
        if workload.scaling.value is None:
            return
        # It does not wait for the replicas: it brings them to min while the first one loads.
        args = AutoscalerArgs(workload=workload, namespace=self._place.namespace)
        Autoscaler(f"{name}-autoscaler", args, self._place.opts())

    def _pod_monitor(self, name: str, args: GpuWorkloadArgs) -> None:
        monitoring = args.monitoring
        if monitoring is None or monitoring.mode != "operator":
            return
        workload = self._place.workload
        metadata = self._place.metadata(workload.object_name)
        k8s.apiextensions.CustomResource(
            f"{name}-monitor",
            api_version="monitoring.coreos.com/v1",
            kind="PodMonitor",
            metadata={**metadata, "labels": {**metadata["labels"], **monitoring.labels}},
            spec=pod_monitor_spec(workload),
            opts=self._place.opts(depends_on=args.operator),
        )

    def _rules(self, name: str, args: GpuWorkloadArgs) -> None:
        """Its own, so that they go with the model: a rule about a model that is gone would be an alert for ever."""
        monitoring = args.monitoring
        if monitoring is None or monitoring.mode != "operator" or not monitoring.rules:
            return
        workload = self._place.workload
        register_rules(
            f"{name}-rules",
            metadata=self._place.metadata(workload.object_name),
            monitoring=monitoring,
            namespace=self._place.namespace,
            spec=lambda namespace: model_rules(workload, namespace=namespace, monitoring=monitoring),
            parent=self,
            operator=args.operator,
        )

    def _exposure(self, name: str, sharers: Sequence[Resource]) -> None:
        workload = self._place.workload
        if workload.exposure is None:
            return
        args = ExposureArgs(
            workload=workload, exposure=workload.exposure.value, namespace=self._place.namespace, sharers=sharers
        )
        Exposure(f"{name}-exposure", args, self._place.opts())


def service_spec(workload: Workload) -> Any:
    """Port 80 to the engine's port, inside the cluster."""
    return {
        "type": "ClusterIP",
        "selector": answering(workload),
        "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
    }


def pod_monitor_spec(workload: Workload) -> Any:
    """Scrape of the engine's own metrics."""
    engine = workload.engine
    protocols = PROTOCOLS.get(engine.name)
    relabeled = target_relabelings(workload)
    return {
        "selector": {"matchLabels": selector(workload)},
        **({"scrapeProtocols": list(protocols)} if protocols else {}),
        "podMetricsEndpoints": [
            {
                "port": engine.metrics_port_name,
                "path": engine.metrics_path,
                "interval": INTERVAL,
                **({"relabelings": relabeled} if relabeled else {}),
                "metricRelabelings": relabelings(engine.name),
            }
        ],
    }
