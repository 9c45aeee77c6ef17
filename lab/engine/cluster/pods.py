"""Why a workload's pods are not there or not ready, in the cluster's own words."""

from typing import Any

from lab.engine.cluster.api import Api, ApiError, Object
from lab.engine.cluster.conditions import condition_of

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
_MOST = 5


async def troubles(api: Api, workload: Object) -> list[str]:
    """Reasons, each once, at most five; none for objects without pods."""
    if workload.get("kind") not in _WORKLOADS:
        return []
    found = []
    failure = condition_of(workload, "ReplicaFailure")
    if failure.get("status") == "True":
        found.append(f"[{failure.get('reason')}] {failure.get('message')}")
    labels = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    if selector:
        try:
            pods = await api.objects("v1", "Pod", workload["metadata"]["namespace"], selector)
        except ApiError as error:
            return [*found, f"its pods could not be read: {error}"]
        found += [trouble for item in pods for trouble in _of_pod(item)]
    return list(dict.fromkeys(found))[:_MOST]


def _of_pod(pod: Object) -> list[str]:
    name, status = pod["metadata"]["name"], pod.get("status", {})
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return [f"pod {name}: [{scheduled.get('reason')}] {scheduled.get('message')}"]
    statuses: list[dict[str, Any]] = [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]
    found = []
    for container in statuses:
        state = container.get("state", {})
        stuck = state.get("waiting") or state.get("terminated") or {}
        if stuck.get("reason") not in (None, "ContainerCreating", "PodInitializing", "Completed"):
            found.append(f"pod {name}, container {container['name']}: [{stuck['reason']}] {stuck.get('message', '')}")
    if not found and condition_of(pod, "Ready").get("status") != "True":
        found.append(f"pod {name} is not ready")
    return found
