"""All rules, and what they say of an object, whoever describes it: the program or a chart."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policy.pods import pod_spec, privileged_containers, unpinned_images


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule about pods. mandatory: who breaks it does not deploy."""

    name: str
    description: str
    mandatory: bool
    of_pod: Callable[[Mapping[str, Any]], Iterator[str]]

    def judge(self, kind: str, properties: Mapping[str, Any]) -> Iterator[str]:
        """How an object of a kind, or a resource of a type, breaks this rule."""
        yield from self.of_pod(pod_spec(kind, properties))

    def judge_all(self, manifests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """How plain objects break this rule, each named."""
        for manifest in manifests:
            for violation in self.judge(str(manifest["kind"]), manifest):
                yield f"{manifest['kind']} {manifest['metadata'].get('name')}: {violation}"


RULES = (
    Rule(
        name="image-by-digest",
        description="Images are named by digest.",
        # The lab runs unresolved locks, and the program itself refuses them elsewhere.
        mandatory=False,
        of_pod=unpinned_images,
    ),
    Rule(
        name="no-privileged-container",
        description="No container is privileged.",
        mandatory=True,
        of_pod=privileged_containers,
    ),
)
