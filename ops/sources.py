"""Where a model's revision is looked up, and what a source answers."""

import re
from dataclasses import dataclass
from typing import Protocol

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, order=True)
class ModelRevision:
    """A repository on the Hub at a branch, tag or commit."""

    repository: str
    revision: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}"


class UnresolvedError(Exception):
    """A source cannot tell the commit of a revision; the message says why and what to do."""


class Source(Protocol):
    """Something that knows the commits of revisions."""

    @property
    def description(self) -> str:
        """What the lock says about where a commit was read: no credentials, no path of this machine."""

    def commit(self, model: ModelRevision) -> str:
        """The commit SHA of a revision.

        Raises UnresolvedError when the source does not know it.
        """


def is_commit(text: object) -> bool:
    """Whether a value is a full commit SHA."""
    return isinstance(text, str) and _COMMIT.fullmatch(text) is not None
