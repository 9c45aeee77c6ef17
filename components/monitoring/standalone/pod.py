"""What the pods of all three have in common: rights, labels, configuration that rolls them, claims."""

import hashlib
from collections.abc import Mapping
from typing import Any

from pulumi import Input

from blueprint.description import own_labels
from blueprint.monitoring.standalone import Server
from blueprint.settings.monitoring import Standalone
from components.pod.security import CONTAINER, pod_user_with_volumes

CONFIGURATION = "llm-inference/configuration"
"""Annotation of a pod: a digest of what it reads when it starts."""


def server_selector(server: Server) -> Mapping[str, str]:
    """Labels that select a server's pods."""
    return own_labels(server.name)


def server_labels(server: Server) -> Mapping[str, str]:
    """Labels of a server's objects."""
    return {
        **server_selector(server),
        "app.kubernetes.io/name": server.part,
        "app.kubernetes.io/managed-by": "pulumi",
    }


def digest(*texts: str) -> str:
    """Changes when one of them does."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def pod_template(
    server: Server, *, configuration: Input[str], container: Mapping[str, Any], volumes: Any, account: str | None = None
) -> Any:
    """A pod of Pod Security's restricted profile with one container.

    configuration: digest of what it reads at its start. account: ServiceAccount whose token it gets; None: no token.
    """
    return {
        "metadata": {"labels": server_labels(server), "annotations": {CONFIGURATION: configuration}},
        "spec": {
            **({"serviceAccountName": account} if account else {}),
            "automountServiceAccountToken": account is not None,
            "enableServiceLinks": False,
            "securityContext": pod_user_with_volumes(server.user_id),
            "containers": [
                {
                    "name": server.part,
                    "image": server.image,
                    "imagePullPolicy": "IfNotPresent",
                    "ports": [
                        {"name": name, "containerPort": port, "protocol": "TCP"} for name, port in _ports(server)
                    ],
                    "securityContext": CONTAINER,
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    **container,
                }
            ],
            "volumes": volumes,
        },
    }


def probe(path: str, *, period: int, failures: int, port: int | str = "http") -> Any:
    """A request to the server itself. period: in seconds."""
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def resources(*, cpu: str, memory_gib: float) -> Any:
    """Requests, and memory as limit, too: above it the kernel chooses who dies, and that may be a model."""
    memory = f"{round(memory_gib * 1024)}Mi" if memory_gib < 1 else f"{round(memory_gib)}Gi"
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def go_memory(memory_gib: int) -> Any:
    """A variable by which a program in Go collects its garbage before the kernel ends it."""
    return {"name": "GOMEMLIMIT", "value": f"{memory_gib * 1024 * 3 // 4}MiB"}


def service_spec(server: Server) -> Any:
    """Inside the cluster only, and always the same replica for the same asker: two have scraped at different times."""
    return {
        "type": "ClusterIP",
        "selector": server_selector(server),
        "sessionAffinity": "ClientIP",
        "ports": [{"name": name, "port": port, "targetPort": name, "protocol": "TCP"} for name, port in _ports(server)],
    }


def _ports(server: Server) -> list[tuple[str, int]]:
    return [("http", server.port), *server.more_ports.items()]


def deployment_spec(server: Server, *, progress_seconds: int, template: Mapping[str, Any]) -> Any:
    """One replica that keeps nothing, replaced by one that is ready. progress_seconds: beyond what its start takes."""
    return {
        "replicas": 1,
        "selector": {"matchLabels": server_selector(server)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "progressDeadlineSeconds": progress_seconds,
        "revisionHistoryLimit": 5,
        "template": template,
    }


def stateful_set_spec(
    server: Server, settings: Standalone, *, replicas: int, size_gib: int, template: Mapping[str, Any]
) -> Any:
    """Replicas with a claim each, called data. What it holds outlives the StatefulSet, and so a change of its size."""
    return {
        "replicas": replicas,
        "serviceName": server.name,
        "selector": {"matchLabels": server_selector(server)},
        # In order, a pod that a mistake keeps from being ready would keep the update from coming that mends it. Updates
        # are one at a time all the same.
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "template": template,
        "volumeClaimTemplates": [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data", "labels": dict(server_selector(server))},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": f"{size_gib}Gi"}},
                    **({"storageClassName": settings.storage_class} if settings.storage_class else {}),
                },
            }
        ],
    }
