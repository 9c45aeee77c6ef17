"""One model on the cluster's GPUs: its identity, environment, cache, pods, and the way to them."""

from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Alias, ComponentResource, CustomTimeouts, Input, Output, Resource, ResourceOptions

from blueprint.settings import Monitoring
from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload
from components.keeping import kept, kept_annotations
from components.labels import labels, selector
from components.network import workload_policy_spec
from components.pod.environment import environment, environment_name
from components.pod.template import pod_template
from components.weights.claim import claim_spec
from components.weights.job import job_labels, job_name, job_spec
from components.weights.nodes import volume_spec
from components.weights.scripts import scripts, scripts_name
from components.weights.stateful import governing_name, governing_service_spec, stateful_set_spec

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}

# What a person mended, the next `up` tries again: a Job that failed never becomes ready by itself.
REPLACE_UNREADY = {"pulumi.com/replaceUnready": "true"}


@dataclass(frozen=True, kw_only=True)
class GpuWorkloadArgs:
    """What runs, and in what it runs. Everything shared is named, not owned."""

    workload: Workload
    namespace: Input[str]
    hub_token: SecretKey | None  # by reference; the value never passes here
    monitoring: Monitoring | None
    protect_cache: bool  # refuse to delete the claim with the weights
    keep_cache: bool  # leave the claim where it is when the stack or the model is deleted


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
        download = self._download(name)
        self._network_policy(name)
        service = self._service(name)
        self._replicas(name, after=download)
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
        storage, keep = self._args.workload.storage.value, self._args.keep_cache
        if storage.kind not in ("claim", "node"):
            return
        if storage.kind == "node":
            self._node_volume(name)
        k8s.core.v1.PersistentVolumeClaim(
            f"{name}-cache",
            # A class that binds at first use would wait for the pods that wait for the claim.
            metadata=self._metadata(
                storage.claim_name or "", annotations={**SKIP_AWAIT, **kept_annotations(keep=keep)}
            ),
            spec=claim_spec(self._args.workload),
            opts=ResourceOptions.merge(ResourceOptions(parent=self, protect=self._args.protect_cache), kept(keep=keep)),
        )

    def _node_volume(self, name: str) -> None:
        workload, namespace = self._args.workload, self._args.namespace
        metadata = {"name": Output.format("{0}-{1}", namespace, workload.storage.value.claim_name)}
        k8s.core.v1.PersistentVolume(
            f"{name}-volume",
            metadata={**metadata, "labels": labels(workload), "annotations": SKIP_AWAIT},
            spec=volume_spec(workload, namespace),
            opts=ResourceOptions(parent=self),
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

    def _download(self, name: str) -> list[Resource]:
        """What fills the cache; a rollout waits for it."""
        workload = self._args.workload
        if not workload.weights.value.models:
            return []
        files = k8s.core.v1.ConfigMap(
            f"{name}-scripts",
            metadata=self._metadata(scripts_name(workload)),
            data=scripts(),
            immutable=True,
            opts=ResourceOptions(parent=self),
        )
        if workload.weights.value.filled_by != "job":
            return [files]
        nodes = workload.storage.value.nodes or ()
        return [self._job(f"{name}-download-{node}", files, node) for node in nodes] or [
            self._job(f"{name}-download", files, None)
        ]

    def _job(self, name: str, files: Resource, node: str | None) -> Resource:
        workload, hub_token = self._args.workload, self._args.hub_token
        # The Job ends itself at its deadline, with a reason; the margin lets that be seen.
        timeout = f"{workload.times.value.download_deadline + 60}s"
        metadata = self._metadata(job_name(workload, hub_token, node), annotations=REPLACE_UNREADY)
        job: Resource = k8s.batch.v1.Job(
            name,
            metadata={**metadata, "labels": job_labels(workload)},
            spec=job_spec(workload, hub_token, node),
            opts=ResourceOptions(
                parent=self,
                depends_on=[files],
                custom_timeouts=CustomTimeouts(create=timeout, update=timeout, delete="10m"),
            ),
        )
        return job

    def _replicas(self, name: str, after: list[Resource]) -> None:
        workload = self._args.workload
        timeout = f"{workload.rollout_seconds}s"
        opts = ResourceOptions(
            parent=self,
            depends_on=after,
            custom_timeouts=CustomTimeouts(create=timeout, update=timeout, delete="10m"),
        )
        if workload.kind == "StatefulSet":
            self._stateful_set(name, opts)
            return
        k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=self._metadata(workload.object_name),
            spec=deployment_spec(workload, self._args.hub_token),
            opts=opts,
        )

    def _stateful_set(self, name: str, opts: ResourceOptions) -> None:
        workload, keep = self._args.workload, self._args.keep_cache or self._args.protect_cache
        k8s.core.v1.Service(
            f"{name}-governing",
            metadata=self._metadata(governing_name(workload), annotations=SKIP_AWAIT),
            spec=governing_service_spec(workload),
            opts=ResourceOptions(parent=self),
        )
        k8s.apps.v1.StatefulSet(
            f"{name}-replicas",
            metadata=self._metadata(workload.object_name),
            spec=stateful_set_spec(workload, self._args.hub_token, keep_claims=keep),
            opts=opts,
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
