"""The starts of all models of a description."""

from collections.abc import Mapping

from blueprint.description import Description
from blueprint.timing.start import Start, endpoint_start, replica_start
from blueprint.workload import Workload, resolve_workload


def replica_starts(description: Description, workloads: Mapping[str, Workload] | None = None) -> Mapping[str, Start]:
    """By name, the starts of the models on the cluster.

    workloads: by name, where they are resolved already; without them, only models whose lock has facts are.
    """
    cluster = description.settings.cluster
    found = {}
    for name, model in description.kubernetes_models():
        facts = description.models_lock.pin(model.model, model.revision).facts
        if cluster is None or (workloads is None and facts is None):
            continue
        workload = workloads[name] if workloads else resolve_workload(description, name, model)
        found[name] = replica_start(workload, model, facts, pre_pulled=cluster.pre_pull)
    return found


def endpoint_starts(description: Description) -> Mapping[str, Start]:
    """By name, the starts of the models on Inference Endpoints."""
    return {
        name: endpoint_start(model, description.models_lock.pin(model.model, model.revision).facts)
        for name, model in description.endpoint_models()
    }
