"""Canaries: something to try, a way to share requests, and GPUs that are counted before they are taken."""

from collections.abc import Iterator

from blueprint.canary import FIXED, canary_name
from blueprint.cost.prices import prices_of
from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.rollout import available_gpus, resolve_rollout, spare_gpus, wanted_gpus
from blueprint.settings import Cluster, KubernetesModel
from blueprint.weights import resolve_storage


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each canary that are none of a model."""
    for name, model in description.kubernetes_models():
        if model.canary is None:
            continue
        path: KeyPath = ("models", name, "canary")
        if canary_name(name) not in description.canaries.stable:
            yield Issue(
                path=path,
                problem=f"models.{canary_name(name)} has the name that the canary would have",
                remedy="Rename that model (formerly keeps its live objects), or remove the canary.",
                reads=(("models", canary_name(name)),),
            )
        if model.expose is None:
            yield Issue(
                path=path,
                problem="the model has no public host, and requests inside the cluster go to a Service, which has no "
                "weights",
                remedy="Publish the model by cluster.gateway and expose, or remove the canary.",
                reads=(("models", name, "expose"),),
            )
        if description.settings.cluster is not None and description.settings.cluster.ingress is not None:
            yield Issue(
                path=path,
                problem="an Ingress has no weights",
                remedy="Remove it until cluster.ingress is gone.",
                reads=(("cluster", "ingress"),),
            )
        for key, why in FIXED.items():
            if key in model.canary.engine:
                yield Issue(
                    path=(*path, "engine", key), problem=f"a canary cannot change it: {why}", remedy="Remove it."
                )


def _tries(model: KubernetesModel, canary: KubernetesModel) -> bool:
    unnamed = {"served_name"}
    return canary.revision != model.revision or (
        canary.engine.model_dump(exclude=unnamed) != model.engine.model_dump(exclude=unnamed)
    )


def advise(description: Description) -> Iterator[Issue]:
    """What each canary takes while it is there."""
    cluster = description.settings.cluster
    if cluster is None:
        return
    for name, model in description.kubernetes_models():
        canary = description.settings.models.get(canary_name(name))
        if model.canary is not None and isinstance(canary, KubernetesModel):
            yield Issue(
                path=("models", name, "canary"),
                problem=f"{model.canary.share} % of the requests go to it, and it takes "
                + ", ".join(_takes(description, cluster, canary)),
                remedy=f"`llm canary judge {name} --stack {description.stack}` compares the two; promote or withdraw "
                "ends it.",
            )
            # Not refused: while a canary is promoted it is so, and two of the same show what judging makes of that.
            if not _tries(model, canary):
                yield Issue(
                    path=("models", name, "canary"),
                    problem="it is the same as the model",
                    remedy="Give it another revision, or keys of engine to try, or remove it.",
                )


def _takes(description: Description, cluster: Cluster, canary: KubernetesModel) -> Iterator[str]:
    types, gpus = canary.gpu_types, wanted_gpus(canary)
    if types:
        spare = spare_gpus(description, cluster, types)
        yield f"{gpus} more {' or '.join(types)} ({spare} of {available_gpus(cluster, types)} stay spare)"
    else:
        yield f"{canary.scaling.max} more replicas on processors"
    _, price = prices_of(description.settings).of_gpus(types, gpus)
    if price is not None:
        yield f"{price:.2f} USD an hour"
    storage = resolve_storage(canary, "canary").value
    if storage.kind in ("claim", "claimPerReplica"):
        yield f"{storage.size_gib} GiB for its own copy of the weights"
    without = without_canaries(description)
    gone = [
        name
        for name, model in without.kubernetes_models()
        if {*model.gpu_types} & {*types}
        and resolve_rollout(without, cluster, model, resolve_storage(model, name).value).value
        != resolve_rollout(description, cluster, model, resolve_storage(model, name).value).value
    ]
    if gone:
        yield f"the spare GPU of rollouts: the old replica of {', '.join(gone)} goes first while it is there"


def without_canaries(description: Description) -> Description:
    """The description as it was before the canaries."""
    models = {
        name: model for name, model in description.settings.models.items() if name not in description.canaries.stable
    }
    settings = description.settings.model_copy(update={"models": models})
    return Description(
        stack=description.stack,
        settings=settings,
        models_lock=description.models_lock,
        images_lock=description.images_lock,
    )
