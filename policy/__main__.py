"""The policy pack: registers the rules. `pulumi preview --policy-pack policy` runs it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from blueprint.helm import RELEASE
from policy.charts import ChartError, render_release
from policy.rules import RULES, Rule

# Both engines start the pack's host in the pack's folder.
ROOT = Path.cwd().parent


def policy(rule: Rule) -> ResourceValidationPolicy:
    """A policy that puts one rule to each resource, and to each object of a Helm release."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type != RELEASE:
            found = list(rule.judge(args.resource_type, args.props))
        else:
            try:
                found = list(rule.judge_all(render_release(plain(args.props), ROOT)))
            except ChartError:
                return  # told once, by not_judged
        for violation in found:
            report(violation, None)

    level = EnforcementLevel.MANDATORY if rule.mandatory else EnforcementLevel.ADVISORY
    return ResourceValidationPolicy(
        name=rule.name, description=rule.description, enforcement_level=level, validate=validate
    )


def not_judged(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Say of which releases nobody has seen the objects."""
    if args.resource_type == RELEASE:
        try:
            render_release(plain(args.props), ROOT)
        except ChartError as error:
            report(f"The objects of this release were not judged: {error}", None)


def plain(value: Any) -> Any:
    """A property without the proxies around it, which are neither dictionaries nor lists."""
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in value}
    if not isinstance(value, str) and hasattr(value, "__len__"):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


PolicyPack(
    name="llm-inference",
    policies=[
        *map(policy, RULES),
        ResourceValidationPolicy(
            name="chart-is-judged",
            description="The objects of a Helm release are judged as the program's own.",
            # A preview without Helm or without the chart's repository is still worth having.
            enforcement_level=EnforcementLevel.ADVISORY,
            validate=not_judged,
        ),
    ],
)
