"""`llm lock`: which commit each model's revision means and which digest each image's tag, asked and written down."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import click

from ops.lockfile import IMAGES, MODELS, Lock, LockFile
from ops.locking.images import ask_images, images_of
from ops.locking.models import DEFAULT_ENDPOINT, ask_models, model_argument, models_of
from ops.locking.outcome import Outcome, Pin
from ops.locking.reference import tagged_image
from ops.locking.stacks import values_of_stacks
from ops.project import Project
from ops.sources import ModelRevision


@click.command()
@click.argument("names", metavar="[REPOSITORY[@REVISION] | IMAGE]...", nargs=-1)
@click.option("--endpoint", help=f"Address of the Hub or of a mirror. [default: HF_ENDPOINT, or {DEFAULT_ENDPOINT}]")
@click.option(
    "--from",
    "directory",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Ask a directory for models instead: the Hub's cache, or a git checkout of the model's repository.",
)
@click.option("--only", type=click.Choice(["models", "images"]), help="Leave the other lock alone.")
@click.option("--check", is_flag=True, help="Write nothing; fail when a lock would change or an entry has no pin.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 300),
    default=10.0,
    show_default=True,
    help="Longest silence of a hub or registry, in seconds.",
)
def command(
    *, names: Sequence[str], endpoint: str | None, directory: Path | None, only: str | None, check: bool, timeout: float
) -> None:
    """Pin models to commits in models.lock.yaml, and images to digests in images.lock.yaml.

    Without arguments: every model of every stack file, with its adapters and the model that drafts for it; every image
    that their engines run in and no stack builds, and every other one that images.lock.yaml lists. REVISION is main
    when absent. IMAGE is registry/repository:tag. What cannot be resolved keeps the pin it has, and the exit code is 1.

    A token for gated and private models is read from HF_TOKEN, a login for private images from Docker's config.json.
    """
    if endpoint and directory:
        raise click.UsageError("--endpoint and --from exclude each other: one source at a time.")
    if names and only:
        raise click.UsageError("--only is for a run without names: names say what is asked.")
    models, images = _arguments(names)
    with_models, with_images = (bool(models), bool(images)) if names else (only != "images", only != "models")
    if (endpoint or directory) and not with_models:
        raise click.UsageError("--endpoint and --from say where models are asked, and no model is.")
    project = Project.find()
    # Both before anything is asked: a damaged lock is no reason to write the other.
    of_models, of_images = _Locked.load(MODELS, project), _Locked.load(IMAGES, project)
    complete = True
    if not names:
        stacks, complete = values_of_stacks(project)
        if with_models:
            models, readable = models_of(stacks)
            complete = complete and readable
        images = [*images_of(stacks), *of_images.lock.images] if with_images else []
    whole = not names and complete
    used = {str(model) for model in models}
    asked_models = ask_models(sorted(set(models)), of_models.lock, endpoint, directory, timeout, check=check)
    asked_images = ask_images(sorted(set(images)), of_images.lock, named=bool(names), timeout=timeout)
    changed = False
    if with_models:
        changed |= of_models.settle(
            asked_models, unused=set(of_models.lock.models) - used if whole else (), check=check
        )
    if with_images and (asked_images or of_images.text is not None):
        changed |= of_images.settle(asked_images, unused=(), check=check)
    failed = [text for text in (_failed(asked_models, "models"), _failed(asked_images, "images")) if text]
    if failed:
        raise click.ClickException(f"{' and '.join(failed)} could not be resolved; reasons above.")
    if check and (changed or not complete):
        raise click.exceptions.Exit(1)


def _arguments(names: Iterable[str]) -> tuple[list[ModelRevision], list[str]]:
    models: list[ModelRevision] = []
    images: list[str] = []
    for name in names:
        model = model_argument(name)
        if model is not None:
            models.append(model)
        elif tagged_image(name) is not None:
            images.append(name)
        else:
            raise click.BadParameter(
                f"{name!r} is no model and no image. Give organisation/name or organisation/name@revision, or "
                "registry/repository:tag.",
                param_hint="REPOSITORY or IMAGE",
            )
    return models, images


def _failed(outcomes: Sequence[Outcome[Pin]], what: str) -> str | None:
    failed = sum(not outcome.resolved for outcome in outcomes)
    return f"{failed} of {len(outcomes)} {what}" if failed else None


@dataclass(frozen=True)
class _Locked(Generic[Lock]):
    """A lock file as it was when the command began. text: None where there was no file."""

    file: LockFile[Lock]
    path: Path
    text: str | None
    lock: Lock

    @classmethod
    def load(cls, file: LockFile[Lock], project: Project) -> "_Locked[Lock]":
        path = project.root / file.name
        return cls(file, path, *file.load(path))

    def settle(self, outcomes: Sequence[Outcome[Pin]], *, unused: Iterable[str], check: bool) -> bool:
        """Tell what became of the entries and write it down, unless this is a check. Whether the lock changes."""
        for outcome in outcomes:
            click.echo(f"{outcome.name}: {outcome.message}")
        for name in sorted(unused):
            click.echo(f"{name}: no stack uses it; kept")
        entries: Mapping[str, object] = getattr(self.lock, self.file.section)
        pins = {outcome.name: outcome.pin for outcome in outcomes}
        after = self.lock.model_copy(update={self.file.section: {**entries, **pins}})
        changed = after != self.lock
        if changed and not check:
            self.file.replace(self.path, after, self.text)
        if changed:
            click.echo(f"{self.file.name} {'would change. Run `llm lock` and commit it.' if check else 'is written.'}")
        elif all(outcome.resolved for outcome in outcomes):
            click.echo(f"{self.file.name} {'holds' if check else 'is unchanged'}.")
        return changed
