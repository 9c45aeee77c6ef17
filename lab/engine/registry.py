"""The providers of a deployment: by reference, made from provider resources, closed at the end."""

import uuid
from collections.abc import Awaitable, Callable

from lab.engine.compare import compare
from lab.engine.provider import Checked, Created, Diff, Operation, Provider, ProviderError, Read
from lab.engine.resources import PROVIDER_PREFIX, ResourceState
from lab.engine.values import UNKNOWN_MARK, PropertyMap, UnsupportedError

INTERNAL = "__internal"  # the engine's own marks among a provider resource's inputs

Connect = Callable[[PropertyMap], Awaitable[Provider]]


class Kind:
    """A kind of provider: how its configuration is checked and compared, and how one is made from it."""

    async def check(self, news: PropertyMap) -> Checked:
        """Validate configuration; the least: everything is fine."""
        return Checked(news)

    def diff(self, olds: PropertyMap, news: PropertyMap) -> Diff:
        """Compare configurations; the least: a change is an update."""
        detailed = compare(olds, news)
        return Diff(changes=bool(detailed), detailed=detailed)

    async def connect(self, inputs: PropertyMap) -> Provider:
        """Make a provider."""
        raise NotImplementedError


class Registry:
    """Makes providers from provider resources, and is itself the provider of these resources."""

    interruptible: bool = False
    unreachable: str | None = None

    def __init__(self, kinds: dict[str, Kind]):
        self._kinds = kinds
        self._ready: dict[str, Provider] = {}  # by reference

    def get(self, reference: str, user: str) -> Provider:
        """The provider of a resource, user being its URN. Raises ProviderError when it is not there."""
        provider = self._ready.get(reference)
        if provider is None:
            raise ProviderError(
                f"{user} is managed by the provider {reference}, which is neither in the program nor in the state."
            )
        return provider

    async def load(self, state: ResourceState) -> None:
        """Make the provider of a provider resource that exists."""
        reference = reference_of(state)
        if reference not in self._ready:
            self._ready[reference] = await self._kind(state.type).connect(without_internal(state.inputs))

    async def ensure(self, reference: str, states: dict[str, ResourceState]) -> None:
        """Make the provider that a resource of the state was made by, if the program does not have it any more."""
        urn = reference.rpartition("::")[0]
        if reference and reference not in self._ready and urn in states:
            await self.load(states[urn])

    async def replace(self, state: ResourceState) -> None:
        """Make the provider of a resource anew, after its configuration has changed."""
        old = self._ready.pop(reference_of(state), None)
        await self.load(state)
        if old is not None:
            await old.close()

    def must_replace(self, type_: str, olds: PropertyMap, news: PropertyMap) -> bool:
        """Whether resources must move when their provider's configuration changes so."""
        return bool(self._kind(type_).diff(without_internal(olds), without_internal(news)).replaces)

    @property
    def unreachable_reasons(self) -> list[str]:
        """What could not be asked, in words."""
        return sorted({provider.unreachable for provider in self._ready.values() if provider.unreachable})

    async def check(self, op: Operation, olds: PropertyMap, news: PropertyMap) -> Checked:
        """Validate a provider resource's inputs."""
        del olds
        checked = await self._kind(type_of(op.urn)).check(without_internal(news))
        # Only an explicit provider is marked, as by the CLI.
        marks: PropertyMap = {INTERNAL: {}} if "version" in news else {}
        return Checked({**marks, **checked.inputs}, checked.failures)

    async def diff(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> Diff:
        """Compare a provider resource's inputs."""
        del id, old_outputs
        return self._kind(type_of(op.urn)).diff(without_internal(old_inputs), without_internal(news))

    async def create(self, op: Operation, news: PropertyMap) -> Created:
        """Give a new provider its identity. The executor loads it when its state is known."""
        return Created(UNKNOWN_MARK if op.preview else str(uuid.uuid4()), without_internal(news))

    async def read(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> Read:
        """A provider resource is only in the state."""
        del op
        return Read(id, inputs, outputs)

    async def update(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> PropertyMap:
        """Take the new configuration."""
        del op, id, old_inputs, old_outputs
        return without_internal(news)

    async def delete(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> None:
        """A provider resource is only in the state."""

    async def recover(self, op: Operation, news: PropertyMap, since: str) -> Created | None:
        """Nothing is made outside the state."""

    async def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Providers of providers have no functions."""
        raise ProviderError(f"{token} cannot be called on a provider resource ({len(arguments)} arguments).")

    async def close(self) -> None:
        """Close all providers."""
        for provider in self._ready.values():
            await provider.close()
        self._ready.clear()

    def _kind(self, type_: str) -> Kind:
        name = type_.removeprefix(PROVIDER_PREFIX)
        kind = self._kinds.get(name)
        if kind is None:
            raise UnsupportedError(
                f"the provider {name} (there are: {', '.join(sorted(self._kinds))})",
            )
        return kind


def type_of(urn: str) -> str:
    """The provider resource's type, from its URN."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def reference_of(state: ResourceState) -> str:
    """How resources name the provider that a provider resource stands for."""
    return f"{state.urn}::{state.id}"


def without_internal(inputs: PropertyMap) -> PropertyMap:
    """Inputs without the engine's own marks."""
    return {key: value for key, value in inputs.items() if key != INTERNAL}
