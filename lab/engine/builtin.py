"""What the engine provides itself: references to other stacks, and the default providers."""

import json
import re
from collections.abc import Callable, Mapping, Sequence

from lab.engine.goals import Goal
from lab.engine.provider import Checked, Created, Diff, Operation, Provider, ProviderError, Read
from lab.engine.registry import Kind
from lab.engine.resources import PROVIDER_PREFIX, STACK_TYPE, Snapshot
from lab.engine.values import PropertyMap, UnsupportedError, has_secrets, secret

STACK_REFERENCE = "pulumi:pulumi:StackReference"
DYNAMIC = "pulumi-python"
DOCKER = "docker"
DISABLED = "pulumi:disable-default-providers"
_ONLY_READ = "other stacks can only be read"


def default_provider(type_: str, version: str, config: Mapping[str, str], secret_keys: Sequence[str]) -> Goal:
    """The registration of the default provider of a resource type, as the CLI makes it. version: of the provider.

    Raises ProviderError when the stack has default providers of the package switched off, and UnsupportedError for a
    package that has none here.
    """
    package = type_.split(":", maxsplit=1)[0]
    disabled = json.loads(config.get(DISABLED, "[]"))
    if package in disabled or "*" in disabled:
        raise ProviderError(f"Default provider for '{package}' disabled. '{type_}' must use an explicit provider.")
    settings = {key: secret(value) if key in secret_keys else value for key, value in sorted(config.items())}
    if package == DOCKER:
        own = {key.partition(":")[2]: value for key, value in settings.items() if key.startswith("docker:")}
        name = f"default_{re.sub('[^a-zA-Z0-9]', '_', version)}" if version else "default"
        return Goal(type=f"{PROVIDER_PREFIX}{package}", name=name, custom=True, inputs=own, version=version)
    if package not in (DYNAMIC, "pulumi"):
        raise UnsupportedError(f"the default provider of {package}; give {type_} an explicit one")
    # Dynamic providers may read all of the stack's configuration.
    inputs: PropertyMap = settings if package == DYNAMIC else {}
    return Goal(type=f"{PROVIDER_PREFIX}{package}", name="default", custom=True, inputs=inputs)


class StackReferences(Kind):
    """The provider of references to other stacks of the same backend.

    load: the state of a stack by its name, alone or as organization/project/stack; None when there is none.
    """

    interruptible: bool = True
    unreachable: str | None = None

    def __init__(self, load: Callable[[str], Snapshot | None]):
        self._load = load

    async def connect(self, inputs: PropertyMap) -> Provider:
        """Need nothing more."""
        del inputs
        return _Reader(self._load)


class _Reader:
    interruptible: bool = True
    unreachable: str | None = None

    def __init__(self, load: Callable[[str], Snapshot | None]):
        self._load = load

    async def read(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> Read:
        """The outputs of another stack, now."""
        del op, outputs
        name = str(inputs.get("name", id))
        snapshot = self._load(name)
        if snapshot is None:
            raise ProviderError(f"There is no stack {name} to refer to in this backend.")
        found = next((state.outputs for state in snapshot.resources if state.type == STACK_TYPE), {})
        secret_names = sorted(key for key, value in found.items() if has_secrets(value))
        return Read(id, {"name": name}, {"name": name, "outputs": found, "secretOutputNames": secret_names})

    async def check(self, op: Operation, olds: PropertyMap, news: PropertyMap) -> Checked:
        del op, olds
        return Checked(news)

    async def diff(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> Diff:
        del id, old_inputs, old_outputs, news
        raise ProviderError(f"{op.urn}: {_ONLY_READ}")

    async def create(self, op: Operation, news: PropertyMap) -> Created:
        del news
        raise ProviderError(f"{op.urn}: {_ONLY_READ}")

    async def update(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> PropertyMap:
        del id, old_inputs, old_outputs, news
        raise ProviderError(f"{op.urn}: {_ONLY_READ}")

    async def delete(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> None:
        """Nothing outside the state."""

    async def recover(self, op: Operation, news: PropertyMap, since: str) -> Created | None:
        """Nothing is made outside the state."""

    async def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        raise ProviderError(f"{token} is no function of the engine ({len(arguments)} arguments).")

    async def close(self) -> None:
        """Nothing to let go of."""
