"""An image that models run: built and pushed here, or taken from images.lock.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulumi import ComponentResource, Input, Output, ResourceOptions

from blueprint.images import Image
from blueprint.settings import Build
from components.buildable import dockerfile


@dataclass(frozen=True, kw_only=True)
class ContainerImageArgs:
    """Which image, and who pushes it."""

    image: Image
    secrets: Mapping[str, Output[str]]  # by name, the values that the settings name


class ContainerImage(ComponentResource):
    """One image, deployed by digest whatever its tag comes to mean.

    pulumi-docker builds it in `up` when a file of the context, the Dockerfile or another input differs from those of
    the last build, and only then: the digest is another one exactly when something was built.
    """

    reference: Output[str]  # registry/repository@digest; of one that is built unknown until it is pushed

    def __init__(self, name: str, args: ContainerImageArgs, opts: ResourceOptions | None = None):
        super().__init__("llm:index:ContainerImage", name, {}, opts)
        self.reference = self._reference(name, args)
        self.register_outputs({"reference": self.reference})

    def _reference(self, name: str, args: ContainerImageArgs) -> Output[str]:
        image = args.image
        if image.build is None:
            return Output.from_input(image.reference.value)
        # 0.16 s of processor time, which a stack that builds nothing need not pay.
        import pulumi_docker as docker  # noqa: PLC0415

        built = docker.Image(
            f"{name}-build",
            image_name=image.tagged,
            build=build_options(image.build),
            build_on_preview=image.build.build_on_preview,
            registry=registry(image, args.secrets),
            opts=ResourceOptions(parent=self),
        )
        return built.repo_digest


def build_options(build: Build) -> Any:
    """How it is built. Paths stay relative: they are inputs, which are the same on every machine."""
    # Without it a pushed image brings no cache along for the next build that names it under cacheFrom.
    inline = {"BUILDKIT_INLINE_CACHE": "1"} if build.cache_from else {}
    arguments = {**inline, **build.args}
    return {
        "context": build.context,
        "dockerfile": dockerfile(build),
        "platform": build.platform,
        **({"args": arguments} if arguments else {}),
        **({"target": build.target} if build.target else {}),
        **({"cache_from": {"images": list(build.cache_from)}} if build.cache_from else {}),
    }


def registry(image: Image, secrets: Mapping[str, Output[str]]) -> Any:
    """Who pushes; None: who is logged in on this machine."""
    given = image.build.registry if image.build else None
    if given is None:
        return None
    password: Input[str] = secrets[given.password]
    return {"server": image.tagged.partition("/")[0], "username": given.username, "password": password}
