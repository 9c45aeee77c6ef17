"""Dynamic providers: resources whose provider is a Python class of the program, in Pulumi's own host for these.

The host knows neither secrets nor previews. It gets bare values, and what comes back under the name of a secret input
is secret again; in a preview it only checks and compares, and what would be created shows its inputs.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2

from lab.engine.events import Severity
from lab.engine.hosts.processes import Host, HostProcesses
from lab.engine.provider import Checked, Created, Diff, Operation, OutcomeUnknownError, Provider, ProviderError, Read
from lab.engine.registry import Kind
from lab.engine.resources import urn_name, urn_type
from lab.engine.values import PropertyMap, Secret, from_wire, has_secrets, to_wire
from lab.errors import LabError

PICKLED = "__provider"  # the pickled provider, an input and an output of each dynamic resource

Tell = Callable[[Severity, str, str], None]
"""Says something to the person: how important, the text, the URN it is about (may be empty)."""

_CHANGES = {provider_pb2.DiffResponse.DIFF_NONE: False, provider_pb2.DiffResponse.DIFF_SOME: True}
_TRACEBACK = "Traceback (most recent call last):\n"
# Built-in exceptions that people raise to say something; of the others the type says more than the text.
_PLAIN = {"Exception", "RuntimeError", "ValueError"}


class DynamicProviders(Kind):
    """The provider resource of dynamic providers; its inputs are the stack's configuration."""

    def __init__(self, hosts: HostProcesses, tell: Tell):
        self._hosts = hosts
        self._tell = tell

    async def connect(self, inputs: PropertyMap) -> Provider:
        """Prepare a host; it starts when it is first needed."""
        return DynamicProvider(self._hosts, inputs, self._tell)


class DynamicProvider:
    """Dynamic resources that share a host. config: what the providers' configure() reads, by full key."""

    interruptible: bool = False
    unreachable: str | None = None

    def __init__(self, hosts: HostProcesses, config: PropertyMap, tell: Tell):
        self._hosts = hosts
        self._config = config
        self._tell = tell
        self._starting: asyncio.Task[Host] | None = None

    async def check(self, op: Operation, olds: PropertyMap, news: PropertyMap) -> Checked:
        """Ask the provider's check."""
        request = provider_pb2.CheckRequest(**_names(op), olds=_bare(olds), news=_bare(news), randomSeed=op.seed)
        response = await self._ask(op, "Check", request)
        failures = [(failure.property, failure.reason) for failure in response.failures]
        return Checked(annotated(from_wire(response.inputs), news), failures)

    async def diff(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> Diff:
        """Ask the provider's diff, which gets the old outputs and the new inputs."""
        request = provider_pb2.DiffRequest(
            **_names(op),
            id=id,
            olds=_bare(old_outputs),
            news=_bare(news),
            old_inputs=_bare(old_inputs),
            ignoreChanges=op.ignore_changes,
        )
        response = await self._ask(op, "Diff", request)
        return Diff(
            changes=_CHANGES.get(response.changes),
            replaces=list(response.replaces),
            delete_before_replace=response.deleteBeforeReplace,
            changed=list(response.diffs),
            stables=list(response.stables),
        )

    async def create(self, op: Operation, news: PropertyMap) -> Created:
        """Ask the provider's create."""
        if op.preview:
            return Created("", news)
        request = provider_pb2.CreateRequest(**_names(op), properties=_bare(news), timeout=op.timeout or 0)
        response = await self._ask(op, "Create", request)
        if not response.id:
            raise OutcomeUnknownError(f"{urn_name(op.urn)}: the dynamic provider created something and gave it no id.")
        return Created(response.id, annotated(from_wire(response.properties), news))

    async def read(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> Read:
        """Ask the provider's read."""
        if PICKLED not in inputs and PICKLED not in outputs:
            raise ProviderError(f"{urn_name(op.urn)}: a dynamic resource cannot be imported; its create may adopt it.")
        request = provider_pb2.ReadRequest(
            **_names(op), id=id, properties=_bare(outputs), inputs=_bare(inputs), timeout=op.timeout or 0
        )
        response = await self._ask(op, "Read", request)
        return Read(
            response.id,
            annotated(from_wire(response.inputs), inputs) if response.HasField("inputs") else None,
            annotated(from_wire(response.properties), outputs),
        )

    async def update(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> PropertyMap:
        """Ask the provider's update, which gets the old outputs and the new inputs."""
        if op.preview:
            return news
        request = provider_pb2.UpdateRequest(
            **_names(op),
            id=id,
            olds=_bare(old_outputs),
            news=_bare(news),
            old_inputs=_bare(old_inputs),
            ignoreChanges=op.ignore_changes,
            timeout=op.timeout or 0,
        )
        response = await self._ask(op, "Update", request)
        return annotated(from_wire(response.properties), news)

    async def delete(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> None:
        """Ask the provider's delete; the provider is the one in the outputs."""
        request = provider_pb2.DeleteRequest(
            **_names(op), id=id, properties=_bare(outputs), old_inputs=_bare(inputs), timeout=op.timeout or 0
        )
        await self._ask(op, "Delete", request)

    async def recover(self, op: Operation, news: PropertyMap, since: str) -> Created | None:
        """What the provider's read finds by the inputs alone, which it is told by an empty id. Most cannot."""
        del since
        request = provider_pb2.ReadRequest(**_names(op), id="", properties=_bare(news), inputs=_bare(news))
        try:
            response = await self._ask(op, "Read", request)
        except ProviderError:
            response = None
        if response is None or not response.id:
            op.warn("What its create has made, if anything, is not known here; it is created again.")
            return None
        return Created(response.id, annotated(from_wire(response.properties), news))

    async def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Dynamic providers have no functions."""
        raise ProviderError(f"{token} is no function of dynamic providers ({len(arguments)} arguments).")

    async def close(self) -> None:
        """End the host, and with it what it is doing."""
        if self._starting is None:
            return
        done = await asyncio.gather(self._starting, return_exceptions=True)
        if isinstance(done[0], Host):
            await done[0].close()
        self._starting = None

    async def _ask(self, op: Operation, method: str, request: Any) -> Any:
        """Call the host. Raises ProviderError for what the provider raises, OutcomeUnknownError for a lost answer."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._hosts.host(self._config))
        try:
            # One operation's cancellation must not take the host from the others.
            host = await asyncio.shield(self._starting)
        except LabError as error:
            raise ProviderError(f"Dynamic providers: {error}") from None
        try:
            return await getattr(host.stub, method)(request)
        except grpc.aio.AioRpcError as error:
            raise self._failure(op, method, error) from None

    def _failure(self, op: Operation, method: str, error: grpc.aio.AioRpcError) -> ProviderError:
        name, details = urn_name(op.urn), error.details() or ""
        if error.code() is grpc.StatusCode.UNKNOWN:
            self._tell(Severity.DEBUG, details, op.urn)
            return ProviderError(f"{name}: {spoken(details)}")
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            return ProviderError(f"{name}: {details}")
        if method in ("Create", "Update", "Delete"):
            return OutcomeUnknownError(
                f"{name}: the host of dynamic providers ended during {method.lower()}; whether it was done is unknown."
            )
        return ProviderError(f"{name}: the host of dynamic providers ended during {method.lower()}.")


def annotated(outputs: PropertyMap, inputs: PropertyMap) -> PropertyMap:
    """Outputs in which what has the name of a secret input is secret."""
    return {key: _annotated(value, inputs[key]) if key in inputs else value for key, value in outputs.items()}


def _annotated(value: Any, source: Any) -> Any:
    if isinstance(value, dict) and isinstance(source, dict):
        return annotated(value, source)
    return Secret(value) if has_secrets(source) and not isinstance(value, Secret) else value


def spoken(details: str) -> str:
    """What an exception says, from its traceback."""
    block = details.rpartition(_TRACEBACK)[2]
    said = re.search(r"^(?P<type>[\w.]+)(?:: (?P<text>.*))?\Z", block.rstrip(), re.MULTILINE | re.DOTALL)
    if said is None:
        return details.strip()
    type_, text = said["type"], said["text"]
    return text if text and ("." in type_ or type_ in _PLAIN) else said[0]


def _names(op: Operation) -> dict[str, Any]:
    return {"urn": op.urn, "name": urn_name(op.urn), "type": urn_type(op.urn)}


def _bare(properties: PropertyMap) -> Any:
    return to_wire(properties, keep_secrets=False)
