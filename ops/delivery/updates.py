"""The updates of a stack, from Pulumi's own history: the CLI's words, or the files of its file backend."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ops.endpoints.outcome import NotSoError, UnusableError
from ops.project import PROJECT_NAME, Project
from ops.table import printable

BACKEND = "PULUMI_BACKEND_URL"
_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Update:
    """One run that changed, or looked at, a stack.

    kind: update, refresh, destroy, ... result: succeeded, failed or in-progress. who: wrote the commit, and where a
    pipeline ran it, which. commit: SHA of HEAD, None where Git was not there; dirty: whether files differed from it.
    changes: numbers of resources by what was done.
    """

    version: int
    kind: str
    result: str
    started: datetime
    seconds: int | None
    who: str
    commit: str | None
    branch: str | None
    dirty: bool
    title: str
    build: str | None
    changes: Mapping[str, int]


def updates(project: Project, stack: str) -> Sequence[Update]:
    """The updates of a stack, newest first. Raises NotSoError and UnusableError where they cannot be read."""
    raw = _of_cli(project, stack) if shutil.which("pulumi") else _of_files(stack)
    return [_update(entry) for entry in raw]


def _of_cli(project: Project, stack: str) -> Sequence[Mapping[str, Any]]:
    # --show-secrets is not given: what an update's configuration holds stays blinded, and is not read here.
    command = ["pulumi", "stack", "history", "--json", "--stack", stack, "--non-interactive"]
    try:
        done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotSoError(f"`pulumi stack history` did not answer within {_SECONDS:.0f} s.") from None
    if done.returncode:
        raise NotSoError(f"`pulumi stack history` failed: {printable(done.stderr.strip())}")
    try:
        found = json.loads(done.stdout)
    except ValueError:
        raise NotSoError("`pulumi stack history --json` printed no JSON.") from None
    # null: of a stack without any update.
    return list(found or [])


def _of_files(stack: str) -> Iterable[Mapping[str, Any]]:
    url = os.environ.get(BACKEND, "")
    parts = urlsplit(url)
    if parts.scheme != "file":
        what = "is not set" if not url else f"is {parts.scheme or 'no address'}, which takes the Pulumi CLI"
        raise UnusableError(
            f"There is no pulumi on PATH, and {BACKEND} {what}. For the lab `make history STACK={stack}` sets it, and "
            f"`make plan STACK={stack} AGAINST=running`."
        )
    root = Path(unquote(parts.netloc + parts.path)).expanduser() / ".pulumi"
    folder = root / "history" / PROJECT_NAME / stack
    # Their names end in the moment, in nanoseconds.
    for path in sorted(folder.glob("*.history.json"), reverse=True):
        try:
            entry = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise NotSoError(f"{path.name} cannot be read: {type(error).__name__}.") from None
        yield entry


def _update(entry: Mapping[str, Any]) -> Update:
    about: Mapping[str, str] = entry.get("environment") or {}
    started, ended = _moment(entry.get("startTime")), entry.get("endTime")
    return Update(
        version=int(entry.get("version") or 0),
        kind=str(entry.get("kind", "")),
        result=str(entry.get("result", "in-progress")),
        started=started,
        seconds=round((_moment(ended) - started).total_seconds()) if ended else None,
        who=_who(about),
        commit=about.get("git.head"),
        branch=(about.get("git.headName") or "").removeprefix("refs/heads/") or None,
        dirty=about.get("git.dirty") == "true",
        title=printable(str(entry.get("message", ""))),
        build=about.get("ci.build.url"),
        changes=dict(entry.get("resourceChanges") or {}),
    )


def _who(about: Mapping[str, str]) -> str:
    name = about.get("git.author") or about.get("github.login") or "unknown"
    system = about.get("ci.system")
    return printable(f"{name}, by {system}" if system else name)


def _moment(said: Any) -> datetime:
    """The files have Unix times, the CLI prints dates."""
    if isinstance(said, int | float):
        return datetime.fromtimestamp(said, UTC)
    return datetime.fromisoformat(str(said)).astimezone(UTC)
