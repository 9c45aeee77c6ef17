"""The policy pack: registers the rules. `pulumi preview --policy-pack policy` runs it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from policy.pods import pod_spec, privileged_containers, unpinned_images


def pod_rule(
    name: str,
    description: str,
    level: EnforcementLevel,
    rule: Callable[[Mapping[str, Any]], Iterator[str]],
) -> ResourceValidationPolicy:
    """A policy that puts one rule to the pod of each resource."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for violation in rule(pod_spec(args.resource_type, args.props)):
            report(violation, None)

    return ResourceValidationPolicy(name=name, description=description, enforcement_level=level, validate=validate)


PolicyPack(
    name="llm-inference",
    policies=[
        pod_rule(
            "image-by-digest",
            "Images are named by digest.",
            # Advisory: the lab runs unresolved locks, and the program itself refuses them elsewhere.
            EnforcementLevel.ADVISORY,
            unpinned_images,
        ),
        pod_rule(
            "no-privileged-container",
            "No container is privileged.",
            EnforcementLevel.MANDATORY,
            privileged_containers,
        ),
    ],
)
