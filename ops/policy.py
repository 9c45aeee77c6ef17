"""`llm policy`: what the rules say of a stack, without deploying anything."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from blueprint.helm import RELEASE
from ops.program import Registered, run_program
from ops.project import Project
from ops.releases import WithheldError, release_objects
from policy.charts import ChartError
from policy.judging import Judge, Verdict
from policy.rules import NAMES, RULES
from policy.settings import EVERYTHING, FILE, Excuse, SettingsError, StackRules, read_stacks


@click.command()
@click.option("--stack", help="Stack that is judged.")
@click.option("--list", "listed", is_flag=True, help="Say what the rules ask for, and why.")
def command(stack: str | None, listed: bool) -> None:
    """Judge what the program would register for a stack. Exit code 1 when a mandatory rule is broken."""
    if listed:
        for rule in RULES:
            click.echo(
                f"{rule.name} ({'mandatory' if rule.mandatory else 'advisory'})\n  {rule.description} {rule.why}"
            )
        return
    if stack is None:
        raise click.UsageError("Say which stack: --stack NAME. Or --list for the rules themselves.")
    project = Project.find()
    allowed = allowed_in(project, stack)
    registered = run_program(project, stack)
    judgement = judged(registered, project.root, allowed)
    found = judgement.found
    for name, verdict in found:
        click.echo(f"{_level(verdict):<9} {name}: {verdict.rule.name}: {verdict.told}")
    for name, why in judgement.unjudged:
        click.echo(f"unjudged  {name}: {why}")
    for one in unused(allowed, found):
        click.echo(f"unused    {FILE}: {stack}: nothing of {one.resource} breaks {one.rule}; remove the exception")
    refused = sum(_level(verdict) == "refused" for _, verdict in found)
    click.echo(f"{len(RULES)} rules, {len(registered)} resources: {refused} refused, {len(found) - refused} told.")
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


def judged(registered: Iterable[Registered], root: Path, allowed: StackRules) -> Judgement:
    """What all rules say of resources. root: of the project, where paths of charts begin."""
    judge = Judge(allowed, datetime.now(UTC).date())
    found: list[tuple[str, Verdict]] = []
    unjudged: list[tuple[str, str]] = []
    for resource in registered:
        try:
            found += ((resource.name, one) for one in _verdicts(judge, resource, root))
        except WithheldError:
            unjudged.append((resource.name, "it holds a secret of the configuration; `pulumi preview` judges it"))
        except ChartError as error:
            unjudged.append((resource.name, str(error)))
    return Judgement(found, unjudged)


def _verdicts(judge: Judge, resource: Registered, root: Path) -> Iterator[Verdict]:
    if resource.type != RELEASE:
        for rule in RULES:
            yield from judge.resource(rule, resource.type, resource.name, resource.inputs)
        return
    objects = release_objects(resource, root)
    for rule in RULES:
        yield from judge.release(rule, resource.name, objects)


def unused(allowed: StackRules, found: Iterable[tuple[str, Verdict]]) -> list[Excuse]:
    """Exceptions that nothing needs."""
    used = {(verdict.rule.name, name) for name, verdict in found}
    return [one for one in allowed.exceptions if (one.rule, one.resource) not in used]


def _level(verdict: Verdict) -> str:
    if verdict.excused:
        return "excused"
    return "refused" if verdict.rule.mandatory else "advised"
