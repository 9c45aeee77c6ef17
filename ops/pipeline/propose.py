"""`llm propose`: what was edited in stack files and locks, as a commit on a branch of its own and a pull request."""

import os
from pathlib import Path

import click

from blueprint.locks import IMAGES_LOCK, MODELS_LOCK
from ops.pipeline.git import Git
from ops.pipeline.github import GitHub
from ops.project import Project


@click.command()
@click.option("--branch", required=True, help="Branch that gets the commit; what it had before goes.")
@click.option("--title", required=True, help="Of the commit and of the pull request.")
@click.option("--body", default="", help="What the pull request says beside that.")
@click.option("--base", default="main", show_default=True, help="Branch that the pull request goes to.")
def command(branch: str, title: str, body: str, base: str) -> None:
    """Commit edited stack files and locks, push them as BRANCH and open a pull request, or renew the one there is.

    Nothing else of the checkout is taken along, and the checkout itself stays as it is. Prints the commit; where
    nothing was edited, the one that is checked out. On a runner it is the step's output `commit`, too. Needs
    GITHUB_TOKEN.
    """
    project = Project.find()
    git = Git(project.root)
    commit = git.commit_of_edits(_files(project), f"{title}\n\n{body}".strip())
    if commit is None:
        click.echo("Nothing was edited; there is nothing to propose.", err=True)
        commit = git.run("rev-parse", "HEAD")
    else:
        github = GitHub.from_environment()
        git.push(commit, f"refs/heads/{branch}")
        click.echo(github.pull_request(branch, base, title, body or title), err=True)
    click.echo(commit)
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a") as file:
            file.write(f"commit={commit}\n")


def _files(project: Project) -> list[str]:
    names = [*(path.name for path in project.root.glob("Pulumi.*.yaml")), MODELS_LOCK, IMAGES_LOCK]
    return sorted(name for name in names if (project.root / name).is_file())
