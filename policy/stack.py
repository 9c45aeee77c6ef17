"""Rules about a stack as a whole: what they see, and what they are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from blueprint.locks import ModelsLock
from policy.prices import Money
from policy.reading import UNKNOWN, get
from policy.settings import StackRules

WHOLE = "stack"
"""Name of the stack itself, among the names of resources."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource, or an object of a Helm release.

    kind: of a Kubernetes object its kind, else the type. name: of the resource; of an object that of its release.
    protected: Pulumi's option protect; None where there is none to have, as of a plain object.
    """

    kind: str
    name: str
    properties: Mapping[str, Any]
    protected: bool | None = None

    @property
    def live_name(self) -> Any:
        """What Kubernetes calls it; UNKNOWN until `up`, where the server gives the name."""
        found = get(self.properties, "metadata", "name")
        return UNKNOWN if found is None else found

    @property
    def namespace(self) -> Any:
        """Its namespace; UNKNOWN where it is known only during `up`."""
        found = get(self.properties, "metadata", "namespace")
        return "default" if found is None else found

    @property
    def called(self) -> str:
        """How messages name it."""
        return self.kind if self.live_name is UNKNOWN else f"{self.kind} {self.live_name}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """All that a stack registers, and what it allows.

    money: what things cost and may cost, as far as anybody said. lock: what is known of models.
    """

    resources: Sequence[Resource]
    allowed: StackRules
    money: Money
    lock: ModelsLock = field(default_factory=ModelsLock)

    def of(self, *kinds: str) -> Iterator[Resource]:
        """The resources of some kinds."""
        for kind in kinds:
            yield from self._by_kind.get(kind, ())

    @cached_property
    def _by_kind(self) -> Mapping[str, Sequence[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.kind, []).append(resource)
        return found


Breach = tuple[Resource | None, str]
"""What breaks a rule: a resource, or None for the stack itself, and a clause: who and how."""

Breaches = Iterator[Breach]


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """Something that the resources of a stack, taken together, may not be or have to be.

    As a Rule; of: by the stack, what breaks it.
    """

    name: str
    description: str
    why: str
    remedy: str
    mandatory: bool
    of: Callable[[Stack], Breaches]

    def judge(self, stack: Stack) -> Iterator[tuple[str, str]]:
        """How a stack breaks this rule: by the name of a resource, or of the stack itself, a whole sentence."""
        for resource, found in self.of(stack):
            yield resource.name if resource else WHOLE, f"{found}: {self.why} {self.remedy}"


def together(one: Any, other: Any) -> bool:
    """Whether two values are the same, as far as anybody can tell."""
    return one is UNKNOWN or other is UNKNOWN or one == other
