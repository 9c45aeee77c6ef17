"""The starts of all models of a description."""

from collections.abc import Mapping

from blueprint.description import Description
from blueprint.timing.start import Start, endpoint_start, replica_start
from blueprint.workload import Workload


def replica_starts(description: Description, workloads: Mapping[str, Workload]) -> Mapping[str, Start]:
    """By name, the starts of the models on the cluster, which are resolved."""
    cluster = description.settings.cluster
    found = {}
    for name, model in description.kubernetes_models():
        workload = workloads[name]
        found[name] = replica_start(
            model,
            description.models_lock.pin(model.model, model.revision).facts,
            storage=workload.storage.value,
            weights=workload.weights.value,
            cached=workload.compile_cache.value is not None,
            pre_pulled=cluster is not None and cluster.pre_pull,
        )
    return found


def endpoint_starts(description: Description) -> Mapping[str, Start]:
    """By name, the starts of the models on Inference Endpoints."""
    return {
        name: endpoint_start(model, description.models_lock.pin(model.model, model.revision).facts)
        for name, model in description.endpoint_models()
    }
