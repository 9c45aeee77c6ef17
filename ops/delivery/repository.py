"""What Git knows of the files that say what is deployed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blueprint.locks import IMAGES_LOCK, MODELS_LOCK
from ops.endpoints.outcome import UnusableError
from ops.git import git
from ops.project import Project
from ops.table import printable


def files_of(stack: str) -> tuple[str, ...]:
    """The files that say what a stack deploys: its own, and the locks."""
    return (f"Pulumi.{stack}.yaml", MODELS_LOCK, IMAGES_LOCK)


@dataclass(frozen=True)
class Repository:
    """The Git repository that a project's files are in."""

    project: Project

    def refuse_changes(self, names: Sequence[str]) -> None:
        """Raises UnusableError when one of the files is not as it is committed, or where there is no Git."""
        # With -z a name stands as it is.
        changed = [line[3:] for line in self._git("status", "--porcelain", "-z", "--", *names).split("\0") if line]
        if changed:
            raise UnusableError(
                f"{', '.join(changed)} {'has' if len(changed) == 1 else 'have'} changes that are not committed. Commit "
                "them, or put them back (git restore): what is deployed and taken back is what Git has."
            )

    def commit(self, given: str) -> str:
        """The SHA of a commit, branch or tag. Raises UnusableError where there is none."""
        found = self.found(given)
        if found is None:
            raise UnusableError(f"{given} is no commit of this repository. In a shallow clone, fetch more of it.")
        return found

    def found(self, given: str) -> str | None:
        """The SHA of a commit, branch or tag; None where there is none."""
        return self._tried("rev-parse", "--verify", "--quiet", "--end-of-options", f"{given}^{{commit}}")

    def text(self, commit: str, name: str) -> str | None:
        """A file as of a commit; None where it was not there."""
        return self._tried("show", f"{commit}:./{name}", strip=False)

    def commits(self, *names: str) -> Iterator[str]:
        """The commits that changed one of the files, newest first."""
        yield from self._git("log", "--format=%H", "--", *names).split()

    def move_tag(self, name: str, commit: str) -> None:
        """Let a tag name a commit, whatever it named before."""
        self._git("tag", "--force", name, commit)

    def _git(self, *arguments: str) -> str:
        done = git(self.project.root, *arguments)
        if done.returncode:
            said = printable(done.stderr.strip()).removeprefix("fatal: ")
            raise UnusableError(f"git {arguments[0]} failed: {said}")
        return done.stdout

    def _tried(self, *arguments: str, strip: bool = True) -> str | None:
        done = git(self.project.root, *arguments)
        if done.returncode:
            return None
        return done.stdout.strip() if strip else done.stdout
