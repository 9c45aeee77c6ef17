"""`llm promote`: a model to another revision."""

import click

from blueprint.locks import MODELS_LOCK
from ops.delivery.applying import deliver, ready_to_ask
from ops.delivery.changes import to_revision
from ops.delivery.options import apply_options
from ops.delivery.repository import Repository, files_of
from ops.delivery.revisions import Standing, pin_of, standing
from ops.editing import read_text
from ops.endpoints.outcome import UnusableError
from ops.project import Project


@click.command("promote")
@click.argument("model")
@click.option("--to", "wanted", required=True, metavar="REVISION", help="Branch, tag or commit of the model.")
@apply_options
def command(*, model: str, wanted: str, stack: str, yes: bool, no_apply: bool, deadline: float) -> None:
    """Bring MODEL to a revision: edit the stack file and the lock, show the preview, apply, and see that it answers.

    The revision's commit is taken from models.lock.yaml, from its history, or else asked at the Hub. When applying
    fails, or the model does not answer then, files and stack go back to what they were.
    """
    ready_to_ask(yes=yes, no_apply=no_apply)
    project = Project.find()
    repository = Repository(project)
    now = standing_now(project, stack, model)
    repository.refuse_changes(files_of(stack))
    pin = pin_of(wanted, now, project.models_lock(), repository)
    then = Standing(repository=now.repository, written=wanted, pin=pin)
    if (then.revision, then.deployed) == (now.revision, now.deployed):
        click.echo(f"{model} is at {now} already.")
        return
    changes = to_revision(project, stack, model, then)
    what = f"{model} from {now} to {then}"
    deliver(changes, [model], yes=yes, no_apply=no_apply, deadline=deadline, what=what)


def standing_now(project: Project, stack: str, model: str) -> Standing:
    """Where a model of a stack stands. Raises UnusableError where it has no revision."""
    try:
        project.resolve(stack)
        models = project.values(stack)["models"]
    except click.ClickException as error:
        raise UnusableError(error.message) from None
    if model not in models:
        raise UnusableError(f"Stack {stack} has no model {model}. There are: {', '.join(models)}.")
    if models[model].get("source"):
        raise UnusableError(f"{model} has its weights from elsewhere than the Hub (source), which has no revisions.")
    found = standing(model, read_text(project.root / f"Pulumi.{stack}.yaml"), read_text(project.root / MODELS_LOCK))
    if found is None:
        raise UnusableError(f"models.{model} of Pulumi.{stack}.yaml is written in a form that cannot be edited.")
    return found
