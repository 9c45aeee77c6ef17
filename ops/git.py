"""Git, as the commands ask it about the checkout that they work in."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ops.endpoints.outcome import UnusableError

_SECONDS = 60.0


def git(
    root: Path,
    *arguments: str,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
    seconds: float | None = _SECONDS,
) -> "subprocess.CompletedProcess[str]":
    """What git says in a checkout, in English; it asks nobody for a password. environment: beside the command's own.

    Raises UnusableError where there is no git, or no answer in time.
    """
    # A hook's variables would point at another repository.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_DIR")}
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            check=False,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=seconds,
            env={**own, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(environment or {})},
        )
    except FileNotFoundError:
        raise UnusableError("git is not installed, and what is in the checkout's history is read with it.") from None
    except subprocess.TimeoutExpired:
        raise UnusableError(f"git gave no answer within {seconds:.0f} s.") from None
