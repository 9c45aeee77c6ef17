"""Which files, and how each of them gets into its place whole."""

from __future__ import annotations

import fnmatch
import os
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from http.client import HTTPException
from pathlib import Path
from typing import Any

from .cache import Cache
from .hub import Entry, Hub, StoppedError
from .words import CORRUPT, DownloadError, amount, say

_CHUNK = 1 << 20
_PARALLEL = 8  # one stream from the Hub's storage does not fill a node's network
_PARTIAL_CONTENT = 206
_TELL_SECONDS = 30.0

# The same weights in other formats, which no engine of this project reads.
_OTHER_FORMATS = ("*.h5", "*.msgpack", "*.ot", "*.tflite", "*.onnx", "*.onnx_data", "onnx/*", "openvino/*", "coreml/*")
_BESIDE_SAFETENSORS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.gguf", "original/*")


class CorruptError(Exception):
    """A file did not arrive as the Hub lists it."""


def wanted(entries: list[Entry]) -> list[Entry]:
    """The files that an engine reads: everything small, and the weights in one format."""
    skipped = list(_OTHER_FORMATS)
    if any(entry.path.endswith(".safetensors") and "/" not in entry.path for entry in entries):
        skipped += _BESIDE_SAFETENSORS
    return [entry for entry in entries if not any(fnmatch.fnmatch(entry.path, pattern) for pattern in skipped)]


def fetch_all(hub: Hub, cache: Cache, commit: str, entries: list[Entry]) -> None:
    """Every file into its place, several at a time; the first that fails ends it.

    Raises DownloadError, and OSError of the volume.
    """
    work = _Work(hub, cache, commit, sum(entry.size for entry in entries))
    unique = {entry.checksum: entry for entry in entries}.values()
    with ThreadPoolExecutor(_PARALLEL) as pool:
        futures = [pool.submit(work.fetch, entry) for entry in unique]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        failed = [error for future in done if (error := future.exception())]
        if failed:
            hub.stopped.set()
            pool.shutdown(cancel_futures=True)
            raise next((error for error in failed if not isinstance(error, StoppedError)), failed[0])
    for entry in entries:
        cache.place(commit, entry)


class _Work:
    def __init__(self, hub: Hub, cache: Cache, commit: str, total: int):
        self._hub, self._cache, self._commit = hub, cache, commit
        self._total, self._arrived, self._told = total, 0, time.monotonic()
        self._guard = threading.Lock()

    def fetch(self, entry: Entry) -> None:
        """One file among the blobs, verified. What is there of it already is kept."""
        blob = self._cache.blobs / entry.checksum
        if blob.exists() and _fed(entry.hasher(), blob) == (entry.size, entry.checksum):
            return
        partial = blob.with_name(f"{blob.name}.incomplete")
        what = f"{entry.path} of {self._cache.repository}"
        try:
            self._completed(what, entry, partial)
        except CorruptError as error:
            say(f"{what}: {error}; fetching it anew")
            partial.unlink()
            try:
                self._completed(what, entry, partial)
            except CorruptError:
                partial.unlink()
                raise DownloadError(
                    CORRUPT,
                    f"{what} arrived corrupted twice: {error}. Nothing of it was kept. Look for a proxy or a volume "
                    "that alters it.",
                ) from None
        partial.replace(blob)

    def _completed(self, what: str, entry: Entry, partial: Path) -> None:
        def progress() -> int:
            return partial.stat().st_size if partial.exists() else 0

        self._hub.patiently(what, lambda: self._append(entry, partial), progress)

    def _append(self, entry: Entry, partial: Path) -> None:
        """What is missing of a file, and a look at the whole of it."""
        digest = entry.hasher()
        size, _ = _fed(digest, partial) if partial.exists() else (0, "")
        if size < entry.size or not partial.exists():
            with self._hub.content(self._commit, entry.path, size) as answer:
                if size and answer.status != _PARTIAL_CONTENT:
                    digest, size = entry.hasher(), 0
                with partial.open("ab" if size else "wb") as file:
                    # What is there, not a whole chunk: all that arrives before an interruption is kept.
                    while chunk := answer.read1(_CHUNK):
                        file.write(chunk)
                        digest.update(chunk)
                        size += len(chunk)
                        self._count(len(chunk))
                    file.flush()
                    os.fsync(file.fileno())
        if size < entry.size:
            raise HTTPException(f"the connection ended after {size} of {entry.size} bytes")
        if (size, digest.hexdigest()) != (entry.size, entry.checksum):
            raise CorruptError(f"its checksum is {digest.hexdigest()}, the Hub lists {entry.checksum}")

    def _count(self, size: int) -> None:
        if self._hub.stopped.is_set():
            raise StoppedError
        with self._guard:
            self._arrived += size
            if time.monotonic() - self._told > _TELL_SECONDS:
                self._told = time.monotonic()
                say(f"{amount(self._arrived)} have arrived of at most {amount(self._total)}")


def _fed(digest: Any, path: Path) -> tuple[int, str]:
    """A hash over a file, and its size."""
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
