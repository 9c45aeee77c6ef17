"""Labels of every object, and the few that select."""

from collections.abc import Mapping

from blueprint.canary import TRACK
from blueprint.description import PART_OF, own_labels
from blueprint.workload import Workload

PROJECT = dict([PART_OF])
"""On every pod of this project; the network policies of a shared namespace select by it."""

LEADER_LABEL = "leaderworkerset.sigs.k8s.io/worker-index"
"""Of a group's pods, by the controller of LeaderWorkerSet; the leader's is 0."""


def selector(workload: Workload) -> Mapping[str, str]:
    """Labels that select a model's pods. They never change: a changed selector replaces the Deployment."""
    return own_labels(workload.object_name)


def download_selector(workload: Workload) -> Mapping[str, str]:
    """Labels that select the pods of the Job that fills a model's cache, and no replica."""
    return own_labels(f"{workload.object_name}-download")


def answering(workload: Workload) -> Mapping[str, str]:
    """Labels that select the pods which answer requests: of a group only the leader."""
    return {**selector(workload), **({LEADER_LABEL: "0"} if workload.nodes > 1 else {})}


def labels(workload: Workload) -> Mapping[str, str]:
    """Labels of a model's objects, for people, cost reports and alert routing."""
    return {
        **selector(workload),
        "app.kubernetes.io/name": workload.engine.name,
        "app.kubernetes.io/version": workload.engine.version,
        "app.kubernetes.io/managed-by": "pulumi",
        "llm-inference/model": workload.name,
        **({"llm-inference/owner": workload.owner} if workload.owner else {}),
        **(dict([TRACK]) if workload.stable else {}),
    }
