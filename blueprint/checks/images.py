"""Images that a stack file names: outside the lab nothing runs whose content can change."""

import re
from collections.abc import Iterator

from blueprint.description import Description
from blueprint.engines import ENGINES
from blueprint.images import image_name
from blueprint.issues import Issue, KeyPath, names_a_secret
from blueprint.locks import IMAGES_LOCK
from blueprint.settings import Build, KubernetesModel
from blueprint.settings.engine_custom import OWN_SERVER, ClusterCustom
from blueprint.settings.engine_vllm import ClusterVllm

_PLACE = (("cluster", "context"), ("cluster", "id"))
_TAG = re.compile(r":[^/:@]+$")


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of the images, and of what models say of them."""
    for name, image in sorted(description.settings.images.items()):
        path = ("images", name)
        if image.build is not None:
            yield from _build((*path, "build"), image.build)
            continue
        tagged = f"{image.repository}:{image.tag}"
        if not description.in_lab and description.images_lock.pin(tagged).digest is None:
            yield Issue(
                path=(*path, "tag"),
                problem=f"{tagged} is unresolved in {IMAGES_LOCK}; it deploys to the lab only",
                remedy=f"Run `llm lock {tagged}` where the registry can be reached, and commit; or give build.",
                reads=((*path, "repository"), (*path, "build"), *_PLACE),
            )
    for name, model in description.kubernetes_models():
        yield from _of_model(("models", name, "engine"), model, description)


def _build(path: KeyPath, build: Build) -> Iterator[Issue]:
    for name, text in build.args.items():
        if names_a_secret(name, text):
            yield Issue(
                path=(*path, "args", name),
                problem="a key would stand there in clear text, in the state, and in the image for all who have it",
                remedy="Remove it: pulumi-docker has no secrets for builds; docs/images.md says what to do instead.",
            )


def _of_model(path: KeyPath, model: KubernetesModel, description: Description) -> Iterator[Issue]:
    engine = model.engine
    if isinstance(engine, ClusterVllm):
        return
    named = image_name(model) in description.settings.images
    reads = ((*path, "image"), (*path, "name"), ("images",))
    if isinstance(engine, ClusterCustom) and engine.is_own_server:
        if not named:
            yield Issue(
                path=(*path, "image"),
                problem="it is the server of this project, and the stack has no image of it"
                if engine.image
                else "this key is missing, and the stack has no image of this project's server",
                remedy=f"Add it: images: {{{OWN_SERVER}: {{repository: ..., tag: ..., build: {{context: server}}}}}}. "
                "Or give an image of your own.",
                reads=reads,
            )
        return
    if engine.image is not None and not named:
        yield from unpinned(
            (*path, "image"),
            engine.image,
            in_lab=description.in_lab,
            reads=_PLACE,
            names=sorted(description.settings.images),
        )
    if description.in_lab or (engine.image is not None and engine.user_id is not None):
        return
    if engine.image is None and not isinstance(engine, ClusterCustom):
        version = ENGINES[engine.name].versions.get(engine.version)
        if version is None or version.user_known:
            return
        if version.root_only is not None:
            yield Issue(
                path=(*path, "image"),
                problem=f"this key is missing, and {version.image} runs as root only: {version.root_only}; it deploys "
                "to the lab only",
                remedy=f"Build one that does not, and give image and userId; docs/engines/{engine.name}.md says how.",
                reads=(*reads, (*path, "version"), *_PLACE),
            )
            return
    if engine.user_id is None:
        yield Issue(
            path=(*path, "userId"),
            problem="this key is missing, and it is not known under which user other than root the image runs; it "
            "deploys to the lab only",
            remedy="Give the number of a user under which you have seen it start.",
            reads=(*reads, *_PLACE),
        )


def unpinned(
    path: KeyPath, image: str, *, in_lab: bool, reads: tuple[KeyPath, ...], names: list[str] | None = None
) -> Iterator[Issue]:
    """What is wrong with an image without digest.

    reads: the keys that say where the stack deploys to. names: what could stand there in place of an image.
    """
    if "@" in image:
        return
    name = f", or a name under images: {', '.join(names)}" if names else ""
    if not in_lab:
        yield Issue(
            path=path,
            problem=f"{image} has no digest, and what its tag means can change; it deploys to the lab only",
            remedy=f"Append @sha256:... as `docker buildx imagetools inspect` shows it{name}.",
            reads=reads,
        )
    elif _TAG.search(image) is None:
        yield Issue(
            path=path,
            problem=f"{image} has neither tag nor digest, and would be whatever is latest",
            remedy=f"Append :tag, or @sha256:digest{name}.",
        )
