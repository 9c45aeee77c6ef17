"""models.lock.yaml on disk: rendered the same way every time, replaced as a whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from blueprint.issues import DescriptionError
from blueprint.locks import ModelPin, ModelsLock, read_models_lock

HEADER = (
    "# Which commit each model's revision means. Written by `llm lock`; the program reads nothing else about models.\n"
)


def load(path: Path) -> tuple[str | None, ModelsLock]:
    """The file's text and what it means; None and an empty lock when there is no file.

    Raises click.ClickException when it is no lock file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return text, read_models_lock(text)
    except FileNotFoundError:
        return None, ModelsLock()
    except DescriptionError as error:
        raise click.ClickException(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path.name} cannot be read: {error}. Restore it from version control.") from None


def render(lock: ModelsLock, previous: str | None) -> str:
    """The file's text: the previous one's leading comments, then the pins sorted by name."""
    content = {
        "version": lock.version,
        "models": {name: _plain(pin) for name, pin in sorted(lock.models.items())},
    }
    body = yaml.safe_dump(content, sort_keys=False, width=10_000)
    return _head(previous) + body


def _plain(pin: ModelPin) -> Mapping[str, Any]:
    return pin.model_dump(exclude_none=True)


def _head(previous: str | None) -> str:
    head = ""
    for line in (previous or "").splitlines(keepends=True):
        if line.strip() and not line.startswith("#"):
            break
        head += line
    return head if head.strip() else HEADER


def replace(path: Path, lock: ModelsLock, previous: str | None) -> None:
    """Write the lock in place of the previous text, as a whole or not at all.

    Raises click.ClickException when the file changed since it was read, or cannot be written; it is then
    untouched.
    """
    text = render(lock, previous)
    if read_models_lock(text) != lock:
        raise click.ClickException(
            f"{path.name} would not read back as it was meant; nothing was written. Report this."
        )
    current, _ = load(path)
    if current != previous:
        raise click.ClickException(
            f"{path.name} was changed by somebody else meanwhile; nothing was written. Run again."
        )
    # Through a symbolic link to the file itself, which the renaming would otherwise replace.
    target = path.resolve()
    try:
        _replace_file(target, text)
    except OSError as error:
        raise click.ClickException(f"{path.name} cannot be written: {error}. The old one is untouched.") from None


def _replace_file(target: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp's files are readable by their owner only.
        temporary.chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o644)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
