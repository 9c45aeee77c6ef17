"""The edits that lead to another revision, or to the files of another commit. Nothing is written here."""

import difflib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from blueprint.issues import DescriptionError
from blueprint.locks import IMAGES_LOCK, MODELS_LOCK, ModelPin, read_images_lock, read_models_lock
from ops.delivery.repository import Repository, files_of
from ops.delivery.revisions import Standing
from ops.editing import model_keys, read_text, replace_texts, with_value, without
from ops.endpoints.outcome import UnusableError
from ops.lockfile import IMAGES, MODELS
from ops.locking.models import DEFAULT_REVISION
from ops.project import Project


@dataclass(frozen=True)
class Changes:
    """New texts of files. texts: by name, as it was read and as it will be."""

    project: Project
    stack: str
    texts: Mapping[str, tuple[str, str]]

    def __bool__(self) -> bool:
        """Whether any file changes."""
        return any(before != after for before, after in self.texts.values())

    def diff(self) -> Iterator[str]:
        """What changes, as people read it."""
        for name, (before, after) in self.texts.items():
            lines = before.splitlines(), after.splitlines()
            yield from difflib.unified_diff(*lines, f"a/{name}", f"b/{name}", n=2, lineterm="")

    def write(self) -> None:
        """Write all files, or none. Raises click.ClickException."""
        replace_texts({self.project.root / name: texts for name, texts in self.texts.items()})

    def reverted(self) -> "Changes":
        """The way back."""
        return Changes(self.project, self.stack, {name: (new, old) for name, (old, new) in self.texts.items()})

    def checked(self) -> "Changes":
        """The same. Raises UnusableError with every mistake when the stack could not be deployed from these texts."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("Pulumi.yaml", *files_of(self.stack)):
                text = self.texts[name][1] if name in self.texts else read_text(self.project.root / name)
                Path(folder, name).write_text(text, encoding="utf-8")
            try:
                Project(Path(folder)).resolve(self.stack)
            except click.ClickException as error:
                raise UnusableError(f"Nothing was changed, since this could not be deployed: {error.message}") from None
        return self


def to_revision(project: Project, stack: str, model: str, wanted: Standing) -> Changes:
    """The edits that bring a model to a revision.

    The stack file names the revision as `wanted` does. Where the lock has that name for another commit by now, which
    other models may use, the stack file names the commit itself.
    """
    name = f"Pulumi.{stack}.yaml"
    before, lock_before = (read_text(project.root / file) for file in (name, MODELS_LOCK))
    lock, pin = read_models_lock(lock_before), wanted.pin
    written = wanted.written
    there = lock.pin(wanted.repository, wanted.revision)
    if pin.sha is not None and there.sha not in (None, pin.sha):
        written = pin.sha
    if written is None:
        after = without(before, model_keys(model, "revision"))
    else:
        after = with_value(before, model_keys(model, "revision"), written, after="model")
    key = f"{wanted.repository}@{written or DEFAULT_REVISION}"
    lock_after = lock_before
    if pin.sha is not None and lock.models.get(key, ModelPin()).sha != pin.sha:
        smaller = max((other for other in lock.models if other < key), default=None)
        value = pin.model_dump(exclude_none=True)
        lock_after = with_value(lock_before, (MODELS.section, key), value, after=smaller)
    return Changes(project, stack, {name: (before, after), MODELS_LOCK: (lock_before, lock_after)}).checked()


def to_commit(project: Project, stack: str, commit: str, repository: Repository) -> Changes:
    """The edits that bring a stack's file, and what the locks say, back to a commit.

    Entries that the locks got since then stay: other stacks need them. Raises UnusableError where the commit has no
    such stack, or a lock that cannot be read.
    """
    name = f"Pulumi.{stack}.yaml"
    then = repository.text(commit, name)
    if then is None:
        raise UnusableError(f"{name} was not there at {commit[:8]}.")
    texts = {name: (read_text(project.root / name), then)}
    try:
        for lock in (MODELS_LOCK, IMAGES_LOCK):
            before = read_text(project.root / lock)
            texts[lock] = before, _with_entries(lock, before, repository.text(commit, lock) or "")
    except DescriptionError as error:
        raise UnusableError(str(error)) from None
    return Changes(project, stack, texts).checked()


def _with_entries(name: str, text: str, then: str) -> str:
    if name == MODELS_LOCK:
        section, now, old = MODELS.section, read_models_lock(text).models, read_models_lock(then).models
        # Of a commit that both have, the facts and the licence that were read since then are no step forward to undo.
        moved = {key: pin for key, pin in old.items() if key not in now or now[key].sha != pin.sha}
        values = {key: pin.model_dump(exclude_none=True) for key, pin in moved.items()}
    else:
        section, images, were = IMAGES.section, read_images_lock(text).images, read_images_lock(then).images
        values = {key: pin.model_dump(exclude_none=True) for key, pin in were.items() if images.get(key) != pin}
    for key, value in values.items():
        text = with_value(text, (section, key), value)
    return text
