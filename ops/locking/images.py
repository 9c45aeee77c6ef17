"""Images: those that the stacks run and do not build, and the digests of their tags."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from blueprint.engines import ENGINES
from blueprint.locks import ImagePin, ImagesLock, Known
from ops.locking.credentials import Credentials
from ops.locking.outcome import Outcome, resolved, unresolved
from ops.locking.reference import tagged_image
from ops.locking.registry import Registry
from ops.locking.stacks import mapping
from ops.sources import UnresolvedError

_PARALLEL = 8
_FORM = "is no image of the form registry/repository:tag. Correct the entry, as in docker.io/library/python:3.13-slim."


def images_of(stacks: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The images that the engines' versions name, and those under names of the stacks' own that no stack builds.

    What a stack builds is known when it is built. An image under ``engine.image`` is deployed as written.
    """
    return {
        image
        for values in stacks.values()
        for image in (
            *(image for model in mapping(values.get("models")).values() for image in _image(model)),
            *(image for named in mapping(values.get("images")).values() for image in _named(named)),
        )
    }


def _named(settings: Any) -> Iterator[str]:
    given = mapping(settings)
    image = f"{given.get('repository')}:{given.get('tag')}"
    # What is none is told by `pulumi preview`, with the key.
    if given.get("build") is None and tagged_image(image) is not None:
        yield image


def _image(model: Any) -> Iterator[str]:
    engine = mapping(mapping(model).get("engine"))
    facts = ENGINES.get(str(engine.get("name")))
    if facts is None or engine.get("image") is not None:
        return
    version = facts.versions.get(str(engine.get("version", facts.default_version)))
    if version is not None:
        yield version.image


def ask_images(wanted: Sequence[str], lock: ImagesLock, *, named: bool, timeout: float) -> Sequence[Outcome[ImagePin]]:
    """The images' digests, from their registries.

    named: a person named just these, and takes what the registry says over what somebody published.
    """
    credentials = Credentials()
    # This machine's day: a registry names no time of its own.
    today = datetime.datetime.now().astimezone().date()

    def ask(name: str) -> Outcome[ImagePin]:
        before = lock.pin(name)
        image = tagged_image(name)
        if image is None:
            return unresolved(name, before, _short, f"{name} {_FORM}")
        try:
            registry = Registry(image, credentials, timeout)
            pin = ImagePin(digest=registry.digest(), known=Known(how="resolved", source=registry.address, date=today))
        except UnresolvedError as error:
            return unresolved(name, before, _short, str(error))
        if before.known.how == "published" and before.digest != pin.digest and not named:
            return unresolved(
                name,
                before,
                _short,
                f"{registry.address} says {pin.digest}, {before.known.source} published another. "
                f"To take the registry's: llm lock {name}",
            )
        return resolved(name, before, pin, _short)

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(ask, wanted))


def _short(pin: ImagePin) -> str | None:
    return pin.digest and pin.digest[: len("sha256:") + 12]
