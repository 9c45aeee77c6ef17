"""What a rule is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policy.pods import Pod, pods
from policy.settings import StackRules

Properties = Mapping[str, Any]
Found = Iterator[str]
"""What breaks a rule, a clause each: who and how."""

Judge = Callable[[str, Properties, StackRules], Found]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Something that an object may not be, or has to be.

    description: what the rule asks for. why: what happens otherwise. remedy: what to change.
    mandatory: who breaks it does not deploy.
    of: by kind, properties and what the stack allows, what breaks it.
    """

    name: str
    description: str
    why: str
    remedy: str
    mandatory: bool
    of: Judge

    def judge(self, kind: str, properties: Properties, allowed: StackRules) -> Iterator[str]:
        """How an object of a kind, or a resource of a type, breaks this rule, in whole sentences."""
        for found in self.of(plain_kind(kind), properties, allowed):
            yield f"{found}: {self.why} {self.remedy}"


def plain_kind(kind: str) -> str:
    """The kind of a Kubernetes resource; any other resource's type, and a plain object's kind, as it is."""
    return kind.rpartition(":")[2] if kind.startswith("kubernetes:") else kind


def of_pods(judge: Callable[[Pod], Found]) -> Judge:
    """A rule about pods, for every kind of object that brings some."""

    def of(kind: str, properties: Properties, allowed: StackRules) -> Found:  # noqa: ARG001  what every judge gets
        for pod in pods(kind, properties):
            yield from judge(pod)

    return of


def of_kinds(*kinds: str) -> Callable[[Callable[[Properties], Found]], Judge]:
    """A rule about objects of some kinds."""

    def wrap(judge: Callable[[Properties], Found]) -> Judge:
        def of(kind: str, properties: Properties, allowed: StackRules) -> Found:  # noqa: ARG001  what every judge gets
            if kind in kinds:
                yield from judge(properties)

        return of

    return wrap
