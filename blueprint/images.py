"""Images under a stack's own names: built by `up`, or pinned by images.lock.yaml."""

from dataclasses import dataclass

from blueprint.description import Description
from blueprint.pins import pinned_image
from blueprint.resources import Resolved
from blueprint.settings import Build, KubernetesModel
from blueprint.settings.engine_custom import OWN_SERVER, ClusterCustom
from blueprint.settings.engine_vllm import ClusterVllm


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that models run.

    name: under ``images``. tagged: registry, repository and tag.
    reference: what runs. Of an image that is built the tag alone: the digest is known once `up` has pushed it.
    build: how it is built; None where images.lock.yaml pins it.
    """

    name: str
    tagged: str
    reference: Resolved[str]
    pull_secret: str | None
    build: Build | None


def resolve_images(description: Description) -> list[Image]:
    """The images of a stack, in order of name."""
    return [_resolve(description, name) for name in sorted(description.settings.images)]


def image_of(description: Description, model: KubernetesModel) -> Image | None:
    """The image under the stack's own names that a model runs; None where it runs another."""
    name = image_name(model)
    return _resolve(description, name) if name in description.settings.images else None


def image_name(model: KubernetesModel) -> str:
    """What would be the name of a model's image; empty where its engine has an image of its own."""
    engine = model.engine
    if isinstance(engine, ClusterVllm):
        return ""
    return engine.image or (OWN_SERVER if isinstance(engine, ClusterCustom) else "")


def _resolve(description: Description, name: str) -> Image:
    settings = description.settings.images[name]
    tagged = f"{settings.repository}:{settings.tag}"
    built = Resolved(tagged, f"built from {settings.build.context}: `up` knows the digest") if settings.build else None
    return Image(
        name=name,
        tagged=tagged,
        reference=built or pinned_image(description, tagged),
        pull_secret=settings.pull_secret,
        build=settings.build,
    )
