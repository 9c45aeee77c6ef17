"""The load that a model is expected to carry: of engines that put out tokens, and one that its replicas can carry."""

from collections.abc import Iterator

from blueprint.cost.load import rate, replicas_needed
from blueprint.description import Description
from blueprint.issues import Issue


def check(description: Description) -> Iterator[Issue]:
    """Loads in output tokens of what puts out none."""
    for name, model in description.endpoint_models():
        if model.load is not None and model.engine.name == "tei":
            yield Issue(
                path=("models", name, "load"),
                problem="it is in output tokens, and engine tei embeds or ranks texts: it puts out none",
                remedy="Remove it.",
                reads=(("models", name, "engine", "name"),),
            )


def advise(description: Description) -> Iterator[Issue]:
    """Loads that the most replicas do not carry."""
    for name, model in description.settings.models.items():
        load, most = model.load, model.scaling.max
        if load is None or replicas_needed(load) <= most:
            continue
        needed = replicas_needed(load)
        yield Issue(
            path=("models", name, "load", "tokensPerSecond"),
            problem=f"{rate(load.tokens_per_second)} take {needed} replicas of "
            f"{rate(load.replica_tokens_per_second)}, and scaling.max is {most}: callers wait",
            remedy=f"Use scaling.max: {needed}, or give a replica more or faster GPUs and measure it again.",
        )
