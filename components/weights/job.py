"""The Job that fills a cache before a model's replicas are rolled out."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pulumi import Input

from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload
from components.labels import PROJECT, labels
from components.pod.placement import node_choice
from components.pod.template import pod_security, pull_secrets
from components.pod.volumes import cache_source
from components.weights.download.words import GATED, MISSING, TOKEN, VOLUME
from components.weights.nodes import on_weights_nodes
from components.weights.scripts import download_container, scripts_volume


def job_name(workload: Workload, hub_token: SecretKey | None, image: str, node: str | None = None) -> str:
    """Name of the Job. It follows from all that it does: another revision, image or node is another Job."""
    content = json.dumps(job_spec(workload, hub_token, image, node), sort_keys=True).encode()
    return f"{workload.object_name}-download-{hashlib.sha256(content).hexdigest()[:8]}"


def job_spec(workload: Workload, hub_token: SecretKey | None, image: Input[str], node: str | None = None) -> Any:
    """One pod that downloads, on a node where one is given, tried again where that may help.

    No ttlSecondsAfterFinished: a Job that disappears by itself would look like drift. Its successor takes its place.
    """
    return {
        "activeDeadlineSeconds": workload.times.value.download_deadline,
        "backoffLimit": 3,
        "podFailurePolicy": {
            "rules": [
                # A drained or preempted node is no failed try.
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {
                    "action": "FailJob",
                    "onExitCodes": {
                        "containerName": "download",
                        "operator": "In",
                        "values": [GATED, TOKEN, MISSING, VOLUME],
                    },
                },
            ]
        },
        "template": {
            "metadata": {"labels": job_labels(workload)},
            "spec": {
                "restartPolicy": "Never",
                "serviceAccountName": workload.object_name,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                # It ends at once, and the next try goes on where it stopped.
                "terminationGracePeriodSeconds": 10,
                "securityContext": pod_security(workload),
                **pull_secrets(workload.pull_secret),
                **job_placement(workload, node),
                "containers": [download_container(workload, hub_token, image)],
                "volumes": [{"name": "cache", **cache_source(workload)}, scripts_volume(workload)],
            },
        },
    }


def job_labels(workload: Workload) -> Mapping[str, str]:
    """Labels of the Job and its pods. The model's Service, budget and monitor must not take them for replicas."""
    return {**labels(workload), **_own_labels(workload)}


def job_placement(workload: Workload, node: str | None) -> Any:
    """The replicas' own nodes: a volume that is made at first use is made where they can mount it."""
    chosen = node_choice(workload)
    affinity = on_weights_nodes(chosen.pop("affinity", {}), workload, [node] if node else None)
    if workload.storage.value.access_mode == "ReadWriteOnce":
        affinity["podAffinity"] = _beside_the_replica(workload)
    return {**chosen, **({"affinity": affinity} if affinity else {})}


def _beside_the_replica(workload: Workload) -> Any:
    """The node of a running replica, which has the volume; no other node can mount it.

    The Job's own pods match the rule, too: what a pod fulfils itself holds for the first one, when nothing runs yet.
    """
    own = _own_labels(workload)["app.kubernetes.io/instance"]
    term = {
        "labelSelector": {
            "matchLabels": PROJECT,
            "matchExpressions": [
                {"key": "app.kubernetes.io/instance", "operator": "In", "values": [workload.object_name, own]}
            ],
        },
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}


def _own_labels(workload: Workload) -> Mapping[str, str]:
    return {"app.kubernetes.io/instance": f"{workload.object_name}-download"}
