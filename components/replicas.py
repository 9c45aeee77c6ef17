"""What runs a model's replicas: a Deployment, a StatefulSet, groups over several nodes, or llm-d's chart."""

from typing import Any

import pulumi_kubernetes as k8s
from pulumi import CustomTimeouts, Input, Resource

from blueprint.rollout import Rollout
from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload
from components.group import API_VERSION, AWAITED, group_spec
from components.labels import selector
from components.llm_d import chart_values, release
from components.place import SKIP_AWAIT, Place
from components.pod.template import pod_template
from components.weights.stateful import governing_name, governing_service_spec, stateful_set_spec

# A scaler that left is still known as the manager of replicas, and an update would end in a conflict with it.
TAKE_OVER = {"pulumi.com/patchForce": "true"}


def register_replicas(
    name: str, place: Place, *, hub_token: SecretKey | None, keep_claims: bool, after: list[Resource]
) -> None:
    """Make whatever runs the replicas, once the cache is filled.

    keep_claims: whether the replicas' own claims outlive them.
    """
    workload = place.workload
    timeout = f"{workload.rollout_seconds}s"
    scaled = workload.scaling.value is not None
    opts = place.opts(
        depends_on=after,
        custom_timeouts=CustomTimeouts(create=timeout, update=timeout, delete="10m"),
        # Absent alone, the count would leave what we manage, and the API server would make it 1.
        ignore_changes=["spec.replicas"] if scaled else [],
    )
    if workload.llm_d is not None:
        delivery, spec = workload.llm_d.value, deployment_spec(workload, hub_token, place.image)
        release(name, place, delivery, values=chart_values(workload, delivery, spec), after=after)
        return
    metadata = place.metadata(workload.object_name, **({} if scaled else {"annotations": TAKE_OVER}))
    match workload.kind:
        case "Deployment":
            spec = deployment_spec(workload, hub_token, place.image)
            k8s.apps.v1.Deployment(f"{name}-deployment", metadata=metadata, spec=spec, opts=opts)
        case "StatefulSet":
            k8s.core.v1.Service(
                f"{name}-governing",
                metadata=place.metadata(governing_name(workload), annotations=SKIP_AWAIT),
                spec=governing_service_spec(workload),
                opts=place.opts(),
            )
            spec = stateful_set_spec(workload, hub_token, place.image, keep_claims=keep_claims)
            k8s.apps.v1.StatefulSet(f"{name}-replicas", metadata=metadata, spec=spec, opts=opts)
        case "LeaderWorkerSet":
            k8s.apiextensions.CustomResource(
                f"{name}-group",
                api_version=API_VERSION,
                kind="LeaderWorkerSet",
                metadata=place.metadata(workload.object_name, annotations=AWAITED),
                spec=group_spec(workload, hub_token, place.image),
                opts=opts,
            )


def deployment_spec(workload: Workload, hub_token: SecretKey | None, image: Input[str]) -> Any:
    """The replicas, and how a rollout replaces them."""
    rollout = workload.rollout.value
    return {
        **({} if workload.scaling.value else {"replicas": workload.replicas}),
        "selector": {"matchLabels": selector(workload)},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": rollout.max_surge, "maxUnavailable": max_unavailable(rollout)},
        },
        # The default of 600 s calls a rollout failed while the model still loads.
        "progressDeadlineSeconds": workload.times.value.progress_deadline,
        "revisionHistoryLimit": 5,
        "template": pod_template(workload, hub_token, image),
    }


def max_unavailable(rollout: Rollout) -> int | str:
    """A share is rounded down: none of fewer replicas than the most there can be."""
    percent = rollout.unavailable_percent
    return rollout.max_unavailable if percent is None else f"{percent}%"
