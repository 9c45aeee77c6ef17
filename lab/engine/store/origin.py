"""Which commit an update came from, in the words of Pulumi's own history (pkg/backend/updates.go of pulumi/pulumi)."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 10.0
_FORMAT = "%H%x00%an%x00%ae%x00%cn%x00%ce%x00%s"


Origin = tuple[str, Mapping[str, str]]
"""A commit's title, and what tells it."""


def origin(root: Path) -> Origin:
    """The title of the commit that a folder is at, and what tells it; both empty outside a Git repository.

    git.head: the commit. git.headName: the full name of its branch, HEAD without one. git.dirty: whether files differ
    from it, or are not in it.
    """
    said = _git(root, "log", "-1", f"--format={_FORMAT}")
    if not said:
        return "", {}
    head, author, author_email, committer, committer_email, title = said.split("\0")
    return title, {
        "git.head": head,
        "git.headName": _git(root, "symbolic-ref", "--quiet", "HEAD") or "HEAD",
        "git.dirty": "true" if _git(root, "status", "--porcelain") else "false",
        "git.author": author,
        "git.author.email": author_email,
        "git.committer": committer,
        "git.committer.email": committer_email,
    }


def _git(root: Path, *arguments: str) -> str:
    """What git prints; nothing where there is no git, no repository or no answer in time."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
