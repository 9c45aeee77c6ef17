"""Life cycle: an outage that follows from the settings is announced, and confirmed in production."""

from collections.abc import Iterator

from blueprint.description import Description, object_name
from blueprint.issues import Issue
from blueprint.lifecycle import resolve_outage, resolve_times
from blueprint.parallel import gpus_per_replica
from blueprint.resources import Resolved
from blueprint.rollout import resolve_rollout, spare_gpus
from blueprint.settings import KubernetesModel
from blueprint.weights import resolve_storage


def check(description: Description) -> Iterator[Issue]:
    """Outages in production that nobody has confirmed."""
    if not description.in_production:
        return
    for name, model in description.kubernetes_models():
        outage = _outage(description, name, model)
        if outage.value > 0 and not model.lifecycle.allow_outage:
            yield Issue(
                path=("models", name, "lifecycle", "allowOutage"),
                problem=f"each rollout leaves callers without an answer for {_shown(outage)}",
                remedy=f"{_way_out(model)}, or confirm it with allowOutage: true.",
                reads=(
                    ("deletion", "protect"),
                    ("cluster", "accelerators"),
                    *(("models", other, key) for other, _ in description.kubernetes_models() for key in _READ),
                    *(("models", name, key) for key in ("cache", "lifecycle")),
                ),
            )


_READ = ("accelerator", "scaling")


def advise(description: Description) -> Iterator[Issue]:
    """Outages that the next rollout will mean."""
    for name, model in description.kubernetes_models():
        outage = _outage(description, name, model)
        if outage.value > 0:
            measure = (
                "" if model.lifecycle.load_seconds else " lifecycle.loadSeconds, measured, makes the number exact."
            )
            yield Issue(
                path=("models", name),
                problem=f"a rollout leaves callers without an answer for {_shown(outage)}",
                remedy=f"{_way_out(model)}, to avoid it.{measure}",
            )


def _outage(description: Description, name: str, model: KubernetesModel) -> Resolved[int]:
    cluster = description.settings.cluster
    types = model.gpu_types
    # Without GPUs and a claim for its replicas nothing follows; that is told elsewhere.
    if cluster is None or not cluster.accelerators.keys() >= {*types} or spare_gpus(description, cluster, types) < 0:
        return Resolved(0, "not known")
    storage = resolve_storage(model, object_name(name, model.formerly)).value
    if storage.access_mode == "ReadWriteOnce" and model.scaling.max > 1:
        return Resolved(0, "not known")
    rollout = resolve_rollout(description, cluster, model, storage).value
    return resolve_outage(model, rollout, resolve_times(description, model).value)


def _shown(outage: Resolved[int]) -> str:
    return f"{outage.value} s ({outage.why})"


def _way_out(model: KubernetesModel) -> str:
    if model.cache.mode == "shared" and model.cache.access_mode == "ReadWriteOnce":
        return f"Use a ReadWriteMany claim and a spare replica's GPUs ({gpus_per_replica(model)}), or two replicas"
    return f"Declare a spare replica's GPUs ({gpus_per_replica(model)}) as available, or run two replicas"
