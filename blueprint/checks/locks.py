"""The locks: outside the lab nothing runs that is not pinned."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.engines import VLLM_VERSIONS
from blueprint.issues import Issue, KeyPath
from blueprint.locks import IMAGES_LOCK, MODELS_LOCK
from blueprint.settings import EndpointModel, KubernetesModel
from blueprint.settings.engine import VllmEngine


def check(description: Description) -> Iterator[Issue]:
    """Models and images that the locks do not pin, where that matters."""
    for name, model in sorted(description.settings.models.items()):
        if isinstance(model, EndpointModel):
            in_lab = description.endpoints_in_lab
            place: tuple[KeyPath, ...] = (("huggingface", "api"),)
        else:
            in_lab = description.in_lab
            place = (("cluster", "context"), ("cluster", "id"))
        if not in_lab:
            yield from _model(description, name, model, place)
            yield from _image(description, name, model, place)


def _model(
    description: Description, name: str, model: KubernetesModel | EndpointModel, place: tuple[KeyPath, ...]
) -> Iterator[Issue]:
    if isinstance(model, KubernetesModel) and model.source is not None:
        return  # the Hub has no part in it
    if description.models_lock.pin(model.model, model.revision).sha is None:
        yield Issue(
            path=("models", name, "model"),
            problem=f"{model.model}@{model.revision} is unresolved in {MODELS_LOCK}; it deploys to the lab only",
            remedy=f"Run `llm lock {model.model}@{model.revision}` where the Hub can be reached, and commit.",
            reads=(("models", name, "revision"), ("models", name, "source"), *place),
        )


def _image(
    description: Description, name: str, model: KubernetesModel | EndpointModel, place: tuple[KeyPath, ...]
) -> Iterator[Issue]:
    if not isinstance(model.engine, VllmEngine):
        return
    version = VLLM_VERSIONS.get(model.engine.version)
    if version is not None and description.images_lock.pin(version.image).digest is None:
        yield Issue(
            path=("models", name, "engine", "version"),
            problem=f"{version.image} is unresolved in {IMAGES_LOCK}; it deploys to the lab only",
            remedy="Read its digest with `docker buildx imagetools inspect` where the registry can be reached, "
            f"and write it into {IMAGES_LOCK} with source and day.",
            reads=place,
        )
