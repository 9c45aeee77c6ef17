"""`llm policy`: what the rules say of a stack, without deploying anything."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from blueprint.helm import RELEASE
from blueprint.issues import DescriptionError
from ops.program import Registered, run_program
from ops.project import PROJECT_NAME, Project
from ops.releases import WithheldError, release_objects
from policy.charts import ChartError
from policy.judging import Judge, Verdict
from policy.licences import read_lock
from policy.prices import NO_MONEY, SECTIONS, Money, read_money
from policy.rule import plain_kind
from policy.rules import ALL, NAMES, RULES, STACK_RULES
from policy.settings import EVERYTHING, FILE, Excuse, SettingsError, StackRules, read_stacks
from policy.stack import Resource, Stack


@click.command()
@click.option("--stack", help="Stack that is judged.")
@click.option("--list", "listed", is_flag=True, help="Say what the rules ask for, and why.")
def command(stack: str | None, listed: bool) -> None:
    """Judge what the program would register for a stack. Exit code 1 when a mandatory rule is broken."""
    if listed:
        for rule in ALL:
            click.echo(
                f"{rule.name} ({'mandatory' if rule.mandatory else 'advisory'})\n  {rule.description} {rule.why}"
            )
        click.echo(f"{len(ALL)} rules, {len(STACK_RULES)} of them about the stack as a whole.")
        return
    if stack is None:
        raise click.UsageError("Say which stack: --stack NAME. Or --list for the rules themselves.")
    project = Project.find()
    allowed = allowed_in(project, stack)
    registered = run_program(project, stack)
    judgement = judged(registered, project.root, allowed, money_in(project, stack))
    found = judgement.found
    for name, verdict in found:
        click.echo(f"{level(verdict):<9} {name}: {verdict.rule.name}: {verdict.told}")
    for name, why in judgement.unjudged:
        click.echo(f"unjudged  {name}: {why}")
    for one in unused(allowed, found):
        click.echo(f"unused    {FILE}: {stack}: nothing of {one.resource} breaks {one.rule}; remove the exception")
    refused = sum(level(verdict) == "refused" for _, verdict in found)
    click.echo(f"{len(ALL)} rules, {len(registered)} resources: {refused} refused, {len(found) - refused} told.")
    sys.exit(1 if refused else 0)


def allowed_in(project: Project, stack: str) -> StackRules:
    """What policy/stacks.yaml says of a stack. Raises click.ClickException with a mistake in it."""
    try:
        return read_stacks(project.root, NAMES).get(stack, EVERYTHING)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


@dataclass(frozen=True)
class Judgement:
    """By name of a resource, how it breaks a rule; and the releases whose objects nobody has seen, with why."""

    found: Sequence[tuple[str, Verdict]]
    unjudged: Sequence[tuple[str, str]]


def money_in(project: Project, stack: str) -> Money:
    """What things cost in a stack, and what it may spend."""
    config, _ = project.pulumi_config(stack)
    return read_money({key: json.loads(config.get(f"{PROJECT_NAME}:{key}") or "{}") for key in SECTIONS})


def judged(registered: Iterable[Registered], root: Path, allowed: StackRules, money: Money = NO_MONEY) -> Judgement:
    """What all rules say of the resources of a stack.

    root: of the project, where paths of charts begin, and the lock is. money: without it no cost is judged.

    Raises click.ClickException when the lock is damaged.
    """
    try:
        lock = read_lock(root)
    except DescriptionError as error:
        raise click.ClickException(str(error)) from None
    judge = Judge(allowed, datetime.now(UTC).date())
    found: list[tuple[str, Verdict]] = []
    unjudged: list[tuple[str, str]] = []
    together: list[Resource] = []
    for resource in registered:
        try:
            objects = _objects(resource, root)
        except WithheldError:
            unjudged.append((resource.name, "it holds a secret of the configuration; `pulumi preview` judges it"))
        except ChartError as error:
            unjudged.append((resource.name, str(error)))
        else:
            found += ((resource.name, one) for one in _verdicts(judge, resource, objects))
            together += objects
    stack = Stack(resources=together, allowed=allowed, money=money, lock=lock)
    for rule in STACK_RULES:
        found += judge.stack(rule, stack)
    return Judgement(found, unjudged)


def _objects(resource: Registered, root: Path) -> Sequence[Resource]:
    """A resource; of a release its objects."""
    if resource.type != RELEASE:
        kind = plain_kind(resource.type)
        return [Resource(kind=kind, name=resource.name, properties=resource.inputs, protected=resource.protect)]
    return [
        Resource(kind=str(item["kind"]), name=resource.name, properties=item)
        for item in release_objects(resource, root)
    ]


def _verdicts(judge: Judge, resource: Registered, objects: Sequence[Resource]) -> Iterator[Verdict]:
    for rule in RULES:
        if resource.type == RELEASE:
            yield from judge.release(rule, resource.name, [one.properties for one in objects])
        else:
            yield from judge.resource(rule, resource.type, resource.name, resource.inputs)


def unused(allowed: StackRules, found: Iterable[tuple[str, Verdict]]) -> list[Excuse]:
    """Exceptions that nothing needs."""
    used = {(verdict.rule.name, name) for name, verdict in found}
    return [one for one in allowed.exceptions if (one.rule, one.resource) not in used]


def level(verdict: Verdict) -> str:
    """What becomes of something that breaks a rule: refused, advised or excused."""
    if verdict.excused:
        return "excused"
    return "refused" if verdict.mandatory else "advised"
