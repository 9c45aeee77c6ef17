"""`python3 -m download REPOSITORY@REVISION[=PATH]...`: each into the cache under HF_HOME, and found at PATH, too."""

from __future__ import annotations

import argparse
import errno
import os
import re
import signal
import sys
from pathlib import Path
from typing import NoReturn

from .cache import Cache
from .files import fetch_all, wanted
from .hub import VOLUME_ERRORS, Hub
from .lock import Lock
from .words import INTERRUPTED, VOLUME, DownloadError, amount, say

_COMMIT = re.compile(r"[0-9a-f]{40}")


def download(repository: str, revision: str, path: str, options: argparse.Namespace) -> None:
    """One model's commit; with a path, found there as well. Raises DownloadError."""
    cache = Cache(options.home, repository)
    lock = Lock(cache.lock, options.stale)
    _end_at_sigterm(lock)
    try:
        if not _whole(cache, revision):
            with lock:
                # Whoever held the lock before may have done it.
                if not _whole(cache, revision):
                    _fetched(cache, revision, options)
        if path:
            cache.show_at(Path(path), revision)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise cache.full(revision, os.strerror(error.errno)) from None
        if error.errno not in VOLUME_ERRORS:
            raise
        who = f"user {os.getuid()}, group {os.getgid()}"
        raise DownloadError(VOLUME, f"{error.filename} cannot be written by {who}: {error.strerror}.") from None


def _whole(cache: Cache, revision: str) -> bool:
    """Whether nobody has to be asked. What a branch means, only the Hub knows."""
    whole = bool(_COMMIT.fullmatch(revision)) and cache.whole(revision)
    if whole:
        say(f"{cache.repository}@{revision} is whole already; the Hub was not asked")
    return whole


def _fetched(cache: Cache, revision: str, options: argparse.Namespace) -> None:
    hub = Hub(cache.repository, patience=options.patience, secret=options.secret)
    commit, listed = hub.listing(revision)
    entries = wanted(listed)
    if not cache.whole(commit):
        cache.prepare(commit)
        cache.check_space(commit, entries)
        fetch_all(hub, cache, commit, entries)
    cache.mark(revision, commit, entries)
    size = amount(sum(entry.size for entry in entries))
    say(f"{cache.repository}@{commit} is whole: {len(entries)} files, {size}, each as the Hub lists it")


def _end_at_sigterm(lock: Lock) -> None:
    def end(*_: object) -> NoReturn:
        say("interrupted; nothing unfinished is marked whole, and the next try goes on from here")
        lock.release()
        # Not sys.exit, which would wait for reads that hang.
        os._exit(INTERRUPTED)

    signal.signal(signal.SIGTERM, end)


def main() -> int:
    """Fetch what the arguments name. Exit codes: see words.py."""
    parser = argparse.ArgumentParser(prog="download", description="Fetches models into a Hugging Face cache.")
    parser.add_argument("models", nargs="+", metavar="REPOSITORY@REVISION[=PATH]")
    parser.add_argument("--home", type=Path, default=Path(os.environ["HF_HOME"]), help="the cache; default HF_HOME")
    parser.add_argument("--secret", default="", help="where the token is kept, for messages")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds that the Hub may be down or busy")
    parser.add_argument("--stale", type=float, default=60.0, help="seconds after which a silent lock is dead")
    options = parser.parse_args()
    try:
        for model in options.models:
            name, _, path = model.partition("=")
            repository, _, revision = name.partition("@")
            download(repository, revision, path, options)
    except DownloadError as error:
        say(f"error: {error}")
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
