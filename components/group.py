"""Replicas on several nodes: a LeaderWorkerSet, whose groups of pods start, fail and roll as one."""

from typing import Any

from pulumi import Input

from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload
from components.pod.template import pod_template

API_VERSION = "leaderworkerset.x-k8s.io/v1"

AWAITED = {"pulumi.com/waitFor": "condition=Available"}
"""Custom resources are taken for ready when they exist; this one says when all its groups are."""

_OF_THE_LEADER = ("ports", "startupProbe", "readinessProbe", "livenessProbe")


def group_spec(workload: Workload, hub_token: SecretKey | None, image: Input[str]) -> Any:
    """The groups, what one consists of, and how a rollout replaces them."""
    rollout = workload.rollout.value
    return {
        "replicas": workload.replicas,
        # The leader is ready when all have loaded their part: workers that wait for that would wait for ever.
        "startupPolicy": "LeaderCreated",
        # A Service of each group's own: the one that all groups could share has the name of the model's Service.
        "networkConfig": {"subdomainPolicy": "UniquePerReplica"},
        "leaderWorkerTemplate": {
            "size": workload.nodes,
            # A process that comes back finds no way into the communicators of the others.
            "restartPolicy": "RecreateGroupOnPodRestart",
            "leaderTemplate": pod_template(workload, hub_token, image),
            "workerTemplate": worker_template(workload, hub_token, image),
        },
        "rolloutStrategy": {
            "type": "RollingUpdate",
            "rollingUpdateConfiguration": {
                "maxSurge": rollout.max_surge,
                "maxUnavailable": rollout.max_unavailable,
            },
        },
    }


def worker_template(workload: Workload, hub_token: SecretKey | None, image: Input[str]) -> Any:
    """The pod of each further node: as the leader's, without an API server and so without ports and probes.

    A process that dies restarts its container, and that the group. One that hangs makes the leader's health check
    fail, because the engine gives up on a step after 300 s (VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS in vllm/envs.py).
    """
    template = pod_template(workload, hub_token, image)
    (leader,) = template["spec"]["containers"]
    times = workload.times.value
    engine = {
        **{key: value for key, value in leader.items() if key not in _OF_THE_LEADER},
        "args": list(workload.engine.worker_arguments),
        # Its share of the requests in flight is needed until the leader has drained.
        "lifecycle": {"preStop": {"sleep": {"seconds": times.pre_stop + times.drain}}},
    }
    return {**template, "spec": {**template["spec"], "containers": [engine]}}
