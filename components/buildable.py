"""Whether an image can be built, as far as its files say: told in the preview, before anything is touched."""

import re
from collections.abc import Iterator
from pathlib import Path

from blueprint.images import Image
from blueprint.issues import Issue, KeyPath
from blueprint.settings import Build

_STAGE = re.compile(r"^\s*FROM\s.*\sAS\s+(\S+)\s*$", re.IGNORECASE | re.MULTILINE)
_ARGUMENTS = re.compile(r"^\s*ARG\s+(.+)$", re.IGNORECASE | re.MULTILINE)
_CONTINUED = re.compile(r"\\\s*\n")

# What BuildKit knows without ARG: https://docs.docker.com/reference/dockerfile/#predefined-args
_PREDEFINED = re.compile(r"^(BUILDKIT_.*|SOURCE_DATE_EPOCH|(HTTPS?|FTP|NO|ALL)_PROXY)$", re.IGNORECASE)


def dockerfile(build: Build) -> str:
    """Path of the Dockerfile, from the project's directory on."""
    return build.dockerfile or f"{build.context}/Dockerfile"


def unbuildable(image: Image, root: Path) -> Iterator[Issue]:
    """What keeps an image from being built. root: the project's directory."""
    if image.build is None:
        return
    path: KeyPath = ("images", image.name, "build")
    if not (root / image.build.context).is_dir():
        yield Issue(
            path=(*path, "context"),
            problem=f"{image.build.context} is no directory of {root}",
            remedy="Name a directory by its path from there on.",
        )
    try:
        text = _CONTINUED.sub(" ", (root / dockerfile(image.build)).read_text())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        yield Issue(
            path=(*path, "dockerfile"),
            problem=f"{dockerfile(image.build)} cannot be read in {root}: {reason}",
            remedy="Name the Dockerfile by its path from there on, which is not its path in context.",
        )
        return
    yield from _unknown_words(path, image.build, text)


def _unknown_words(path: KeyPath, build: Build, text: str) -> Iterator[Issue]:
    """Words that the Dockerfile does not know. Docker ignores an unknown argument."""
    stages = [stage.lower() for stage in _STAGE.findall(text)]
    if build.target is not None and build.target.lower() not in stages and not build.target.isdigit():
        yield Issue(
            path=(*path, "target"),
            problem=f"{dockerfile(build)} has no stage {build.target}",
            remedy=f"Use {' or '.join(stages)}." if stages else "Remove it: no stage has a name there.",
        )
    known = {word.partition("=")[0] for line in _ARGUMENTS.findall(text) for word in line.split()}
    for name in build.args:
        if name not in known and not _PREDEFINED.match(name):
            yield Issue(
                path=(*path, "args", name),
                problem=f"{dockerfile(build)} has no ARG {name}, and Docker would ignore it",
                remedy=f"Use {', '.join(sorted(known))}." if known else "Remove it: the Dockerfile has no ARG.",
            )
