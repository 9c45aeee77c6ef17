"""One writer per model and volume."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
import uuid
from pathlib import Path

from .words import INTERRUPTED, say

BEAT_SECONDS = 5.0


class Lock:
    """A directory, because mkdir is atomic on NFS too, where flock may not be.

    The holder writes a new number into it every BEAT_SECONDS. Who waits takes it over when the number has stood still
    for `stale` seconds by the waiter's own clock; a holder whose lock was taken ends at once.
    """

    def __init__(self, path: Path, stale: float):
        self._path, self._stale = path, stale
        self._beat = path / f"beat-{uuid.uuid4().hex}"
        self._released = threading.Event()

    def __enter__(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        seen: list[tuple[str, str]] | None = None
        since = time.monotonic()
        while not self._taken():
            beat = self._others_beat()
            if seen is None:
                say(f"another download holds {self._path}; waiting for it")
            if beat != seen:
                seen, since = beat, time.monotonic()
            elif time.monotonic() - since > self._stale:
                say(f"{self._path} was left behind by a download that died; taking it over")
                self._bury()
            time.sleep(min(1.0, self._stale / 4))
        self._beat.write_text("0")
        threading.Thread(target=self._beating, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let the next one in; does nothing to a lock that somebody else has."""
        self._released.set()
        if self._beat.exists():
            shutil.rmtree(self._path, ignore_errors=True)

    def _taken(self) -> bool:
        try:
            self._path.mkdir()
        except FileExistsError:
            return False
        return True

    def _bury(self) -> None:
        """Out of the way in one step, so that of several who wait one alone does it."""
        grave = self._path.with_name(f"dead-{uuid.uuid4().hex}")
        with contextlib.suppress(OSError):
            self._path.rename(grave)
        shutil.rmtree(grave, ignore_errors=True)

    def _others_beat(self) -> list[tuple[str, str]]:
        with contextlib.suppress(OSError):
            return sorted((path.name, path.read_text()) for path in self._path.iterdir())
        return []

    def _beating(self) -> None:
        number = 0
        while not self._released.wait(BEAT_SECONDS):
            number += 1
            try:
                # r+, because it makes no file: in a lock that was taken over there is none.
                with self._beat.open("r+") as file:
                    file.write(str(number))
            except FileNotFoundError:
                if not self._released.is_set():
                    say("the lock was taken over while this download stood still; the other one goes on")
                    os._exit(INTERRUPTED)
            except OSError:
                continue  # a full or hanging volume is told by who writes the files
