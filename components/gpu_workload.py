"""One model on the cluster's GPUs: its identity, environment, cache, pods, and the way to them."""

from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Alias, ComponentResource, CustomTimeouts, Input, Output, ResourceOptions

from blueprint.settings import Monitoring
from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload
from components.labels import labels, selector
from components.llm_d import chart_values, release
from components.network import workload_policy_spec
from components.pod.environment import environment, environment_name
from components.pod.template import pod_template

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}


@dataclass(frozen=True, kw_only=True)
class GpuWorkloadArgs:
    """What runs, and in what it runs. Everything shared is named, not owned."""

    workload: Workload
    namespace: Input[str]
    hub_token: SecretKey | None  # by reference; the value never passes here
    monitoring: Monitoring | None
    protect_cache: bool  # refuse to delete the claim with the weights


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
        self._args = args
        self._service_account(name)
        self._environment(name)
        self._cache_claim(name)
        self._network_policy(name)
        service = self._service(name)
        self._replicas(name)
        self._pod_monitor(name)
        self.url = Output.format("http://{0}.{1}", service.metadata["name"], args.namespace)
        self.register_outputs({"url": self.url})

    def _metadata(self, name: str, **extra: Any) -> Any:
        workload = self._args.workload
        return {"name": name, "namespace": self._args.namespace, "labels": labels(workload), **extra}

    def _service_account(self, name: str) -> None:
        k8s.core.v1.ServiceAccount(
            f"{name}-identity",
            metadata=self._metadata(self._args.workload.object_name),
            # The engine never speaks to the API server.
            automount_service_account_token=False,
            opts=ResourceOptions(parent=self),
        )

    def _environment(self, name: str) -> None:
        k8s.core.v1.ConfigMap(
            f"{name}-environment",
            metadata=self._metadata(environment_name(self._args.workload)),
            data=environment(self._args.workload),
            immutable=True,
            opts=ResourceOptions(parent=self),
        )

    def _cache_claim(self, name: str) -> None:
        storage = self._args.workload.storage.value
        if storage.kind != "claim":
            return
        k8s.core.v1.PersistentVolumeClaim(
            f"{name}-cache",
            # A class that binds at first use would wait for the pods that wait for the claim.
            metadata=self._metadata(storage.claim_name or "", annotations=SKIP_AWAIT),
            spec=claim_spec(self._args.workload),
            opts=ResourceOptions(parent=self, protect=self._args.protect_cache),
        )

    def _network_policy(self, name: str) -> None:
        k8s.networking.v1.NetworkPolicy(
            f"{name}-network",
            metadata=self._metadata(self._args.workload.object_name),
            spec=workload_policy_spec(self._args.workload, self._args.monitoring),
            opts=ResourceOptions(parent=self),
        )

    def _service(self, name: str) -> k8s.core.v1.Service:
        return k8s.core.v1.Service(
            f"{name}-service",
            # Awaiting endpoints would wait for the same pods that the Deployment's own await reports better.
            metadata=self._metadata(self._args.workload.object_name, annotations=SKIP_AWAIT),
            spec=service_spec(self._args.workload),
            opts=ResourceOptions(parent=self),
        )

    def _replicas(self, name: str) -> None:
        workload = self._args.workload
        if workload.llm_d is None:
            self._deployment(name)
            return
        delivery, deployment = workload.llm_d.value, deployment_spec(workload, self._args.hub_token)
        release(
            name,
            workload=workload,
            delivery=delivery,
            values=chart_values(workload, delivery, deployment),
            namespace=self._args.namespace,
            parent=self,
        )

    def _deployment(self, name: str) -> None:
        workload = self._args.workload
        timeout = f"{workload.rollout_seconds}s"
        k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=self._metadata(workload.object_name),
            spec=deployment_spec(workload, self._args.hub_token),
            opts=ResourceOptions(
                parent=self, custom_timeouts=CustomTimeouts(create=timeout, update=timeout, delete="10m")
            ),
        )

    def _pod_monitor(self, name: str) -> None:
        monitoring = self._args.monitoring
        if monitoring is None:
            return
        metadata = self._metadata(self._args.workload.object_name)
        k8s.apiextensions.CustomResource(
            f"{name}-monitor",
            api_version="monitoring.coreos.com/v1",
            kind="PodMonitor",
            metadata={**metadata, "labels": {**metadata["labels"], **monitoring.labels}},
            spec=pod_monitor_spec(self._args.workload),
            opts=ResourceOptions(parent=self),
        )


def claim_spec(workload: Workload) -> Any:
    """The model cache's claim."""
    storage = workload.storage.value
    return {
        "accessModes": [storage.access_mode],
        "resources": {"requests": {"storage": f"{storage.size_gib}Gi"}},
        **({"storageClassName": storage.storage_class} if storage.storage_class else {}),
    }


def service_spec(workload: Workload) -> Any:
    """Port 80 to the engine's port, inside the cluster."""
    return {
        "type": "ClusterIP",
        "selector": selector(workload),
        "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
    }


def deployment_spec(workload: Workload, hub_token: SecretKey | None) -> Any:
    """The replicas, and how a rollout replaces them."""
    rollout = workload.rollout.value
    return {
        "replicas": workload.replicas,
        "selector": {"matchLabels": selector(workload)},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": rollout.max_surge, "maxUnavailable": rollout.max_unavailable},
        },
        # The default of 600 s calls a rollout failed while the model still loads.
        "progressDeadlineSeconds": workload.times.value.progress_deadline,
        "revisionHistoryLimit": 5,
        "template": pod_template(workload, hub_token),
    }


def pod_monitor_spec(workload: Workload) -> Any:
    """Scrape of the engine's own metrics."""
    return {
        "selector": {"matchLabels": selector(workload)},
        "podMetricsEndpoints": [{"port": "http", "path": workload.engine.metrics_path, "interval": "15s"}],
    }
