"""The program: read the stack's settings, build its components, export what others need."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from components.gpu_workload import GpuWorkload, GpuWorkloadArgs
from components.platform import Platform, PlatformArgs
from components.settings import hub_read_token, read_stack

config = pulumi.Config()
stack = read_stack(config, root=Path(__file__).parent)
models: dict[str, pulumi.Output[str]] = {}

if stack.cluster is not None:
    cluster = k8s.Provider(
        "cluster",
        context=stack.cluster.context,
        cluster_identifier=stack.cluster.id,
        # Empty, not absent: the SDK would copy this machine's KUBECONFIG into the state.
        kubeconfig="",
    )
    opts = pulumi.ResourceOptions(providers=[cluster])

    platform = Platform(
        "platform",
        PlatformArgs(
            cluster=stack.cluster,
            gpu_quota=stack.gpu_quota,
            protect=stack.protect,
            hub_read_secret=stack.hub_read_secret,
            hub_read_token=hub_read_token(config),
        ),
        opts,
    )
    for workload in stack.workloads:
        models[workload.name] = GpuWorkload(
            workload.name,
            GpuWorkloadArgs(
                workload=workload,
                namespace=platform.namespace,
                hub_token=platform.hub_token,
                monitoring=stack.monitoring,
                protect_cache=stack.protect,
            ),
            opts,
        ).url

pulumi.export("models", models)
