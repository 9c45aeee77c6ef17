"""The lock files on disk: rendered the same way every time, replaced as a whole or not at all."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import click
import yaml

from blueprint.issues import DescriptionError
from blueprint.locks import IMAGES_LOCK, MODELS_LOCK, ImagesLock, ModelsLock, read_images_lock, read_models_lock
from ops.editing import EditError, replace_file, with_value, without

Lock = TypeVar("Lock", ModelsLock, ImagesLock)


@dataclass(frozen=True, kw_only=True)
class LockFile(Generic[Lock]):
    """One of the two files.

    section: the key of its entries.
    header: its first lines, where a person wrote no others.
    """

    name: str
    section: str
    header: str
    empty: Lock
    read: Callable[[str], Lock]

    def load(self, path: Path) -> tuple[str | None, Lock]:
        """The file's text and what it means; None and an empty lock when there is no file.

        Raises click.ClickException when it is no lock file.
        """
        try:
            text = path.read_text(encoding="utf-8")
            return text, self.read(text)
        except FileNotFoundError:
            return None, self.empty
        except DescriptionError as error:
            raise click.ClickException(str(error)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise click.ClickException(
                f"{path.name} cannot be read: {error}. Restore it from version control."
            ) from None

    def render(self, lock: Lock, previous: str | None) -> str:
        """The file's text: the previous one with what changed, so that comments stay; new pins behind the last smaller.

        Where that cannot be said in the previous text, its leading comments, then the pins sorted by name.
        """
        with contextlib.suppress(EditError):
            if previous is not None and (edited := self._edited(lock, previous)) is not None:
                return edited
        content = lock.model_dump(exclude_none=True)
        content[self.section] = dict(sorted(content[self.section].items()))
        return self._head(previous) + yaml.safe_dump(content, sort_keys=False, width=10_000)

    def _edited(self, lock: Lock, previous: str) -> str | None:
        try:
            before = self._pins(self.read(previous))
        except DescriptionError:
            return None
        now, text = self._pins(lock), previous
        for name in before.keys() - now.keys():
            text = without(text, (self.section, name))
        for name in sorted(now):
            if before.get(name) != now[name]:
                smaller = max((other for other in now if other < name), default=None)
                text = with_value(text, (self.section, name), now[name], after=smaller)
        return text

    def _pins(self, lock: Lock) -> Mapping[str, Any]:
        pins: Mapping[str, Any] = lock.model_dump(exclude_none=True)[self.section]
        return pins

    def _head(self, previous: str | None) -> str:
        head = ""
        for line in (previous or "").splitlines(keepends=True):
            if line.strip() and not line.startswith("#"):
                break
            head += line
        return head if head.strip() else self.header

    def replace(self, path: Path, lock: Lock, previous: str | None) -> None:
        """Write the lock in place of the previous text, as a whole or not at all.

        Raises click.ClickException when the file changed since it was read, or cannot be written; it is then
        untouched.
        """
        text = self.render(lock, previous)
        if self.read(text) != lock:
            raise click.ClickException(
                f"{path.name} would not read back as it was meant; nothing was written. Report this."
            )
        current, _ = self.load(path)
        if current != previous:
            raise click.ClickException(
                f"{path.name} was changed by somebody else meanwhile; nothing was written. Run again."
            )
        try:
            replace_file(path, text)
        except OSError as error:
            raise click.ClickException(f"{path.name} cannot be written: {error}. The old one is untouched.") from None


MODELS = LockFile(
    name=MODELS_LOCK,
    section="models",
    header="# Which commit each model's revision means, and what sizing needs of it. Written by `llm lock`; the\n"
    "# program reads nothing else about models.\n",
    empty=ModelsLock(),
    read=read_models_lock,
)
IMAGES = LockFile(
    name=IMAGES_LOCK,
    section="images",
    header="# Which digest each image's tag means; where there are several platforms, their index's. Written by "
    "`llm lock`.\n# The program deploys tag and digest together.\n",
    empty=ImagesLock(),
    read=read_images_lock,
)
