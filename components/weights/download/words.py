"""What a person reads: lines of the log, and errors with their exit codes."""

from __future__ import annotations

import sys

GATED, TOKEN, MISSING, VOLUME = 10, 11, 12, 13
"""Exit codes of what a person has to mend: trying again would not help."""

CORRUPT, HUB_DOWN, INTERRUPTED = 14, 15, 143
"""Exit codes of what the next try may find mended."""


class DownloadError(Exception):
    """What a person is told, and the exit code."""

    def __init__(self, code: int, message: str):
        self.code = code
        super().__init__(message)


def say(text: str) -> None:
    """One line for the log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def amount(size: float) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.2f} MB"  # noqa: PLR2004
