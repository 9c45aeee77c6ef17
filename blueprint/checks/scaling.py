"""Scaling: bounds that make sense."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.settings import KubernetesModel


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model's replicas."""
    for name, model in description.kubernetes_models():
        yield from _scaling(("models", name), model)


def _scaling(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    low, high = model.scaling.min, model.scaling.max
    if low > high:
        yield Issue(
            path=(*path, "scaling", "min"),
            problem=f"{low} is above scaling.max, {high}",
            remedy=f"Use min: {high} or less, or max: {low} or more.",
            reads=((*path, "scaling", "max"),),
        )
