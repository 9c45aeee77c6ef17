"""The exporter of Inference Endpoints: one pod that asks their control plane, for Prometheus to scrape."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from blueprint.description import own_labels
from blueprint.monitoring.exporter import PORT, Exporter
from blueprint.settings import Monitoring
from blueprint.timing.budget import IMAGE_PULL_SECONDS
from components.monitoring.standalone.pod import digest, probe, resources
from components.network import policy_spec
from components.pod.security import CONTAINER, pod_user
from endpoints.access import READING_VARIABLES

_USER = 1000
"""The image's own user: endpoints/Dockerfile."""

_TOKEN_KEY = "token"  # noqa: S105  the key in the Secret
_PORT_NAME = "metrics"


@dataclass(frozen=True, kw_only=True)
class ExporterArgs:
    """What watches, in which image, and whose endpoints."""

    exporter: Exporter
    image: Input[str]
    tag: Output[str]  # by which the stack knows its endpoints


def register_exporter(
    name: str,
    args: ExporterArgs,
    *,
    monitoring: Monitoring,
    namespace: Input[str],
    secrets: Mapping[str, Output[str]],
    operator: Resource | None,
    parent: Resource,
) -> None:
    """The exporter's objects.

    secrets: by name, the values that the settings name.
    operator: what defines PodMonitors, where the stack installs it.
    """
    exporter, opts = args.exporter, ResourceOptions(parent=parent)
    metadata: Any = {"name": exporter.name, "namespace": namespace, "labels": labels(exporter)}
    token = secrets[exporter.settings.token]
    k8s.core.v1.Secret(f"{name}-token", metadata=metadata, type="Opaque", string_data={_TOKEN_KEY: token}, opts=opts)
    k8s.networking.v1.NetworkPolicy(
        f"{name}-network",
        metadata=metadata,
        spec=policy_spec({"matchLabels": dict(selector(exporter))}, exporter.flows),
        opts=opts,
    )
    k8s.apps.v1.Deployment(
        f"{name}-deployment",
        metadata=metadata,
        spec=deployment_spec(
            exporter,
            image=args.image,
            arguments=args.tag.apply(lambda tag: list(exporter.arguments(tag))),
            # 64 bits of a hash tell no token, and as a secret they would hide what a preview changes.
            token_digest=Output.unsecret(token.apply(digest)),
        ),
        opts=opts,
    )
    if monitoring.mode == "operator":
        k8s.apiextensions.CustomResource(
            f"{name}-monitor",
            api_version="monitoring.coreos.com/v1",
            kind="PodMonitor",
            metadata={**metadata, "labels": {**metadata["labels"], **monitoring.labels}},
            spec=pod_monitor_spec(exporter),
            opts=ResourceOptions(parent=parent, depends_on=operator),
        )


def selector(exporter: Exporter) -> Mapping[str, str]:
    """Labels that select its pods."""
    return own_labels(exporter.name)


def labels(exporter: Exporter) -> Mapping[str, str]:
    """Labels of its objects."""
    return {
        **selector(exporter),
        "app.kubernetes.io/name": "endpoints-exporter",
        "app.kubernetes.io/managed-by": "pulumi",
    }


def pod_monitor_spec(exporter: Exporter) -> Any:
    """How the operator's Prometheus scrapes it: `endpoint` is an endpoint's name, and no port's."""
    return {
        "selector": {"matchLabels": dict(selector(exporter))},
        "podMetricsEndpoints": [{"port": _PORT_NAME, "path": "/metrics", "honorLabels": True}],
    }


def deployment_spec(exporter: Exporter, *, image: Input[str], arguments: Input[Any], token_digest: Input[str]) -> Any:
    """One replica: a second one would ask the same again."""
    pull = [{"name": exporter.pull_secret}] if exporter.pull_secret else []
    return {
        "replicas": 1,
        "progressDeadlineSeconds": IMAGE_PULL_SECONDS,
        # The new one first, so that nothing is unseen meanwhile.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "selector": {"matchLabels": dict(selector(exporter))},
        "template": {
            # It reads the token at its start alone: another one has to make a new pod.
            "metadata": {"labels": dict(labels(exporter)), "annotations": {"llm-inference/token": token_digest}},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "securityContext": pod_user(_USER),
                **({"imagePullSecrets": pull} if pull else {}),
                "containers": [_container(exporter, image, arguments)],
            },
        },
    }


def _container(exporter: Exporter, image: Input[str], arguments: Input[Any]) -> Any:
    key = {"secretKeyRef": {"name": exporter.name, "key": _TOKEN_KEY}}
    return {
        "name": "exporter",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "env": [{"name": READING_VARIABLES[exporter.api], "valueFrom": key}],
        "ports": [{"name": _PORT_NAME, "containerPort": PORT, "protocol": "TCP"}],
        # Measured in its container: 27 MiB. The rest is for thousands of endpoints and for slow scrapes.
        "resources": resources(cpu="10m", memory_gib=0.125),
        "securityContext": CONTAINER,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "startupProbe": probed(period=2, failures=30),
        "readinessProbe": probed(period=10, failures=3),
        "livenessProbe": probed(period=10, failures=6),
    }


def probed(*, period: int, failures: int) -> Any:
    """It answers as long as it runs, whether the control plane does or not."""
    return probe("/metrics", period=period, failures=failures, port=_PORT_NAME)
