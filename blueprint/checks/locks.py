"""The locks: outside the lab nothing runs that is not pinned."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.engines import ENGINES
from blueprint.issues import Issue, KeyPath
from blueprint.locks import IMAGES_LOCK, MODELS_LOCK
from blueprint.processes.resolve import beside
from blueprint.settings import EndpointModel, KubernetesModel
from blueprint.settings.endpoint_engines import EndpointVllm
from blueprint.settings.engine_sglang import ClusterSglang
from blueprint.settings.engine_tgi import ClusterTgi
from blueprint.settings.engine_vllm import ClusterVllm


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
            if isinstance(model, EndpointModel) or model.source is None:
                yield from _model(description, ("models", name), model.model, model.revision, place)
            yield from _image(description, name, model, place)
            for keys, repository, revision in beside(model) if isinstance(model, KubernetesModel) else ():
                yield from _model(description, ("models", name, *keys), repository, revision, place)


def _model(
    description: Description, path: KeyPath, repository: str, revision: str, place: tuple[KeyPath, ...]
) -> Iterator[Issue]:
    if description.models_lock.pin(repository, revision).sha is None:
        yield Issue(
            path=(*path, "model"),
            problem=f"{repository}@{revision} is unresolved in {MODELS_LOCK}; it deploys to the lab only",
            remedy=f"Run `llm lock {repository}@{revision}` where the Hub can be reached, and commit.",
            reads=((*path, "revision"), ("models", path[1], "source"), *place),
        )


def _image(
    description: Description, name: str, model: KubernetesModel | EndpointModel, place: tuple[KeyPath, ...]
) -> Iterator[Issue]:
    image = _registry_image(model)
    if image is not None and description.images_lock.pin(image).digest is None:
        engine = ("models", name, "engine")
        yield unresolved((*engine, "version"), image, reads=((*engine, "name"), (*engine, "image"), *place))


def unresolved(path: KeyPath, image: str, *, reads: tuple[KeyPath, ...]) -> Issue:
    """An image without digest, outside the lab."""
    return Issue(
        path=path,
        problem=f"{image} is unresolved in {IMAGES_LOCK}; it deploys to the lab only",
        remedy=f"Run `llm lock {image}` where the registry can be reached, and commit.",
        reads=reads,
    )


def _registry_image(model: KubernetesModel | EndpointModel) -> str | None:
    """The image that the engine registry names; None where the stack file does, or somebody else chooses it."""
    engine = model.engine
    if not isinstance(engine, ClusterVllm | ClusterSglang | ClusterTgi | EndpointVllm):
        return None
    if isinstance(engine, ClusterSglang | ClusterTgi) and engine.image is not None:
        return None
    version = ENGINES[engine.name].versions.get(engine.version)
    return version.image if version else None
