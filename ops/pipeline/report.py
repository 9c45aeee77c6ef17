"""`llm report`: what a change would do to a stack, as the one comment of a pull request."""

import sys
from pathlib import Path

import click

from ops.delivery.repository import Repository
from ops.pipeline.comment import with_section
from ops.pipeline.github import GitHub
from ops.pipeline.markdown import LIMIT, Judged, section
from ops.pipeline.planned import plan
from ops.plan.command import planned as sections
from ops.plan.command import subject_of
from ops.policy import allowed_in, judged, level, money_in
from ops.program import run_program
from ops.project import Project
from policy.rules import ALL

_MARGIN = 2000  # characters of the comment beside the sections


@click.command()
@click.option("--stack", required=True, help="Stack that is previewed.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the Markdown there. [default: to the output]"
)
@click.option(
    "--pull-request",
    type=click.IntRange(1),
    help="Put it into the one comment of this pull request; needs GITHUB_TOKEN and GITHUB_REPOSITORY.",
)
@click.option("--against", metavar="COMMIT", help="Say what changes in cost from this commit, branch or tag.")
@click.option("--engine", type=click.Choice(["pulumi", "lab"]), default=None, help="As ENGINE of `make preview`.")
def command(stack: str, out: Path | None, pull_request: int | None, against: str | None, engine: str | None) -> None:
    """Say what `up` would change, what the policies say of it, what the stack warns of, whether it fits, what it costs.

    The exit code is 1 when the preview fails or a mandatory policy is broken, after the report is where it belongs.
    """
    project = Project.find()
    project.stack_file(stack)  # a stack that is not there is said before GitHub is asked
    if against is not None:
        Repository(project).commit(against)  # so is a commit
    github = GitHub.from_environment() if pull_request else None
    planned, verdicts = plan(project, stack, engine=engine or ""), _judged(project, stack)
    # The comment holds a section of each stack.
    limit = (LIMIT - _MARGIN) // max(1, len(project.stacks()))
    text = section(stack, planned, verdicts, foresight=_foresight(project, stack, against), limit=limit)
    if out is not None:
        out.write_text(text)
    if github is not None and pull_request is not None:
        click.echo(github.comment(pull_request, lambda before: with_section(before, stack, text)))
    if out is None and github is None:
        click.echo(text, nl=False)
    sys.exit(1 if planned.failure or verdicts.refused or verdicts.failure else 0)


def _foresight(project: Project, stack: str, against: str | None) -> list[str]:
    try:
        subject = subject_of(project, stack)
    except click.ClickException:
        return []  # the preview fails, and says by what
    return [part for one in sections(subject, against) for part in one.markdown()]


def _judged(project: Project, stack: str) -> Judged:
    try:
        registered = run_program(project, stack)
        allowed = allowed_in(project, stack)
        found = judged(registered, project.root, allowed, money_in(project, stack))
    except click.ClickException as error:
        return Judged(failure=error.message)
    lines = [(level(one), f"{level(one)} {name}: {one.rule.name}: {one.told}") for name, one in found.found]
    return Judged(
        refused=[line for found_level, line in lines if found_level == "refused"],
        told=[
            *(line for found_level, line in lines if found_level != "refused"),
            *(f"unjudged {name}: {why}" for name, why in found.unjudged),
        ],
        asked=f"{len(ALL)} rules were put to {len(registered)} resources",
    )
