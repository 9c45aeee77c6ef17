"""The OpenTelemetry Collector: receives the models' traces and agents' logs, and passes them on."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from blueprint.description import own_labels
from blueprint.monitoring.collector import GRPC_PORT, HEALTH_PORT, HTTP_PORT
from blueprint.monitoring.gateway import Gateway
from blueprint.timing.budget import IMAGE_PULL_SECONDS
from components.monitoring.written import written
from components.network import policy_spec
from components.pod.security import CONTAINER, pod_user

CONFIGURATION = "collector.yaml"
_FOLDER = "/etc/collector"
_USER = 10001
"""The image's own user: distributions/otelcol-contrib/Dockerfile in opentelemetry-collector-releases."""

# 20,000 waiting traces take about 160 MiB, the exporters' queues of 1000 batches the same, the program 100; the
# limiter refuses above 80 %. A request equal to the limit, so that a full node does not take it away.
_MEMORY_MIB = 512

_GRACE_SECONDS = 30
"""To decide about the traces that wait and to send what is queued; an export is given up after 5 s."""


def register_collector(
    name: str, *, gateway: Gateway, namespace: Input[str], secrets: Mapping[str, Output[str]], parent: Resource
) -> None:
    """The collector's objects. secrets: by name, the values that its variables come from."""
    metadata = {"name": gateway.name, "namespace": namespace, "labels": selector(gateway)}
    opts = ResourceOptions(parent=parent)
    k8s.core.v1.ServiceAccount(
        f"{name}-identity",
        metadata=metadata,
        # The pods say themselves who they are: it never speaks to the API server.
        automount_service_account_token=False,
        opts=opts,
    )
    k8s.core.v1.ConfigMap(f"{name}-configuration", metadata=metadata, data=config_map_data(gateway), opts=opts)
    keys = _keys(gateway, secrets)
    if keys is not None:
        k8s.core.v1.Secret(f"{name}-keys", metadata=metadata, type="Opaque", string_data=keys, opts=opts)
    k8s.networking.v1.NetworkPolicy(
        f"{name}-network",
        metadata=metadata,
        spec=policy_spec({"matchLabels": selector(gateway)}, gateway.flows),
        opts=opts,
    )
    k8s.core.v1.Service(f"{name}-service", metadata=metadata, spec=service_spec(gateway), opts=opts)
    k8s.apps.v1.Deployment(
        f"{name}-deployment",
        metadata=metadata,
        spec=deployment_spec(gateway, keys_digest=_digest(keys) if keys is not None else None),
        opts=opts,
    )


def selector(gateway: Gateway) -> Mapping[str, str]:
    """Labels of its pods and of all its objects."""
    return own_labels(gateway.name)


def config_map_data(gateway: Gateway) -> Mapping[str, str]:
    """Its configuration, a statement a line."""
    return {CONFIGURATION: written(dict(gateway.configuration))}


def service_spec(gateway: Gateway) -> Any:
    """OTLP by both protocols, inside the cluster."""
    ports = {"otlp-grpc": GRPC_PORT, "otlp-http": HTTP_PORT}
    return {
        "type": "ClusterIP",
        "selector": selector(gateway),
        "ports": [{"name": name, "port": port, "targetPort": name, "protocol": "TCP"} for name, port in ports.items()],
    }


def deployment_spec(gateway: Gateway, *, keys_digest: Input[str] | None) -> Any:
    """One replica: whether a trace is kept is decided where all of its spans are."""
    digests: dict[str, Input[str]] = {"llm-inference/configuration": _digest_of(config_map_data(gateway))}
    if keys_digest is not None:
        digests["llm-inference/keys"] = keys_digest
    return {
        "replicas": 1,
        "progressDeadlineSeconds": IMAGE_PULL_SECONDS,
        # The new one first: engines whose spans are refused drop them. Traces of that moment may be cut in two.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "selector": {"matchLabels": selector(gateway)},
        "template": {
            "metadata": {
                "labels": {**selector(gateway), "app.kubernetes.io/name": "opentelemetry-collector"},
                # It reads both at its start alone: a change has to make new pods.
                "annotations": digests,
            },
            "spec": {
                "serviceAccountName": gateway.name,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": _GRACE_SECONDS,
                "securityContext": pod_user(_USER),
                "containers": [container(gateway)],
                "volumes": [{"name": "configuration", "configMap": {"name": gateway.name}}],
            },
        },
    }


def container(gateway: Gateway) -> Any:
    """The collector's container."""
    ports = {"otlp-grpc": GRPC_PORT, "otlp-http": HTTP_PORT, "health": HEALTH_PORT}
    # 5 s: on a busy node an answer is late before it is missing.
    probe = {"httpGet": {"path": "/", "port": "health"}, "timeoutSeconds": 5}
    return {
        "name": "collector",
        "image": gateway.image.value,
        "imagePullPolicy": "IfNotPresent",
        "args": [f"--config={_FOLDER}/{CONFIGURATION}"],
        "env": [
            # Below the limiter's 80 %: Go collects its garbage before anything is refused.
            {"name": "GOMEMLIMIT", "value": f"{_MEMORY_MIB * 3 // 4}MiB"},
            *(
                {"name": one.name, "valueFrom": {"secretKeyRef": {"name": gateway.name, "key": one.name}}}
                for one in gateway.variables
            ),
        ],
        "ports": [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()],
        "resources": {
            # No processor limit: throttled, it would answer engines late. 0.1 is what some 100 spans a second take.
            "requests": {"cpu": "100m", "memory": f"{_MEMORY_MIB}Mi"},
            "limits": {"memory": f"{_MEMORY_MIB}Mi"},
        },
        "securityContext": CONTAINER,
        "volumeMounts": [{"name": "configuration", "mountPath": _FOLDER, "readOnly": True}],
        # It starts within a second; the rest is for a node that is short of processors.
        "startupProbe": {**probe, "periodSeconds": 5, "failureThreshold": 12},
        "readinessProbe": {**probe, "periodSeconds": 5, "failureThreshold": 2},
        "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 6},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _keys(gateway: Gateway, secrets: Mapping[str, Output[str]]) -> Output[Mapping[str, str]] | None:
    if not gateway.variables:
        return None
    named = {name: secrets[name] for one in gateway.variables for name in one.names}
    return Output.all(**named).apply(lambda given: {one.name: one.value(given) for one in gateway.variables})


def _digest(keys: Output[Mapping[str, str]]) -> Output[str]:
    """Of the keys, to be seen: 32 bits of a hash tell no key."""
    return Output.unsecret(keys.apply(_digest_of))


def _digest_of(data: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]
