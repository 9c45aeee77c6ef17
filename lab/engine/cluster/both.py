"""One provider of Kubernetes: objects are the API server's business, releases are Helm's."""

from blueprint.helm import RELEASE
from lab.engine.provider import Checked, Created, Diff, Operation, Provider, Read
from lab.engine.resources import urn_type
from lab.engine.values import PropertyMap


class ObjectsAndReleases:
    """Hands each operation to the provider of the resource's type."""

    def __init__(self, objects: Provider, releases: Provider):
        self._objects = objects
        self._releases = releases
        self.interruptible = objects.interruptible and releases.interruptible
        self.unreachable = objects.unreachable

    def _of(self, op: Operation) -> Provider:
        return self._releases if urn_type(op.urn) == RELEASE else self._objects

    async def check(self, op: Operation, olds: PropertyMap, news: PropertyMap) -> Checked:
        """Validate and complete inputs."""
        return await self._of(op).check(op, olds, news)

    async def diff(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> Diff:
        """Compare the state with new inputs."""
        return await self._of(op).diff(op, id, old_inputs, old_outputs, news)

    async def create(self, op: Operation, news: PropertyMap) -> Created:
        """Create, and wait until it is ready."""
        return await self._of(op).create(op, news)

    async def read(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> Read:
        """The live resource."""
        return await self._of(op).read(op, id, inputs, outputs)

    async def update(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> PropertyMap:
        """Update in place, and wait until it is ready."""
        return await self._of(op).update(op, id, old_inputs, old_outputs, news)

    async def delete(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> None:
        """Delete, and wait until it is gone."""
        await self._of(op).delete(op, id, inputs, outputs)

    async def recover(self, op: Operation, news: PropertyMap, since: str) -> Created | None:
        """What became of a create that nobody saw the end of."""
        return await self._of(op).recover(op, news, since)

    async def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Refuse: neither has functions."""
        return await self._objects.invoke(token, arguments)

    async def close(self) -> None:
        """Let go of both."""
        await self._objects.close()
        await self._releases.close()
