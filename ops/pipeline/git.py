"""The checkout's git, for commands that commit and push."""

import base64
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from ops.git import git

# As actions/checkout's README advises for commits of a workflow.
_BOT = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com")


class Git:
    """The checkout's git. Failures are a click.ClickException with what git said."""

    def __init__(self, root: Path):
        self._root = root

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """What a git command prints."""
        # A push takes as long as it takes.
        done = git(self._root, *arguments, environment=environment, seconds=None)
        if done.returncode:
            raise click.ClickException(f"git {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def commit_of_edits(self, files: Sequence[str], message: str) -> str | None:
        """A commit on top of the checked-out one with these files as they are now; None when they are as there."""
        with tempfile.TemporaryDirectory() as folder:
            # An index of its own: what a person has staged, and the branch they are on, stay as they are.
            own = {"GIT_INDEX_FILE": f"{folder}/index", **self._author()}
            self.run("read-tree", "HEAD", environment=own)
            known = set(self.run("ls-files", environment=own).splitlines())
            # Stacks that are made for a context (`CONTEXT=x`) are ignored by git.
            self.run("add", "--", *(name for name in files if name in known), environment=own)
            tree = self.run("write-tree", environment=own)
            if tree == self.run("rev-parse", "HEAD^{tree}"):
                return None
            return self.run("commit-tree", tree, "-p", "HEAD", "-m", message, environment=own)

    def push(self, commit: str, reference: str) -> None:
        """Make a reference of the remote `origin` this commit, whatever it was."""
        self.run("push", "--quiet", "origin", f"+{commit}:{reference}", environment=credentials())

    def _author(self) -> dict[str, str]:
        if not os.environ.get("GITHUB_ACTIONS"):
            return {}
        name, address = _BOT
        return {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in
                (("NAME", name), ("EMAIL", address))}  # fmt: skip


def credentials() -> dict[str, str]:
    """How git shows GITHUB_TOKEN to the server of the repository: by the environment, and by no command line."""
    token, server = os.environ.get("GITHUB_TOKEN"), os.environ.get("GITHUB_SERVER_URL")
    if not (token and server):
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
    }
