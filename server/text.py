"""From tokens to text while they are made: whole characters only, and nothing of a stop string."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

UNFINISHED = "\ufffd"
"""What decoders put where bytes are no character yet."""

Decode = Callable[[Sequence[int]], str]


class Detokenizer:
    """Gives the text that each token adds. Bytes of a character that is not complete are kept back."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._ids: list[int] = []
        # Decoders treat the first token apart (spaces): the tokens before the new ones are decoded with them.
        self._before = ""
        self._told = 0

    def add(self, token: int) -> str:
        """The text that is certain with this token."""
        self._ids.append(token)
        text = self._decode(self._ids)
        if text.endswith(UNFINISHED):
            return ""
        return self._tell(text)

    def finish(self) -> str:
        """What was kept back: bytes that no later token completed."""
        return self._tell(self._decode(self._ids)) if len(self._ids) > self._told else ""

    def _tell(self, text: str) -> str:
        new = text[len(self._before) :]
        self._ids = self._ids[self._told :]
        self._told = len(self._ids)
        self._before = self._decode(self._ids)
        return new


@dataclass(frozen=True)
class Chopped:
    """What a piece of text came to: the part that may be told, and whether a stop string ended it."""

    text: str
    stopped: bool = False


class Chopper:
    """Ends a text at the first stop string. What may be the beginning of one is kept back.

    keep: whether the stop string itself is part of the text. Then nothing has to be kept back.
    """

    def __init__(self, stops: Sequence[str], *, keep: bool) -> None:
        self._stops = tuple(stops)
        self._keep = keep
        self._longest = max(map(len, self._stops), default=1)
        self._held = ""
        self._seen = ""

    def add(self, piece: str) -> Chopped:
        """What can be told now."""
        if not self._stops:
            return Chopped(piece)
        held = self._seen if self._keep else self._held
        text = held + piece
        found = min(((at, stop) for stop in self._stops if (at := text.find(stop)) >= 0), default=None)
        if found is not None:
            at, stop = found
            end = at + len(stop) if self._keep else at
            self._held = ""
            return Chopped(text[len(held) if self._keep else 0 : end], stopped=True)
        if self._keep:
            self._seen = text[len(text) - self._longest + 1 :] if len(text) >= self._longest else text
            return Chopped(piece)
        count = self._beginning(text)
        self._held = text[len(text) - count :]
        return Chopped(text[: len(text) - count])

    def finish(self) -> str:
        """What was kept back and turned out to be no stop string."""
        held, self._held = self._held, ""
        return held

    def _beginning(self, text: str) -> int:
        """How many characters at the end of text may begin a stop string."""
        for count in range(min(self._longest - 1, len(text)), 0, -1):
            if any(stop.startswith(text[-count:]) for stop in self._stops):
                return count
        return 0
