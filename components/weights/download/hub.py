"""The Hub: what a revision holds, and the contents of files."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, NoReturn, TypeVar

from .words import GATED, HUB_DOWN, MISSING, TOKEN, DownloadError, say

_Result = TypeVar("_Result")
_TIMEOUT = 60.0
_TOO_MANY, _SERVER_ERRORS = 429, 500
# The volume's own faults, which no other answer of the Hub would mend.
VOLUME_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class Entry:
    """A file of a repository. checksum: sha256 of large files, git's sha1 of small ones; its name among the blobs."""

    path: str
    size: int
    checksum: str

    def hasher(self) -> Any:
        """A hash to be fed with the content."""
        if len(self.checksum) == 2 * hashlib.sha256().digest_size:
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)


class StoppedError(Exception):
    """Another file has failed."""


class Hub:
    """Asks the Hub about one repository, and goes on asking for `patience` seconds while it is down or busy.

    secret: where the token is kept, for messages.
    """

    def __init__(self, repository: str, *, patience: float, secret: str):
        self.base = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        self.stopped = threading.Event()
        self._repository, self._patience = repository, patience
        self._secret = secret or "none: huggingface.hubReadSecret of the stack names one"
        self._token = os.environ.get("HF_TOKEN", "")
        context = ssl.create_default_context()
        with contextlib.suppress(ImportError):
            import certifi  # noqa: PLC0415  for images without certificates of their own

            context.load_verify_locations(certifi.where())
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))

    def listing(self, revision: str) -> tuple[str, list[Entry]]:
        """The commit of a revision, and its files."""
        quoted = urllib.parse.quote(revision, safe="")
        url = f"{self.base}/api/models/{self._repository}/revision/{quoted}?blobs=true"

        def attempt() -> Any:
            with self._open(url, 0) as answer:
                return json.load(answer)

        found = self.patiently(f"the list of files of {self._repository}", attempt)
        return found["sha"], [
            Entry(item["rfilename"], item["size"], (item.get("lfs") or {}).get("sha256") or item["blobId"])
            for item in found["siblings"]
        ]

    def content(self, commit: str, path: str, start: int) -> Any:
        """A file from a byte on; status 200 instead of 206: the whole of it."""
        return self._open(f"{self.base}/{self._repository}/resolve/{commit}/{urllib.parse.quote(path)}", start)

    def patiently(self, what: str, attempt: Callable[[], _Result], progress: Callable[[], int] = lambda: 0) -> _Result:
        """The attempt's result; made again, after growing pauses, while the fault may pass by itself.

        Patience begins anew when `progress` has grown. Raises DownloadError, StoppedError, OSError of the volume.
        """
        reached, until, pause = -1, 0.0, 1.0
        while True:
            try:
                return attempt()
            except (OSError, HTTPException, ValueError) as error:
                why, asked = self._passing(error)
            if progress() > reached:
                reached, until, pause = progress(), time.monotonic() + self._patience, 1.0
            delay = max(asked, pause)
            if time.monotonic() + delay > until:
                raise DownloadError(
                    HUB_DOWN, f"{self.base} did not give {what}: {why}. The next try goes on from here."
                )
            say(f"{what}: {why}; again in {delay:g} s")
            if self.stopped.wait(delay):
                raise StoppedError
            pause = min(pause * 2, 60.0)

    def _open(self, url: str, start: int) -> Any:
        request = urllib.request.Request(url, headers={"User-Agent": "llm-inference"})  # noqa: S310
        if self._token:
            # To the Hub alone, never to where it redirects.
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        if start:
            request.add_header("Range", f"bytes={start}-")
        return self._opener.open(request, timeout=_TIMEOUT)

    def _passing(self, error: Exception) -> tuple[str, float]:
        """Why it failed, and how long the Hub wants to be left alone. Raises what will not pass by itself."""
        if isinstance(error, urllib.error.HTTPError):
            with error:
                if error.code == _TOO_MANY or error.code >= _SERVER_ERRORS:
                    after = error.headers.get("Retry-After") or ""
                    return f"HTTP {error.code}", float(after) if after.isdigit() else 0.0
                self._refuse(error)
        if isinstance(error, OSError) and error.errno in VOLUME_ERRORS:
            raise error
        reason = getattr(error, "reason", None) or error
        return (str(reason) if isinstance(error, HTTPException) else f"{type(reason).__name__}: {reason}"), 0.0

    def _refuse(self, error: urllib.error.HTTPError) -> NoReturn:
        code, said = error.headers.get("X-Error-Code"), error.headers.get("X-Error-Message") or f"HTTP {error.code}"
        name, page = self._repository, f"{self.base}/{self._repository}"
        if code == "GatedRepo":
            raise DownloadError(
                GATED,
                f"{name} is gated. Accept its licence at {page} with the account whose token stands in the Secret "
                f"({self._secret}). The Hub says: {said}",
            )
        if code == "RevisionNotFound":
            raise DownloadError(MISSING, f"{name} has no such revision ({said}). Run `llm lock`; see {page}/commits.")
        if code in ("RepoNotFound", "EntryNotFound"):
            who = "the token may not read it" if self._token else "no token was given"
            raise DownloadError(MISSING, f"{page} is not there, or it is private and {who} (Secret: {self._secret}).")
        if error.code in (401, 403):
            raise DownloadError(TOKEN, f"The Hub refuses the token of the Secret ({self._secret}): {said}.")
        raise DownloadError(MISSING, f"The Hub refuses a request about {name}: {said}.")
