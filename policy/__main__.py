"""The policy pack: registers the rules. `pulumi preview --policy-pack policy` runs it."""

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
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
from policy.judging import Judge, Verdict
from policy.rule import Rule
from policy.rules import NAMES, RULES
from policy.settings import EVERYTHING, SettingsError, StackRules, read_stacks

ROOT = Path(__file__).resolve().parents[1]
try:
    STACKS = read_stacks(ROOT, NAMES)
except SettingsError as mistake:
    sys.exit(str(mistake))


def policy(rule: Rule) -> ResourceValidationPolicy:
    """A policy that puts one rule to each resource, and to each object of a Helm release."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for one in judged(rule, args):
            if not one.excused:
                report(one.told, None)

    level = EnforcementLevel.MANDATORY if rule.mandatory else EnforcementLevel.ADVISORY
    return ResourceValidationPolicy(
        name=rule.name, description=rule.description, enforcement_level=level, validate=validate
    )


def judged(rule: Rule, args: ResourceValidationArgs) -> Iterator[Verdict]:
    """How a resource, or an object of a release, breaks a rule."""
    judge = Judge(allowed(args), datetime.now(UTC).date())
    if args.resource_type != RELEASE:
        yield from judge.resource(rule, args.resource_type, args.name, args.props)
        return
    try:
        objects = render_release(plain(args.props), ROOT)
    except ChartError:
        return  # told once, by not_judged
    yield from judge.release(rule, args.name, objects)


def allowed(args: ResourceValidationArgs) -> StackRules:
    """What the stack of a resource allows and excuses. Its URN is urn:pulumi:STACK::project::type::name."""
    return STACKS.get(args.urn.removeprefix("urn:pulumi:").partition("::")[0], EVERYTHING)


def excused(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Say what breaks a rule and may."""
    used = {one.rule for one in allowed(args).exceptions if one.resource == args.name}
    for rule in RULES:
        if rule.name in used:
            for one in judged(rule, args):
                if one.excused:
                    report(f"{rule.name}: {one.told}", None)


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
            name="exceptions-in-use",
            description="Exceptions of policy/stacks.yaml are told wherever they are used.",
            enforcement_level=EnforcementLevel.ADVISORY,
            validate=excused,
        ),
        ResourceValidationPolicy(
            name="chart-is-judged",
            description="The objects of a Helm release are judged as the program's own.",
            # A preview without Helm or without the chart's repository is still worth having.
            enforcement_level=EnforcementLevel.ADVISORY,
            validate=not_judged,
        ),
    ],
)
