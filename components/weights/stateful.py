"""Replicas that own their weights: a StatefulSet with a claim for each."""

from typing import Any

from pulumi import Input

from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload
from components.labels import selector
from components.pod.template import pod_template
from components.weights.claim import claim_spec


def governing_name(workload: Workload) -> str:
    """Name of the headless Service that a StatefulSet has to name."""
    return f"{workload.object_name}-replicas"


def governing_service_spec(workload: Workload) -> Any:
    """No address of its own: it gives each replica a name."""
    return {
        "clusterIP": "None",
        "selector": selector(workload),
        "ports": [{"name": "http", "port": workload.engine.port, "targetPort": "http", "protocol": "TCP"}],
    }


def stateful_set_spec(workload: Workload, hub_token: SecretKey | None, image: Input[str], *, keep_claims: bool) -> Any:
    """The replicas, replaced one at a time, the old one first.

    No rollingUpdate.maxUnavailable: its feature gate is off by default (kubernetes 1.35, pkg/features).
    """
    return {
        "replicas": workload.replicas,
        "serviceName": governing_name(workload),
        "selector": {"matchLabels": selector(workload)},
        # Replicas do not know one another; in order, each would wait for its predecessor's download.
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "persistentVolumeClaimRetentionPolicy": {
            "whenDeleted": "Retain" if keep_claims else "Delete",
            # A scale-up finds the weights of the replica that went before, also while the Hub is down.
            "whenScaled": "Retain",
        },
        "template": pod_template(workload, hub_token, image),
        "volumeClaimTemplates": [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                # Only what never changes: another template replaces the StatefulSet.
                "metadata": {"name": "cache", "labels": dict(selector(workload))},
                "spec": claim_spec(workload),
            }
        ],
    }
