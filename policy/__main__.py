"""The policy pack: registers the rules. `pulumi preview --policy-pack policy` runs it."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
import pulumi_policy.policy
from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from blueprint.helm import RELEASE
from blueprint.issues import DescriptionError
from policy.charts import ChartError, render_release
from policy.decoding import read_once
from policy.judging import Judge, Verdict
from policy.licences import read_lock
from policy.prices import SECTIONS, read_money
from policy.rule import Rule, plain_kind
from policy.rules import NAMES, RULES, STACK_RULES
from policy.settings import EVERYTHING, SettingsError, StackRules, read_stacks
from policy.stack import Resource, Stack, StackRule

ROOT = Path(__file__).resolve().parents[1]
CONFIG = "llm-inference"
try:
    STACKS, LOCK = read_stacks(ROOT, NAMES), read_lock(ROOT)
except (SettingsError, DescriptionError) as mistake:
    sys.exit(str(mistake))


def policy(rule: Rule) -> ResourceValidationPolicy:
    """A policy that puts one rule to each resource, and to each object of a Helm release."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for one in judged(rule, args):
            if not one.excused:
                report(one.told, None)

    return ResourceValidationPolicy(
        name=rule.name, description=rule.description, enforcement_level=level(rule), validate=validate
    )


def stack_policy(rule: StackRule) -> StackValidationPolicy:
    """A policy that puts one rule to all resources together."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        urns = {resource.name: resource.urn for resource in args.resources}
        for name, one in stack_judged(rule, args):
            if not one.excused:
                report(one.told, urns.get(name))

    return StackValidationPolicy(
        name=rule.name, description=rule.description, enforcement_level=level(rule), validate=validate
    )


def level(rule: Rule | StackRule) -> EnforcementLevel:
    """How strict a rule is for the stack that is deployed. Both engines say which by the environment."""
    rules = STACKS.get(os.environ.get("PULUMI_STACK", ""), EVERYTHING)
    return (
        EnforcementLevel.MANDATORY if rules.mandatory(rule.name, usually=rule.mandatory) else EnforcementLevel.ADVISORY
    )


def judged(rule: Rule, args: ResourceValidationArgs) -> Iterator[Verdict]:
    """How a resource, or an object of a release, breaks a rule."""
    judge = Judge(allowed(args.urn), datetime.now(UTC).date())
    if args.resource_type != RELEASE:
        yield from judge.resource(rule, args.resource_type, args.name, args.props)
        return
    try:
        objects = render_release(plain(args.props), ROOT)
    except ChartError:
        return  # told once, by not_judged
    yield from judge.release(rule, args.name, objects)


def stack_judged(rule: StackRule, args: StackValidationArgs) -> Iterator[tuple[str, Verdict]]:
    """How all resources together break a rule."""
    if args.resources:
        stack = WHOLE.of(args.resources)
        yield from Judge(stack.allowed, datetime.now(UTC).date()).stack(rule, stack)


class Whole:
    """The stack that is judged, put together once for all rules."""

    def __init__(self) -> None:
        self._of: list[Mapping[str, Any]] = []
        self._stack: Stack | None = None

    def of(self, resources: Sequence[PolicyResource]) -> Stack:
        """All resources of a stack, and what is known of it."""
        properties = [resource.props for resource in resources]
        if self._stack is None or list(map(id, properties)) != list(map(id, self._of)):
            rules = allowed(resources[0].urn)
            config = pulumi.Config(CONFIG)
            self._of, self._stack = (
                properties,
                Stack(
                    resources=[one for resource in resources for one in seen(resource)],
                    allowed=rules,
                    money=read_money({section: config.get_object(section) for section in SECTIONS}),
                    lock=LOCK,
                ),
            )
        return self._stack


WHOLE = Whole()


def seen(resource: PolicyResource) -> Iterator[Resource]:
    """A resource as stack rules see it; a release as its objects."""
    # What was asked for, and not what became of it: a preview knows too little of that.
    given = ASKED.get(resource.urn, resource.props)
    if resource.resource_type != RELEASE:
        kind = plain_kind(resource.resource_type)
        yield Resource(kind=kind, name=resource.name, properties=given, protected=bool(resource.opts.protect))
        return
    try:
        for item in render_release(plain(given), ROOT):
            yield Resource(kind=str(item["kind"]), name=resource.name, properties=item)
    except ChartError:
        return  # told once, by not_judged


ASKED: dict[str, Mapping[str, Any]] = {}
"""By URN, the inputs of each resource of this deployment."""


def remember(args: ResourceValidationArgs, _report: ReportViolation) -> None:
    """Keep what is asked for until the stack as a whole is judged."""
    ASKED[args.urn] = args.props


def allowed(urn: str) -> StackRules:
    """What the stack of a resource allows and excuses. Its URN is urn:pulumi:STACK::project::type::name."""
    return STACKS.get(urn.removeprefix("urn:pulumi:").partition("::")[0], EVERYTHING)


def excused(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Say what breaks a rule and may."""
    used = {one.rule for one in allowed(args.urn).exceptions if one.resource == args.name}
    for rule in RULES:
        if rule.name in used:
            for one in judged(rule, args):
                if one.excused:
                    report(f"{rule.name}: {one.told}", None)


def stack_excused(args: StackValidationArgs, report: ReportViolation) -> None:
    """Say how the stack as a whole breaks a rule and may."""
    used = {one.rule for resource in args.resources[:1] for one in allowed(resource.urn).exceptions}
    for rule in STACK_RULES:
        if rule.name in used:
            for name, one in stack_judged(rule, args):
                if one.excused:
                    report(f"{rule.name}: {name}: {one.told}", None)


def not_judged(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Say of which releases nobody has seen the objects."""
    remember(args, report)
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


read_once(pulumi_policy.policy)
PolicyPack(
    name="llm-inference",
    policies=[
        *map(policy, RULES),
        *map(stack_policy, STACK_RULES),
        ResourceValidationPolicy(
            name="exceptions-in-use",
            description="Exceptions of policy/stacks.yaml are told wherever they are used.",
            enforcement_level=EnforcementLevel.ADVISORY,
            validate=excused,
        ),
        StackValidationPolicy(
            name="stack-exceptions-in-use",
            description="Exceptions of policy/stacks.yaml are told wherever they are used.",
            enforcement_level=EnforcementLevel.ADVISORY,
            validate=stack_excused,
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
