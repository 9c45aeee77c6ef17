"""One model on Inference Endpoints: parts that contradict each other."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.engines import VLLM_VERSIONS
from blueprint.issues import Issue, KeyPath
from blueprint.settings import EndpointModel


def check(description: Description) -> Iterator[Issue]:
    """Mistakes inside the description of each model with target: endpoint."""
    for name, model in description.endpoint_models():
        path = ("models", name)
        if description.settings.huggingface.namespace is None:
            yield Issue(
                path=("huggingface", "namespace"),
                problem=f"this key is missing, and models.{name} has target: endpoint",
                remedy="Name the organisation or user that owns, and pays for, the endpoints.",
            )
        if model.engine.version not in VLLM_VERSIONS:
            yield Issue(
                path=(*path, "engine", "version"),
                problem=f"vLLM {model.engine.version} is not in the engine registry",
                remedy=f"Use {', '.join(VLLM_VERSIONS)}. CONTRIBUTING.md says how to add a version.",
            )
        if model.owner is None and not description.in_lab:
            yield Issue(
                path=(*path, "owner"),
                problem="this key is missing, and endpoints cost money",
                remedy="Name the team that is called at night about this model.",
            )
        yield from _scaling(path, model)
        yield from _access(path, model)


def _scaling(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    scaling = model.scaling
    if scaling.min > scaling.max:
        yield Issue(
            path=(*path, "scaling", "min"),
            problem=f"{scaling.min} is above scaling.max, {scaling.max}",
            remedy=f"Use min: {scaling.max} or less, or max: {scaling.min} or more.",
            reads=((*path, "scaling", "max"),),
        )
    if scaling.scale_to_zero_minutes is not None and scaling.min > 0:
        yield Issue(
            path=(*path, "scaling", "scaleToZeroMinutes"),
            problem=f"the endpoint never sleeps at min: {scaling.min}",
            remedy="Use min: 0, or remove scaleToZeroMinutes.",
            reads=((*path, "scaling", "min"),),
        )


def _access(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    if model.access == "authenticated" and not model.allow_authenticated:
        yield Issue(
            path=(*path, "access"),
            problem="authenticated lets anyone with a Hugging Face account use the endpoint at your cost",
            remedy="Use private, or confirm with allowAuthenticated: true.",
            reads=((*path, "allowAuthenticated"),),
        )
    if model.access == "public" and not model.allow_public:
        yield Issue(
            path=(*path, "access"),
            problem="public lets anybody use the endpoint at your cost",
            remedy="Use private, or confirm with allowPublic: true.",
            reads=((*path, "allowPublic"),),
        )
