"""`llm space`: the demo of a Hugging Face Space, checked and pushed."""

import os
from collections.abc import Sequence

import click

from ops.endpoints.outcome import NotSoError, UnusableError
from ops.project import Project
from ops.space.check import problems
from ops.space.files import SpaceFile, commit_of, pushed

_HUB = "https://huggingface.co"
_TO_SET = """\
Its settings must have, and this command sets none of them:
  variables  MODEL_URL, MODEL_NAME
  secret     HF_INVOKE_TOKEN for an Inference Endpoint, or MODEL_KEY for another host that wants a key
docs/space.md tells what else they may have."""


@click.group("space")
def command() -> None:
    """The demo in space/: check what would be pushed, and push it to a Hugging Face Space."""


@command.command("check")
def check() -> None:
    """Say what would be pushed, and whether it may be: sizes, front matter, requirements, secrets."""
    for file in _checked(Project.find()):
        click.echo(f"{file.path.stat().st_size:>10}  {file.name}{'  (LFS)' if file.in_lfs else ''}")


@command.command("push")
@click.argument("repository", metavar="OWNER/NAME")
def push_command(repository: str) -> None:
    """Make the Space OWNER/NAME hold what space/ holds, in one commit.

    Refused when `llm space check` finds something. A Space that does not exist is made, private. The token comes from
    HF_TOKEN and needs write access to it; HF_ENDPOINT names another Hub.
    """
    project = Project.find()
    if repository.count("/") != 1:
        raise UnusableError(f"{repository} is no name of a Space: it is written OWNER/NAME.")
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token:
        raise UnusableError("HF_TOKEN is not set. It needs write access to the Space.")
    files = _checked(project)
    from ops.space.push import push  # noqa: PLC0415  half a second, which --help and check need not

    url = push(
        repository,
        files,
        endpoint=os.environ.get("HF_ENDPOINT", "").strip() or _HUB,
        token=token,
        message=f"Demo of llm-inference, {commit_of(project.root)}",
    )
    click.echo(url)
    click.echo(_TO_SET, err=True)


def _checked(project: Project) -> Sequence[SpaceFile]:
    """The files of the Space. Raises NotSoError with everything that forbids to push them."""
    files = pushed(project.root)
    found = problems(project, files, os.environ)
    if found:
        raise NotSoError(
            "\n".join([f"The demo may not be pushed, {len(found)} reasons:", *(f"  {one}" for one in found)])
        )
    return files
