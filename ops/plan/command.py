"""`llm plan`: whether a stack fits, what it costs, what that changes, and which rules it breaks."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from blueprint.stack import check_stack
from ops.plan import before, catalogue, change, costs, fits, interruption, loads, rules, starts, topology
from ops.plan.page.document import page
from ops.plan.section import Maker, Section, Subject
from ops.project import Project

JSON_VERSION = 1

MAKERS: tuple[Maker, ...] = (topology.section, fits.section, costs.section, starts.section)
"""Sections that follow from the stack file and the locks alone."""


@click.command()
@click.option("--stack", required=True, help="Stack that is planned.")
@click.option(
    "--against",
    metavar="COMMIT",
    help=f"Say what changes from this commit, branch or tag; {before.RUNNING}: from what runs.",
)
@click.option("--catalogue", "asked", is_flag=True, help="Ask the API for the prices of endpoints; needs a token.")
@click.option("--markdown", "in_markdown", is_flag=True, help="Print Markdown, as for a pull request.")
@click.option("--html", "in_html", is_flag=True, help="Print one HTML page that needs no other file.")
@click.option("--json", "in_json", is_flag=True, help="Print JSON: {version, stack, sections}.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it there.")
def command(
    *, stack: str, against: str | None, asked: bool, in_markdown: bool, in_html: bool, in_json: bool, out: Path | None
) -> None:
    """Say whether a stack fits, what it costs and which rules it breaks, before anything is deployed.

    From the stack file and the locks alone: no cluster, and no network but with --catalogue. What runs is what the
    stack's own history says, as `llm history` lists it. Exit code 1 when a mandatory rule is broken.
    """
    if in_markdown + in_html + in_json > 1:
        raise click.UsageError("--markdown, --html and --json are forms of the same: choose one.")
    subject = subject_of(Project.find(), stack)
    sections = [*planned(subject, against), *([catalogue.section(subject)] if asked else []), rules.section(subject)]
    if in_json:
        text = json.dumps(
            {"version": JSON_VERSION, "stack": stack, "sections": {one.key: one.data for one in sections}}, indent=2
        )
    elif in_html:
        text = page(stack, sections)
    elif in_markdown:
        text = "".join((f"## Plan of `{stack}`", *(part for one in sections for part in one.markdown())))
    else:
        text = "\n\n".join(one.text() for one in sections)
    if out is not None:
        out.write_text(f"{text}\n", encoding="utf-8")
    else:
        click.echo(text)
    sys.exit(1 if any(one.refused for one in sections) else 0)


def subject_of(project: Project, stack: str) -> Subject:
    """A stack to plan. Raises click.ClickException with every mistake of its file."""
    resolved = project.resolve(stack)
    description, _ = check_stack(stack, project.values(stack), project.models_lock(), project.images_lock())
    if description is None:
        raise click.ClickException(f"Pulumi.{stack}.yaml changed while it was read. Run it again.")
    return Subject(project=project, stack=resolved, description=description)


def planned(subject: Subject, against: str | None) -> Iterator[Section]:
    """The sections that need no program to run."""
    yield from (make(subject) for make in MAKERS)
    if subject.stack.cost.loaded:
        yield loads.section(subject)
    if against is not None:
        was = before.read(subject.project, subject.stack.name, against)
        yield change.section(subject, was)
        if not was.failure:
            yield interruption.section(subject, was.stack)
