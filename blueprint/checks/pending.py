"""What the description can say already and this version does not build yet: refused, never silently ignored."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue


def check(description: Description) -> Iterator[Issue]:
    """Settings that would otherwise be accepted and have no effect."""
    monitoring = description.settings.monitoring
    if monitoring is not None and monitoring.mode != "operator":
        yield Issue(
            path=("monitoring", "mode"),
            problem=f"{monitoring.mode} is not built yet",
            remedy="Use operator, or remove monitoring.",
        )
    for name, model in description.kubernetes_models():
        path = ("models", name)
        if model.scaling.max > model.scaling.min or model.scaling.min == 0:
            yield Issue(
                path=(*path, "scaling"),
                problem=f"min: {model.scaling.min} and max: {model.scaling.max} need an autoscaler, which is not "
                "built yet",
                remedy=f"Use min: {model.scaling.max} and max: {model.scaling.max}.",
            )
        if model.expose is not None:
            yield Issue(
                path=(*path, "expose"),
                problem="publication outside the cluster is not built yet",
                remedy="Remove expose; inside the cluster the model answers at its Service.",
            )
