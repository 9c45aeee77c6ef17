"""`llm rollback`: a model to the revision before, or a whole stack to the files of a commit."""

import click

from ops.delivery.applying import deliver, ready_to_ask
from ops.delivery.changes import to_commit, to_revision
from ops.delivery.options import apply_options
from ops.delivery.promote import standing_now
from ops.delivery.repository import Repository, files_of
from ops.delivery.revisions import Standing, before, pin_of
from ops.project import Project


@click.command("rollback")
@click.argument("model", required=False)
@click.option("--to", "wanted", metavar="REVISION", help="Branch, tag or commit. [default: the one before, by Git]")
@click.option("--commit", "given", metavar="SHA", help="Instead of MODEL: the whole stack as of this commit.")
@apply_options
def command(
    *, model: str | None, wanted: str | None, given: str | None, stack: str, yes: bool, no_apply: bool, deadline: float
) -> None:
    """Bring MODEL back to the revision that it had before, or the stack to the files of a commit.

    Edits the stack file and the locks, shows the preview, applies, and sees that it answers. In a pipeline --no-apply
    edits only: commit the files, so that the next push does not bring the bad version back.
    """
    if (model is None) == (given is None) or (given and wanted):
        raise click.UsageError("Give either MODEL, perhaps with --to, or --commit.")
    ready_to_ask(yes=yes, no_apply=no_apply)
    project = Project.find()
    repository = Repository(project)
    if model is None:
        project.stack_file(stack)
        repository.refuse_changes(files_of(stack))
        commit = repository.commit(str(given))
        changes, what = to_commit(project, stack, commit, repository), f"stack {stack} back to commit {commit[:8]}"
        models = []
    else:
        now = standing_now(project, stack, model)
        repository.refuse_changes(files_of(stack))
        if wanted is None:
            then = before(model, now, stack, repository)
        else:
            pin = pin_of(wanted, now, project.models_lock(), repository)
            then = Standing(repository=now.repository, written=wanted, pin=pin)
        changes, what = to_revision(project, stack, model, then), f"{model} back from {now} to {then}"
        models = [model]
    if not changes:
        click.echo(f"{what}: the files say that already.")
        return
    deliver(changes, models, yes=yes, no_apply=no_apply, deadline=deadline, what=what)
