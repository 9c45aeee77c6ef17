"""`llm release`: what a pipeline runs: up, smoke, and back by itself to what was good."""

import click

from ops.delivery.applying import brought_up
from ops.delivery.changes import Changes, to_commit
from ops.delivery.options import deadline_option
from ops.delivery.repository import Repository, files_of
from ops.endpoints.outcome import NotSoError, UnusableError
from ops.endpoints.scope import stack_option
from ops.project import Project


@click.command("release")
@stack_option
@click.option("--good", metavar="COMMIT", help="Last commit that was good. [default: the Git tag good/STACK]")
@deadline_option
def command(*, stack: str, good: str | None, deadline: float) -> None:
    """Bring a stack up and test every model; when that fails, bring the last good commit's files back up.

    After a passed test the Git tag good/STACK names the commit; push it, where the next release runs on another
    machine. After a return the exit code is 1, and the files of the checkout are those that were good: commit them, or
    the next release brings the bad ones again.
    """
    project = Project.find()
    repository, tag = Repository(project), f"good/{stack}"
    project.stack_file(stack)
    repository.refuse_changes(files_of(stack))
    head = repository.commit("HEAD")
    last = repository.commit(good) if good else repository.found(f"refs/tags/{tag}")
    way_back = _way_back(project, stack, last, repository)
    failed = brought_up(project, stack, [], deadline)
    if failed is None:
        repository.move_tag(tag, head)
        click.echo(f"\nStack {stack} is at {head[:8]} and answers; {tag} names it now.")
        return
    click.echo(f"\nThe release of {head[:8]}: {failed}.")
    if last is None:
        raise NotSoError(f"No commit of stack {stack} is known to be good ({tag}), so there is no way back.")
    if not way_back:
        raise NotSoError(
            f"The last good commit, {last[:8]}, has the same stack file and locks: what fails is not in them, "
            "and they are no way back."
        )
    click.echo(f"Going back to the files of {last[:8]}, which was good.")
    way_back.write()
    again = brought_up(project, stack, [], deadline)
    names = ", ".join(name for name, (before, after) in way_back.texts.items() if before != after)
    if again is not None:
        raise NotSoError(f"On the way back to {last[:8]} {again} as well: look at the stack now. {names}: edited.")
    raise NotSoError(
        f"{head[:8]} is not released: {failed}. Stack {stack} is back at the files of {last[:8]} and answers. Commit "
        f"{names}, or the next release brings the bad ones again."
    )


def _way_back(project: Project, stack: str, last: str | None, repository: Repository) -> Changes | None:
    """The edits back to the last good commit, found before anything is touched."""
    if last is None:
        return None
    try:
        return to_commit(project, stack, last, repository)
    except UnusableError as error:
        raise UnusableError(
            f"There would be no way back to {last[:8]}, so nothing was touched: {error.message} Name another "
            "commit with --good."
        ) from None
