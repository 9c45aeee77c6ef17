"""What the locks say of a model and of an image, each with how it is known."""

from blueprint.description import Description
from blueprint.resources import Resolved


def pinned_image(description: Description, tagged: str) -> Resolved[str]:
    """The image as ``repository:tag@digest``; the tag alone where the lock has no digest."""
    pin = description.images_lock.pin(tagged)
    if pin.digest is None:
        return Resolved(tagged, "unresolved in images.lock.yaml: the tag, which only the lab takes")
    return Resolved(f"{tagged}@{pin.digest}", f"{pin.known.how}: {pin.known.source}, {pin.known.date}")


def pinned_revision(description: Description, repository: str, revision: str) -> Resolved[str]:
    """The commit of a repository's revision; the revision's name where the lock has no commit."""
    pin = description.models_lock.pin(repository, revision)
    if pin.sha is None:
        return Resolved(revision, "unresolved in models.lock.yaml: the name, which only the lab takes")
    return Resolved(pin.sha, f"{revision}, {pin.known.how}: {pin.known.source}, {pin.known.date}")
