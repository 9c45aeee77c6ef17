"""Pulumi's hosts of dynamic providers as processes, some of them started before they are needed."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from lab.engine.monitor import MESSAGE_LIMIT
from lab.engine.program.process import Child
from lab.engine.values import PropertyMap, to_wire
from lab.errors import LabError


class Host:
    """A running and configured `python -m pulumi.dynamic`."""

    def __init__(self, child: Child, channel: grpc.aio.Channel):
        self._child = child
        self._channel = channel
        self.stub = provider_pb2_grpc.ResourceProviderStub(channel)

    async def close(self) -> None:
        """End it, and with it what it is doing."""
        await self._child.stop()
        await self._channel.close()


class HostProcesses:
    """Starts hosts for the program in a folder. say: is told what they print."""

    def __init__(self, root: Path, project: str, say: Callable[[str], None]):
        self._root = root
        self._project = project
        self._say = say
        self._warm: list[asyncio.Task[Child]] = []

    def warm(self, count: int) -> None:
        """Start so many now: while the program imports its modules, they import theirs."""
        self._warm += [asyncio.create_task(self._start()) for _ in range(count)]

    async def host(self, config: PropertyMap) -> Host:
        """A host with its configuration. Raises LabError when it does not start."""
        child = await (self._warm.pop() if self._warm else self._start())
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{await child.port()}", options=MESSAGE_LIMIT)
        host = Host(child, channel)
        request = provider_pb2.ConfigureRequest(
            args=to_wire(config), acceptSecrets=True, acceptResources=True, sends_old_inputs=True
        )
        try:
            await host.stub.Configure(request)
        except grpc.aio.AioRpcError as error:
            await host.close()
            raise LabError(f"the host could not be configured: {error.code().name}") from None
        return host

    async def close(self) -> None:
        """End those that nobody took."""
        for child in await asyncio.gather(*self._warm, return_exceptions=True):
            if isinstance(child, Child):
                await child.stop()
        self._warm.clear()

    async def _start(self) -> Child:
        environment = {"PULUMI_PROJECT": self._project}
        return await Child.start("pulumi.dynamic", [], directory=self._root, environment=environment, say=self._say)
