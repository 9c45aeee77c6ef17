"""The program: read the stack's settings, build its components, export what others need."""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from blueprint.description import name_in
from components.endpoint.inference_endpoint import InferenceEndpoint, InferenceEndpointArgs, Ownership
from components.gpu_workload import GpuWorkload, GpuWorkloadArgs
from components.image import ContainerImage, ContainerImageArgs
from components.monitoring.endpoints import ExporterArgs
from components.monitoring.installed import PrometheusOperator, PrometheusOperatorArgs
from components.monitoring.stack import MonitoringStack, MonitoringStackArgs
from components.platform import Platform, PlatformArgs
from components.settings import hub_read_token, named_secrets, read_stack

config = pulumi.Config()
stack = read_stack(config, root=Path(__file__).parent)
for warning in stack.warnings:
    pulumi.log.warn(warning)
for note in stack.notes:
    pulumi.log.info(note)
secrets = named_secrets(stack)
images = {
    image.name: ContainerImage(f"{image.name}-image", ContainerImageArgs(image=image, secrets=secrets)).reference
    for image in stack.images
}
models: dict[str, pulumi.Output[str]] = {}
endpoints: dict[str, pulumi.Output[dict[str, Any]]] = {}
owner = (
    Ownership("endpoint-owner", api=stack.endpoints[0].api, namespace=stack.endpoints[0].namespace)
    if stack.endpoints
    else None
)

if stack.cluster is not None:
    cluster = k8s.Provider(
        "cluster",
        context=stack.cluster.context,
        cluster_identifier=stack.cluster.id,
        # Empty, not absent: the SDK would copy this machine's KUBECONFIG into the state.
        kubeconfig="",
        # What was kept is there already. Fields that others manage are still refused: components/keeping.py.
        upsert_existing_objects=stack.keep_weights or None,
    )
    opts = pulumi.ResourceOptions(providers=[cluster])

    platform = Platform(
        "platform",
        PlatformArgs(
            stack=stack.name,
            cluster=stack.cluster,
            workloads=stack.workloads,
            images=images,
            gpu_quota=stack.gpu_quota,
            protect=stack.protect,
            keep=stack.keep_weights,
            hub_read_secret=stack.hub_read_secret,
            hub_read_token=hub_read_token(config),
            gateway=stack.gateway,
            client_ports=sorted({workload.engine.port for workload in stack.workloads}),
        ),
        opts,
    )
    operator: pulumi.Resource | None = None
    if stack.installation is not None:
        installed = PrometheusOperatorArgs(installation=stack.installation, protect=stack.protect)
        operator = PrometheusOperator("operator", installed, opts).release
    if stack.monitoring is not None:
        MonitoringStack(
            "monitoring",
            MonitoringStackArgs(
                name=name_in(stack.cluster.namespace, "llm-stack", stack=stack.name),
                monitoring=stack.monitoring,
                namespace=platform.namespace,
                workloads=stack.workloads,
                monthly_usd=stack.monthly_usd,
                collector=stack.collector,
                exporter=ExporterArgs(
                    exporter=stack.exporter, image=images[stack.exporter.settings.image], tag=owner.tag
                )
                if stack.exporter and owner
                else None,
                servers=stack.servers,
                operator=operator,
                stores=stack.stores,
                probing=stack.probing,
                secrets=secrets,
            ),
            opts,
        )
    built: dict[str, GpuWorkload] = {}
    # A route comes after all that it leads to, and nothing that a route shares requests with has one of its own.
    for workload in sorted(stack.workloads, key=lambda one: one.exposure is not None):
        shares = workload.exposure.value.backends[1:] if workload.exposure else ()
        built[workload.object_name] = GpuWorkload(
            workload.name,
            GpuWorkloadArgs(
                workload=workload,
                images=images,
                namespace=platform.namespace,
                hub_token=platform.hub_token,
                monitoring=stack.monitoring,
                protect_cache=stack.protect,
                secrets=secrets,
                keep_cache=stack.keep_weights,
                operator=operator,
                pulled=platform.pulled,
                sharers=[built[backend.service] for backend in shares],
            ),
            opts,
        )
        models[workload.name] = built[workload.object_name].url

if owner is not None:
    waiting = pulumi.ProviderResource("pulumi-python", "endpoint-waiting")
    costs = {model.name: model for model in stack.cost.models}
    for endpoint in stack.endpoints:
        served = InferenceEndpoint(
            endpoint.name,
            InferenceEndpointArgs(
                endpoint=endpoint,
                cost=costs[endpoint.name],
                owner=owner.tag,
                secrets=secrets,
                protect=stack.protect,
                waiting=waiting,
            ),
        )
        models[endpoint.name], endpoints[endpoint.name] = served.url, served.summary
    pulumi.export("endpoints", endpoints)

if images:
    pulumi.export("images", images)

published = {one.name: f"https://{one.exposure.value.host}" for one in stack.workloads if one.exposure}
if published:
    pulumi.export("published", published)

if stack.foresight:
    pulumi.export("foresight", stack.foresight)

pulumi.export("models", models)
