"""The CLI's file backend: checkpoints, history, backups and locks in one directory.

Layout (pulumi/pulumi, pkg/backend/diy): .pulumi/meta.yaml, stacks/PROJECT/STACK.json, history/PROJECT/STACK/,
backups/PROJECT/STACK/ and locks/organization/PROJECT/STACK/ with one file per run that holds the stack.
"""

import contextlib
import getpass
import json
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psutil

from lab.engine.resources import Snapshot
from lab.engine.store import checkpoint
from lab.engine.store.crypto import Crypter
from lab.errors import LabError

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,100}\Z")


class Backend:
    """The stacks of one project. url: file://PATH, ~ allowed. Raises LabError for any other kind."""

    def __init__(self, url: str, project: str):
        parts = urlsplit(url)
        if parts.scheme != "file":
            raise LabError(
                f"The lab's engine keeps state in files, and PULUMI_BACKEND_URL is {url.partition('?')[0]}. "
                "Use the Pulumi CLI for that backend, or set file://PATH."
            )
        self.root = Path(unquote(parts.netloc + parts.path)).expanduser().absolute() / ".pulumi"
        self.project = project

    def path(self, stack: str) -> Path:
        """The checkpoint of a stack, named STACK or organization/PROJECT/STACK. Raises LabError for other names."""
        *_, project, name = [self.project, *stack.removeprefix("organization/").split("/")]
        if not _NAME.match(name) or not _NAME.match(project):
            raise LabError(f"{stack!r} is no stack name: letters, digits, '-', '_' and '.', at most 100.")
        return self.root / "stacks" / project / f"{name}.json"

    def stacks(self) -> list[str]:
        """The project's stacks."""
        return sorted(path.stem for path in self.path("x").parent.glob("*.json"))

    def whole(self, stack: str) -> dict[str, Any] | None:
        """A checkpoint as it stands in its file; None when there is none. Raises LabError when it cannot be read."""
        path = self.path(stack)
        if path.with_suffix(".json.gz").exists():
            raise LabError(
                f"{path}.gz: compressed state is not supported; unset PULUMI_DIY_BACKEND_GZIP and run the CLI."
            )
        try:
            found: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise LabError(f"{path}: {error}. Its last good copies: {self._folder('backups', stack)}") from None
        return found

    def load(self, stack: str, passphrase: str | None) -> Snapshot | None:
        """A stack's snapshot; None when there is no such stack."""
        whole = self.whole(stack)
        if whole is None:
            return None
        salt = checkpoint.salt_of(whole)
        return checkpoint.read(whole, Crypter.of(salt, passphrase) if salt else None)

    def write(self, stack: str, text: str) -> None:
        """Put a checkpoint in place of the old one, which survives if that fails. Raises LabError."""
        path = self.path(stack)
        meta = self.root / "meta.yaml"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not meta.exists():
                meta.write_text("version: 1\n")
            replace_file(path, text)
        except OSError as error:
            raise LabError(
                f"{path}: the state could not be saved: {error.strerror}. The one before is intact."
            ) from None

    def record(self, stack: str, entry: dict[str, Any], text: str) -> None:
        """Add an update to the history, with the checkpoint that it left, and keep a backup of it."""
        stamp = time.time_ns()
        history, backups = self._folder("history", stack), self._folder("backups", stack)
        for folder in (history, backups):
            folder.mkdir(parents=True, exist_ok=True)
        name = self.path(stack).stem
        replace_file(history / f"{name}-{stamp}.history.json", json.dumps(entry))
        replace_file(history / f"{name}-{stamp}.checkpoint.json", text)
        replace_file(backups / f"{name}.{stamp}.json", text)

    def history(self, stack: str) -> list[dict[str, Any]]:
        """The updates of a stack, newest first."""
        entries = sorted(self._folder("history", stack).glob("*.history.json"), reverse=True)
        return [json.loads(path.read_text()) for path in entries]

    def remove(self, stack: str) -> None:
        """Forget a stack; its history and backups stay."""
        self.path(stack).unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self, stack: str) -> Iterator[None]:
        """Hold a stack alone, against this engine and the CLI. Raises LabError when another run has it."""
        folder = self._lock_folder(stack)
        folder.mkdir(parents=True, exist_ok=True)
        own = folder / f"{uuid.uuid4()}.json"
        me = {
            "pid": os.getpid(),
            "username": getpass.getuser(),
            "hostname": socket.gethostname(),
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        # As the CLI does: first write, then look. Of two that start at once at least one sees the other.
        replace_file(own, json.dumps(me))
        try:
            others = [text for path in folder.glob("*.json") if path != own and (text := _holder(path))]
            if others:
                raise LabError(
                    f"Another run holds stack {stack}: {'; '.join(others)}. Wait for it; if it is gone for good, "
                    f"`python -m lab.engine cancel --stack {stack}` frees the stack."
                )
            yield
        finally:
            own.unlink(missing_ok=True)

    def cancel(self, stack: str) -> int:
        """Free a stack from the locks of other runs; how many there were. A run that still lives is not stopped."""
        locks = list(self._lock_folder(stack).glob("*.json"))
        for path in locks:
            path.unlink(missing_ok=True)
        return len(locks)

    def _folder(self, kind: str, stack: str) -> Path:
        path = self.path(stack)
        return self.root / kind / path.parent.name / path.stem

    def _lock_folder(self, stack: str) -> Path:
        path = self.path(stack)
        return self.root / "locks" / "organization" / path.parent.name / path.stem


def _holder(path: Path) -> str:
    """Who holds a lock, in words; empty when that was a process of this machine that is gone."""
    try:
        lock = json.loads(path.read_text())
    except FileNotFoundError:
        return ""
    except ValueError:
        lock = {}
    pid = lock.get("pid", 0)
    here = lock.get("hostname") == socket.gethostname() and lock.get("username") == getpass.getuser()
    written = datetime.fromisoformat(lock["timestamp"][:19] + "+00:00").timestamp() if "timestamp" in lock else 0.0
    if here and not _lives(pid, written):
        path.unlink(missing_ok=True)
        return ""
    return f"{lock.get('username')}@{lock.get('hostname')}, pid {pid}, since {lock.get('timestamp')}"


def _lives(pid: int, since: float) -> bool:
    """Whether the process that wrote a lock is there: that number, started before the lock was written."""
    try:
        return psutil.Process(pid).create_time() <= since + 1
    except psutil.Error:
        return False


def replace_file(path: Path, text: str) -> None:
    """Write a file so that at any moment either the old or the new content is there, also after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
