"""Dynamic providers: Pulumi's own host, `python -m pulumi.dynamic`, as a child process."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from lab.engine.monitor import MESSAGE_LIMIT
from lab.engine.program.process import Child
from lab.engine.provider import (
    Checked,
    Created,
    Diff,
    DiffKind,
    Operation,
    OutcomeUnknownError,
    PropertyDiff,
    Provider,
    ProviderError,
    Read,
)
from lab.engine.registry import Kind
from lab.engine.values import PropertyMap, Secret, bare, from_wire, has_secrets, secret, to_wire

_PROVIDER = "__provider"


class DynamicProviders(Kind):
    """The kind of provider: one host per stack, started when a dynamic resource needs it."""

    def __init__(self, root: Path, project: str):
        self._root = root
        self._project = project

    async def connect(self, inputs: PropertyMap) -> Provider:
        """The provider; its configuration is the stack's."""
        return DynamicProvider(self._root, self._project, inputs)


class DynamicProvider:
    """Speaks to the host. It cannot be interrupted: what the provider's code does must come to its end."""

    interruptible: bool = False
    unreachable: str | None = None

    def __init__(self, root: Path, project: str, config: PropertyMap):
        self._root = root
        self._project = project
        self._config = config
        self._starting: asyncio.Task[Any] | None = None
        self._child: Child | None = None
        self._channel: grpc.aio.Channel | None = None
        self._said: list[str] = []

    async def check(self, op: Operation, olds: PropertyMap, news: PropertyMap) -> Checked:
        """Ask the provider's check."""
        answer = await self._ask(
            "Check", provider_pb2.CheckRequest(urn=op.urn, olds=_bare(olds), news=_bare(news), randomSeed=op.seed)
        )
        failures = [(failure.property, failure.reason) for failure in answer.failures]
        return Checked(_with_secrets_of(from_wire(answer.inputs), news), failures)

    async def diff(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> Diff:
        """Ask the provider's diff."""
        request = provider_pb2.DiffRequest(
            id=id, urn=op.urn, olds=_bare(old_outputs), old_inputs=_bare(old_inputs), news=_bare(news)
        )
        request.ignoreChanges.extend(op.ignore_changes)
        answer = await self._ask("Diff", request)
        known = answer.changes != provider_pb2.DiffResponse.DIFF_UNKNOWN
        kinds = dict.fromkeys(answer.diffs, DiffKind.UPDATE) | dict.fromkeys(answer.replaces, DiffKind.UPDATE_REPLACE)
        return Diff(
            changes=answer.changes == provider_pb2.DiffResponse.DIFF_SOME if known else None,
            replaces=list(answer.replaces),
            delete_before_replace=answer.deleteBeforeReplace,
            detailed={path: PropertyDiff(kind, input_diff=True) for path, kind in kinds.items()},
            changed=list(answer.diffs),
            stables=list(answer.stables),
        )

    async def create(self, op: Operation, news: PropertyMap) -> Created:
        """Ask the provider's create. The host has no previews: then the inputs are all that is known."""
        if op.preview:
            return Created("", news)
        answer = await self._ask(
            "Create", provider_pb2.CreateRequest(urn=op.urn, properties=_bare(news), timeout=op.timeout or 0)
        )
        return Created(answer.id, _with_secrets_of(from_wire(answer.properties), news))

    async def read(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> Read:
        """Ask the provider's read."""
        if _PROVIDER not in inputs and _PROVIDER not in outputs:
            raise ProviderError(f"{op.urn}: dynamic resources cannot be imported.")
        answer = await self._ask(
            "Read", provider_pb2.ReadRequest(id=id, urn=op.urn, properties=_bare(outputs), inputs=_bare(inputs))
        )
        if not answer.id:
            return Read("")
        found = from_wire(answer.inputs)
        return Read(
            answer.id,
            _with_secrets_of(found, inputs) if found else inputs,
            _with_secrets_of(from_wire(answer.properties), outputs),
        )

    async def update(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> PropertyMap:
        """Ask the provider's update."""
        if op.preview:
            return news
        request = provider_pb2.UpdateRequest(
            id=id,
            urn=op.urn,
            olds=_bare(old_outputs),
            old_inputs=_bare(old_inputs),
            news=_bare(news),
            timeout=op.timeout or 0,
        )
        answer = await self._ask("Update", request)
        return _with_secrets_of(from_wire(answer.properties), news)

    async def delete(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> None:
        """Ask the provider's delete."""
        request = provider_pb2.DeleteRequest(
            id=id, urn=op.urn, properties=_bare(outputs), old_inputs=_bare(inputs), timeout=op.timeout or 0
        )
        await self._ask("Delete", request)

    async def recover(self, op: Operation, news: PropertyMap, since: str) -> Created | None:
        """Only the provider's own code could know; its create looks before it makes, or cannot be recovered."""
        del news, since
        op.warn("What its create has made, if anything, is not known here; it is created again.")
        return None

    async def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Refuse: dynamic providers have no functions."""
        del arguments
        raise ProviderError(f"{token} is no function of a dynamic provider.")

    async def close(self) -> None:
        """End the host."""
        if self._channel is not None:
            await self._channel.close()
        if self._child is not None:
            await self._child.stop()

    async def _ask(self, method: str, request: Any) -> Any:
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        stub = await self._starting
        try:
            return await getattr(stub, method)(request)
        except grpc.aio.AioRpcError as error:
            text = error.details() or error.code().name
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise OutcomeUnknownError(
                    f"The host of dynamic providers died in {method}; what came of it is not known.\n"
                    + "\n".join(self._said[-10:])
                ) from None
            raise ProviderError(_last_words(text)) from None

    async def _start(self) -> Any:
        self._child = await Child.start(
            "pulumi.dynamic",
            [],
            directory=self._root,
            environment={"PULUMI_PROJECT": self._project},
            say=self._said.append,
        )
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{await self._child.port()}", options=MESSAGE_LIMIT)
        stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        await stub.Configure(
            provider_pb2.ConfigureRequest(
                variables={f"pulumi-python:config:{key}": str(bare(value)) for key, value in self._config.items()},
                args=to_wire(self._config),
                acceptSecrets=True,
                acceptResources=True,
            )
        )
        return stub


def _bare(properties: PropertyMap) -> struct_pb2.Struct:
    """The host takes no secrets, and loads the provider from clear text."""
    return to_wire(properties, keep_secrets=False)


def _with_secrets_of(found: PropertyMap, pattern: PropertyMap) -> PropertyMap:
    """What the host answers under the name of a secret input is as secret."""
    return {
        key: secret(value) if isinstance(pattern.get(key), Secret) or has_secrets(pattern.get(key)) else value
        for key, value in found.items()
    }


def _last_words(text: str) -> str:
    """What the exception says, of a message that may carry a traceback."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    if not any(line.startswith("Traceback") for line in lines):
        return text
    return lines[-1]
