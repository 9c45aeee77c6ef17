"""A model's part of a Hugging Face cache, in the Hub's own layout: every engine finds the files by HF_HOME."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
import uuid
from pathlib import Path

from .hub import Entry
from .words import VOLUME, DownloadError, amount, say

_FORGOTTEN_SECONDS = 3600.0


class Cache:
    """One model under HF_HOME. Its marker, one per commit, is written last: a commit without it is not whole."""

    def __init__(self, home: Path, repository: str):
        name = repository.replace("/", "--")
        self.repository = repository
        self.blobs = home / "hub" / f"models--{name}" / "blobs"
        self.lock = home / "llm-inference" / name / "lock"
        self._folder, self._markers = self.blobs.parent, self.lock.parent

    def prepare(self, commit: str) -> None:
        """Make room for a download, and take away what earlier ones of the engines themselves left half."""
        self.marker(commit).unlink(missing_ok=True)
        self.blobs.mkdir(parents=True, exist_ok=True)
        for path in self.blobs.glob("*.*.incomplete"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _FORGOTTEN_SECONDS:
                    path.unlink()

    def marker(self, commit: str) -> Path:
        """The file that says that a commit is whole."""
        return self._markers / f"{commit}.json"

    def snapshot(self, commit: str, path: str) -> Path:
        """Where an engine finds a file."""
        return self._folder / "snapshots" / commit / path

    def has(self, commit: str, entry: Entry) -> bool:
        """Whether a file is in its place with its size."""
        with contextlib.suppress(OSError):
            return self.snapshot(commit, entry.path).stat().st_size == entry.size
        return False

    def whole(self, commit: str) -> bool:
        """Whether a commit is marked, and every file of it is still there."""
        try:
            listed = json.loads(self.marker(commit).read_text())["files"]
            return all(self.has(commit, Entry(**item)) for item in listed)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def place(self, commit: str, entry: Entry) -> None:
        """Let the snapshot have a file that is among the blobs."""
        pointer, blob = self.snapshot(commit, entry.path), self.blobs / entry.checksum
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.unlink(missing_ok=True)
        try:
            pointer.symlink_to(os.path.relpath(blob, pointer.parent))
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            # Some SMB shares know no links.
            shutil.copyfile(blob, pointer)

    def mark(self, revision: str, commit: str, entries: list[Entry]) -> None:
        """Say that a commit is whole."""
        # A listing that huggingface_hub left names files that are not fetched here on purpose: offline it would call
        # the snapshot incomplete.
        (self._folder / "trees" / f"{commit}.json").unlink(missing_ok=True)
        if revision != commit:
            _write(self._folder / "refs" / revision, commit)
        files = [vars(entry) for entry in entries]
        _write(self.marker(commit), json.dumps({"repository": self.repository, "files": files}, indent=1))

    def show_at(self, path: Path, commit: str) -> None:
        """Let a folder elsewhere in the volume be the snapshot, for engines that take a path and no revision."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        temporary.symlink_to(os.path.relpath(self.snapshot(commit, "."), path.parent))
        temporary.replace(path)

    def check_space(self, commit: str, entries: list[Entry]) -> None:
        """Raise DownloadError when what is missing cannot fit."""
        missing = sum(self._missing(entry) for entry in {entry.checksum: entry for entry in entries}.values())
        free = shutil.disk_usage(self.blobs).free
        if missing > free:
            raise self.full(commit, f"{amount(missing)} are missing and {amount(free)} free")
        say(f"{self.repository}@{commit}: {len(entries)} files, {amount(missing)} to fetch, {amount(free)} free")

    def full(self, commit: str, why: str) -> DownloadError:
        """What a person can do about a volume that is too small."""
        others = sorted(path.stem for path in self._markers.glob("*.json") if path.stem != commit)
        older = f", or delete an older revision from it ({', '.join(others)})" if others else ""
        return DownloadError(
            VOLUME,
            f"The volume is too small for {self.repository}@{commit}: {why}. Raise cache.sizeGiB{older}. "
            "What has arrived is kept.",
        )

    def _missing(self, entry: Entry) -> int:
        blob = self.blobs / entry.checksum
        for path in (blob, blob.with_name(f"{blob.name}.incomplete")):
            with contextlib.suppress(OSError):
                return max(0, entry.size - path.stat().st_size)
        return entry.size


def _write(path: Path, text: str) -> None:
    """A file that is there whole or not at all, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
