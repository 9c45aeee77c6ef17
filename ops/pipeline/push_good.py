"""`llm push-good`: the tag of a stack's last good commit, to the repository that all share."""

import click

from ops.pipeline.git import Git
from ops.project import Project


@click.command()
@click.option("--stack", required=True, help="Stack whose tag good/STACK is pushed.")
def command(stack: str) -> None:
    """Push the tag good/STACK, which `llm release` moved, to `origin`: the next pipeline goes back to it."""
    project = Project.find()
    project.stack_file(stack)
    git, tag = Git(project.root), f"refs/tags/good/{stack}"
    commit = git.run("rev-parse", f"{tag}^{{commit}}")
    git.push(commit, tag)
    click.echo(f"good/{stack} is {commit} at origin.")
