"""`llm policy`: what the rules say of a stack, without deploying anything."""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from blueprint.helm import RELEASE
from ops.program import Registered, run_program, secrets_in
from ops.project import Project
from policy.charts import ChartError, render_release
from policy.judging import Judge, Verdict
from policy.rules import NAMES, RULES
from policy.settings import FILE, Excuse, SettingsError, StackRules, stack_rules


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
    found = list(judged(registered, project.root, allowed))
    for name, verdict in found:
        click.echo(f"{_level(verdict):<9} {name}: {verdict.rule.name}: {verdict.told}")
    for name, error in not_judged(registered, project.root):
        click.echo(f"unjudged  {name}: {error}")
    for one in unused(allowed, found):
        click.echo(f"unused    {FILE}: {stack}: nothing of {one.resource} breaks {one.rule}; remove the exception")
    refused = sum(_level(verdict) == "refused" for _, verdict in found)
    click.echo(f"{len(RULES)} rules, {len(registered)} resources: {refused} refused, {len(found) - refused} told.")
    sys.exit(1 if refused else 0)


def allowed_in(project: Project, stack: str) -> StackRules:
    """What policy/stacks.yaml says of a stack. Raises click.ClickException with a mistake in it."""
    try:
        return stack_rules(project.root, stack, NAMES)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def judged(registered: Iterable[Registered], root: Path, allowed: StackRules) -> Iterator[tuple[str, Verdict]]:
    """By name of a resource, how it breaks a rule. root: of the project, where paths of charts begin."""
    judge = Judge(allowed, datetime.now(UTC).date())
    for resource in registered:
        for rule in RULES:
            if resource.type != RELEASE:
                found = judge.resource(rule, resource.type, resource.name, resource.inputs)
            else:
                found = judge.release(rule, resource.name, _objects(resource, root))
            for one in found:
                yield resource.name, one


def not_judged(registered: Iterable[Registered], root: Path) -> Iterator[tuple[str, str]]:
    """Releases whose objects nobody has seen, and why."""
    for resource in registered:
        if resource.type != RELEASE:
            continue
        if any(secrets_in(resource.inputs)):
            yield resource.name, "the release holds a secret of the configuration; `pulumi preview` judges it"
            continue
        try:
            render_release(resource.inputs, root)
        except ChartError as error:
            yield resource.name, str(error)


def _objects(release: Registered, root: Path) -> Iterable[dict[str, Any]]:
    if any(secrets_in(release.inputs)):
        return []
    try:
        return render_release(release.inputs, root)
    except ChartError:
        return []  # told by not_judged


def unused(allowed: StackRules, found: Iterable[tuple[str, Verdict]]) -> list[Excuse]:
    """Exceptions that nothing needs."""
    used = {(verdict.rule.name, name) for name, verdict in found}
    return [one for one in allowed.exceptions if (one.rule, one.resource) not in used]


def _level(verdict: Verdict) -> str:
    if verdict.excused:
        return "excused"
    return "refused" if verdict.rule.mandatory else "advised"
