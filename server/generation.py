"""What the HTTP interface and the engine say to each other: prompts of tokens in, tokens out as they are made."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from server.observing import Watch


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the tokens of one answer are chosen.

    temperature: 0 takes the likeliest token. top_k: 0 leaves all in. seed: None takes one from the system.
    logprobs: None for none; else how many of the likeliest tokens are told beside each chosen one, 0 and up.
    """

    max_new_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    logprobs: int | None = None
    ignore_eos: bool = False


class Token(NamedTuple):
    """One token of an answer. last: a stop token of the model.

    logprob, and the likeliest tokens with theirs: where asked for.
    """

    id: int
    logprob: float | None = None
    likeliest: tuple[tuple[int, float], ...] = ()
    last: bool = False


class Generator(Protocol):
    """An engine. Every answer is an iterator; who closes it (aclose) frees the answer's place in the batch."""

    def generate(self, prompt: Sequence[int], sampling: Sampling, watch: Watch) -> AsyncIterator[Sequence[Token]]:
        """Give the tokens of an answer in the pieces in which they are made. Raises EngineError."""
        ...


class EngineError(Exception):
    """The engine cannot go on with an answer."""


class LoadError(Exception):
    """The model cannot be loaded as asked; says why and what would work.

    origin: fields for the log of where that was seen first, which may be in another process.
    """

    def __init__(self, message: str, *, origin: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.origin = origin or {}
