"""An image's inputs and outputs, in the form that pulumi-docker 5 keeps in the state."""

import os
import platform
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.engine.compare import compare
from lab.engine.docker.context import digest_of
from lab.engine.provider import Checked, PropertyDiff
from lab.engine.values import UNKNOWN, PropertyMap, Secret, UnsupportedError, bare, has_unknowns, secret

DIGEST = "contextDigest"
"""The key of a build's input that the provider fills in: the digest of its files."""

_INPUTS = "__inputs"  # the provider's copy of what an image was made from
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# The name as the registry's protocol has it, with its host: docker.io's own images are in library/.
_NAME = re.compile(
    r"(?P<host>localhost|[\w-]+(?:\.[\w-]+)+|[\w.-]+(?=:\d))(?P<port>:\d+)?/"
    r"(?P<path>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?",
    re.ASCII,
)
_HOW_NAMED = "Write HOST/PATH:TAG, as registry.example.com/team/server:1; Docker Hub's are docker.io/USER/NAME:TAG"


@dataclass(frozen=True)
class Name:
    """An image's name: HOST/PATH and tag. here: its repository in the lab's registry."""

    repository: str
    here: str
    tag: str

    @classmethod
    def of(cls, text: str) -> "Name | None":
        """The name that a text is; None when it is not one that can be pushed."""
        found = _NAME.fullmatch(text)
        if found is None or (found["host"] == "docker.io" and "/" not in found["path"]):
            return None
        host, path = found["host"] + (found["port"] or ""), found["path"]
        # A port's colon is none that a repository may have.
        return cls(f"{host}/{path}", f"{host.lower().replace(':', '_')}/{path}", found["tag"] or "latest")


@dataclass(frozen=True)
class Build:
    """What docker is asked to do. args: by name, without secret marks."""

    image: str
    context: str
    dockerfile: str
    platform: str
    target: str = ""
    network: str = ""
    hosts: tuple[str, ...] = ()
    cache: tuple[str, ...] = ()
    args: Mapping[str, str] = field(default_factory=dict)
    push: bool = True

    @classmethod
    def of(cls, inputs: PropertyMap) -> "Build":
        """The build that checked inputs, all of them known, ask for."""
        plain = bare(inputs)
        build = plain["build"]
        return cls(
            image=plain["imageName"],
            context=build["context"],
            dockerfile=build["dockerfile"],
            platform=build["platform"],
            target=build.get("target") or "",
            network=build.get("network") or "",
            hosts=tuple(build.get("addHosts") or ()),
            cache=tuple((build.get("cacheFrom") or {}).get("images") or ()),
            args=build.get("args") or {},
            push=not plain.get("skipPush"),
        )


def checked(root: Path, news: PropertyMap) -> Checked:
    """Inputs with everything that they leave out, the digest of the files among it; or why they cannot be."""
    inputs = {key: value for key, value in news.items() if value is not None}
    inputs["buildOnPreview"] = bare(inputs.get("buildOnPreview")) is True
    given = inputs.get("build")
    if bare(given) is UNKNOWN:
        return Checked(inputs)
    build = dict(given.value if isinstance(given, Secret) else given or {})
    if bare(build.get("builderVersion")) == "BuilderV1":
        raise UnsupportedError("builderVersion BuilderV1 of an image; BuilderBuildKit is used")
    build["context"] = build.get("context") or "."
    if bare(build["context"]) is not UNKNOWN:
        default = posixpath.normpath(posixpath.join(bare(build["context"]), "Dockerfile"))
        build["dockerfile"] = build.get("dockerfile") or default
    machine = platform.machine()
    build["platform"] = build.get("platform") or f"linux/{_ARCHITECTURES.get(machine, machine)}"
    failures = [*_wrong_names(inputs, build), *_wrong_files(root, build)]
    if not failures and not has_unknowns([build["context"], build.get("dockerfile")]):
        try:
            build[DIGEST] = digest_of(root, bare(build["context"]), bare(build["dockerfile"]))
        except (OSError, ValueError) as error:
            failures = [("build.context", f"its files cannot be read: {error}")]
    inputs["build"] = secret(build) if isinstance(given, Secret) else build
    return Checked(inputs, failures)


def _known(value: Any, default: Any) -> Any:
    """The value without secret marks; default where there is none, or none yet."""
    plain = bare(value)
    return default if plain is None or plain is UNKNOWN else plain


def _wrong_names(inputs: PropertyMap, build: PropertyMap) -> Iterator[tuple[str, str]]:
    names = {"imageName": inputs.get("imageName")} if not bare(inputs.get("skipPush")) else {}
    for number, cached in enumerate(_known(_known(build.get("cacheFrom"), {}).get("images"), [])):
        names[f"build.cacheFrom.images[{number}]"] = cached
    for path, name in names.items():
        if isinstance(bare(name), str) and Name.of(bare(name)) is None:
            yield path, f"{bare(name)!r} names no registry, or cannot be pushed to. {_HOW_NAMED}"
    for name in _known(build.get("args"), {}):
        # A build's arguments are handed to docker in its environment, where no process list shows them.
        if name in ("PATH", "HOME") or name.startswith(("DOCKER_", "BUILDX_", "LD_")):
            yield f"build.args.{name}", "docker reads this variable itself; give the argument another name"


def _wrong_files(root: Path, build: PropertyMap) -> Iterator[tuple[str, str]]:
    context, dockerfile = bare(build["context"]), bare(build.get("dockerfile"))
    if not isinstance(context, str):
        return
    if not (root / context).is_dir():
        yield "build.context", f"there is no folder {context} in {root}"
    elif isinstance(dockerfile, str) and not (root / dockerfile).is_file():
        nearby = posixpath.join(context, dockerfile)
        hint = f"; it is relative to {root}, so that {nearby} is meant" if (root / nearby).is_file() else ""
        yield "build.dockerfile", f"there is no file {dockerfile}{hint}"


def outputs_of(inputs: PropertyMap, repo_digest: Any, *, built: bool = True) -> PropertyMap:
    """The outputs of an image. The state of one that was not built has no digest of files: none are in it."""
    plain = bare(inputs)
    build = plain["build"]
    known = build is not UNKNOWN and not has_unknowns([build["context"], build.get("dockerfile")])
    return {
        "baseImageName": plain["imageName"],
        "context": build["context"] if known else UNKNOWN,
        "dockerfile": os.path.relpath(build["dockerfile"], build["context"]) if known else UNKNOWN,
        "imageName": plain["imageName"],
        "platform": build["platform"] if known else UNKNOWN,
        "registryServer": _known(plain.get("registry"), {}).get("server") or "",
        "repoDigest": repo_digest,
        _INPUTS: secret(inputs if built else _unbuilt(inputs)),
    }


def was_built(outputs: PropertyMap) -> bool:
    """Whether the image of the state was made, or only noted."""
    build = (bare(outputs.get(_INPUTS)) or {}).get("build")
    return not isinstance(build, dict) or DIGEST in build


def differences(old: PropertyMap, new: PropertyMap) -> dict[str, PropertyDiff]:
    """What of the inputs asks for another image: who logs in to the registry, and how, does not."""
    return compare(_comparable(old), _comparable(new))


def _comparable(inputs: PropertyMap) -> PropertyMap:
    registry = bare(inputs.get("registry"))
    if not isinstance(registry, dict):
        return inputs
    return {**inputs, "registry": {"server": registry.get("server")}}


def _unbuilt(inputs: PropertyMap) -> PropertyMap:
    build = inputs["build"]
    less = {key: value for key, value in _known(build, {}).items() if key != DIGEST}
    return {**inputs, "build": secret(less) if isinstance(build, Secret) else less}
