"""Images: built by docker and pushed to the lab's registry, never to the one that their name says."""

import asyncio
import shlex

from lab.engine.docker import forms
from lab.engine.docker.tool import Docker, DockerError, NoDaemonError
from lab.engine.provider import Checked, Created, Diff, DiffKind, Operation, PropertyDiff, ProviderError, Read
from lab.engine.resources import urn_type
from lab.engine.values import UNKNOWN, PropertyMap, UnsupportedError, bare, has_unknowns
from lab.errors import LabError
from lab.registry import Registry

IMAGE = "docker:index/image:Image"


class Images:
    """The images that one docker builds. Without a daemon they are noted, and built when there is one."""

    interruptible: bool = True
    unreachable: str | None = None

    def __init__(self, docker: Docker, registry: Registry):
        self._docker = docker
        self._registry = registry

    async def check(self, op: Operation, olds: PropertyMap, news: PropertyMap) -> Checked:
        """Complete the inputs; a context, Dockerfile or name that cannot be is refused here."""
        del olds
        if urn_type(op.urn) != IMAGE:
            raise UnsupportedError(urn_type(op.urn))
        return await asyncio.to_thread(forms.checked, self._docker.root, news)

    async def diff(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> Diff:
        """Compare inputs; what was left out for want of a daemon is a change once there is one."""
        del id
        detailed = forms.differences(old_inputs, news)
        if not detailed and not forms.was_built(old_outputs):
            try:
                await self._docker.available()
            except NoDaemonError as error:
                op.warn(_left_out(news, error))
            else:
                detailed = {"repoDigest": PropertyDiff(DiffKind.UPDATE)}
        changed = sorted({path.partition(".")[0] for path in detailed})
        return Diff(changes=bool(detailed), detailed=detailed, changed=changed)

    async def create(self, op: Operation, news: PropertyMap) -> Created:
        """Build and push. In preview nothing is built, unless the image wants to be."""
        outputs = await self._carried_out(op, news)
        return Created("" if op.preview else str(outputs["imageName"]), outputs)

    async def read(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> Read:
        """The state's own word: like the provider, this looks into no registry."""
        del op
        if not inputs:
            raise UnsupportedError("the import of an image")
        return Read(id, inputs, outputs)

    async def update(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> PropertyMap:
        """Build and push again."""
        del id, old_inputs, old_outputs
        return await self._carried_out(op, news)

    async def delete(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> None:
        """Nothing: what was pushed stays, as others may run it."""

    async def recover(self, op: Operation, news: PropertyMap, since: str) -> Created | None:
        """Nothing is known; it is built again, which finds what was built in BuildKit's cache."""

    async def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Refuse."""
        del arguments
        raise UnsupportedError(f"the function {token}")

    async def close(self) -> None:
        """Nothing to let go of: the registry runs on."""

    async def _carried_out(self, op: Operation, news: PropertyMap) -> PropertyMap:
        """The image's outputs, after what is to be done has been done."""
        try:
            await self._docker.available()
            if op.preview and (not news["buildOnPreview"] or has_unknowns(news)):
                return forms.outputs_of(news, UNKNOWN)
            build = forms.Build.of(news)
            await self._build(op, build)
            if not build.push or op.preview:
                return forms.outputs_of(news, await self._local_id(build))
            return forms.outputs_of(news, await self._pushed(op, build))
        except NoDaemonError as error:
            op.warn(_left_out(news, error))
            return forms.outputs_of(news, UNKNOWN if op.preview else news["imageName"], built=False)
        except asyncio.CancelledError:
            raise ProviderError(f"{bare(news['imageName'])}: interrupted; the state is as it was.") from None

    async def _build(self, op: Operation, build: forms.Build) -> None:
        optional = {"--target": build.target, "--network": build.network}
        caches = [await self._here(name) for name in build.cache]
        words = [
            "build",
            "--progress=plain",
            f"--file={build.dockerfile}",
            f"--tag={build.image}",
            f"--platform={build.platform}",
            *(f"{option}={value}" for option, value in optional.items() if value),
            *(f"--add-host={host}" for host in build.hosts),
            # Their values are in the environment: a command line is everybody's to read.
            *(f"--build-arg={name}" for name in build.args),
            *(f"--cache-from={cache}" for cache in caches),
            build.context,
        ]
        op.report(f"Building {build.image}")
        try:
            await self._docker.run(*words, environment=build.args, say=op.report)
        except DockerError as error:
            raise ProviderError(
                f"{build.image} was not built, and nothing was pushed. The end of what docker said:\n{error}\n"
                f"To try the build alone: DOCKER_BUILDKIT=1 docker {shlex.join(words)}"
            ) from None

    async def _pushed(self, op: Operation, build: forms.Build) -> str:
        """Push to the lab's registry; the image's name there, as its real registry would have it, with the digest."""
        name = forms.Name.of(build.image)
        assert name is not None  # check has refused it
        try:
            here = await self._here(build.image)
            op.report(f"Pushing {build.image} to the lab's registry")
            await self._docker.run("tag", build.image, here)
            try:
                await self._docker.run("push", here, say=op.report)
            finally:
                # The image has its own name; this one would keep it when that is given to the next.
                await self._docker.run("image", "rm", here)
            digest = await asyncio.to_thread(self._registry.digest, name.here, name.tag)
        except (DockerError, LabError) as error:
            raise ProviderError(
                f"{build.image} was built, and not pushed to the lab's registry: {error}\n"
                "The docker daemon must run on this machine, as the registry is on its loopback."
            ) from None
        return f"{name.repository}@{digest}"

    async def _here(self, image: str) -> str:
        """An image's name in the lab's registry, which is made to run."""
        name = forms.Name.of(image)
        assert name is not None  # check has refused it
        try:
            return f"{await asyncio.to_thread(self._registry.start)}/{name.here}:{name.tag}"
        except LabError as error:
            raise ProviderError(f"{image}: {error}") from None

    async def _local_id(self, build: forms.Build) -> str:
        return await self._docker.run("image", "inspect", "--format={{.Id}}", build.image)


def _left_out(news: PropertyMap, error: NoDaemonError) -> str:
    name = "the image" if has_unknowns(news["imageName"]) else news["imageName"]
    return (
        f"Left out: {name} is neither built nor pushed, and its users get the tag without a digest: {error}; the next "
        "up builds it."
    )
