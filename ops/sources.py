"""Where a model's revision is looked up, and what a source answers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from blueprint.sizing.config import read_config
from blueprint.sizing.facts import ModelFacts, UnknownModelError
from ops.terms import Terms

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


@dataclass(frozen=True)
class Answer:
    """What a revision is. sha: its commit. terms: None where the source does not say them."""

    sha: str
    terms: Terms | None = None


class Source(Protocol):
    """Something that knows the commits of revisions."""

    @property
    def description(self) -> str:
        """What the lock says about where a commit was read: no credentials, no path of this machine."""

    def commit(self, model: ModelRevision) -> Answer:
        """The commit of a revision, and the terms of the model there.

        Raises UnresolvedError when the source does not know it.
        """

    def facts(self, model: ModelRevision, commit: str) -> ModelFacts | None:
        """What sizing needs of the model at a commit; None where the repository has no config.json, as adapters do.

        Raises UnresolvedError when it cannot be read, or describes a model that sizing does not know.
        """


def is_commit(text: object) -> bool:
    """Whether a value is a full commit SHA."""
    return isinstance(text, str) and _COMMIT.fullmatch(text) is not None


CONFIG = "config.json"

_LARGEST_CONFIG = 4 * 2**20


def facts_from(text: bytes, files: Mapping[str, int]) -> ModelFacts:
    """The facts of a config.json. files: sizes in bytes of the repository's files, by path.

    Raises UnresolvedError when it is none, or of a model that sizing does not know.
    """
    if len(text) > _LARGEST_CONFIG:
        raise UnresolvedError("its config.json is too large to be one")
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        raise UnresolvedError("its config.json is no JSON") from None
    if not isinstance(config, dict):
        raise UnresolvedError("its config.json holds no mapping")
    try:
        return read_config(config, checkpoint_bytes=weight_bytes(files) or None)
    except UnknownModelError as error:
        raise UnresolvedError(str(error)) from None


def weight_bytes(files: Mapping[str, int]) -> int:
    """Bytes of the safetensors files that an engine loads; 0 where there are none.

    Mistral's repositories hold the weights twice: as model-*.safetensors and as consolidated.safetensors.
    """
    weights = {path: size for path, size in files.items() if path.endswith(".safetensors") and "/" not in path}
    named = {path: size for path, size in weights.items() if path.startswith("model")}
    return sum((named or weights).values())
