"""The exporter of Inference Endpoints: there is something to see, an image to run, and values that do not flicker."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue, KeyPath

_PATH: KeyPath = ("monitoring", "endpoints")
_POLLS = 2
"""That may fail one after the other before values vanish."""


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of monitoring.endpoints."""
    monitoring = description.settings.monitoring
    watched = monitoring.endpoints if monitoring else None
    if watched is None:
        return
    if not any(description.endpoint_models()):
        yield Issue(
            path=_PATH,
            problem="no model has target: endpoint, and there is nothing to see",
            remedy="Remove it, or add such a model.",
            reads=(("models",),),
        )
    if watched.image not in description.settings.images:
        yield Issue(
            path=(*_PATH, "image"),
            problem=f"the stack has no image {watched.image}",
            remedy=f"Add it: images: {{{watched.image}: {{repository: ..., tag: ..., build: {{context: ., dockerfile: "
            "endpoints/Dockerfile}}}. Without build, images.lock.yaml has its digest.",
            reads=(("images",),),
        )
    if watched.keep_minutes * 60 < _POLLS * watched.poll_seconds:
        yield Issue(
            path=(*_PATH, "keepMinutes"),
            problem=f"{watched.keep_minutes} minutes are less than two polls of {watched.poll_seconds} s, and values "
            "would vanish between them",
            remedy=f"Use keepMinutes: {-(-_POLLS * watched.poll_seconds // 60)} or more, or a shorter pollSeconds.",
            reads=((*_PATH, "pollSeconds"),),
        )
