"""Questions and answers for Langfuse, where the owner of the Space wants them: off unless its keys are set."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from demo.asking import Message, Piece


class Recording(Protocol):
    """One question that is being answered."""

    def took(self, piece: Piece) -> None:
        """Note a piece of the answer."""

    def ended(self, notice: str | None) -> None:
        """Send what was noted. notice: why there is no whole answer."""


class Nothing:
    """Records nothing."""

    def took(self, piece: Piece) -> None:
        """Forget it."""

    def ended(self, notice: str | None) -> None:
        """Do nothing."""


class Generation:
    """A generation of Langfuse: model, conversation, answer, tokens, times."""

    def __init__(self, client: Any, model: str, messages: Sequence[Message]):
        self._text = ""
        self._usage: dict[str, int] | None = None
        self._observation = client.start_observation(
            name="chat", as_type="generation", model=model, input=list(messages)
        )

    def took(self, piece: Piece) -> None:
        """Note a piece of the answer."""
        self._text += piece.text
        self._usage = piece.usage or self._usage

    def ended(self, notice: str | None) -> None:
        """Send what was noted."""
        # What goes wrong there is nothing to a visitor here.
        with suppress(Exception):
            level = {"level": "WARNING", "status_message": notice} if notice else {}
            self._observation.update(output=self._text, usage_details=self._usage, **level)
            self._observation.end()


class Recorder:
    """Begins recordings: of Langfuse when host is given, else of nothing."""

    def __init__(self, host: str | None):
        self._client: Any = None
        if host is not None:
            from langfuse import Langfuse  # noqa: PLC0415  a second of imports for those who want it

            # The keys it reads from the same variables as our settings.
            self._client = Langfuse(base_url=host)

    def begin(self, model: str, messages: Sequence[Message]) -> Recording:
        """Begin one recording."""
        if self._client is None:
            return Nothing()
        with suppress(Exception):
            return Generation(self._client, model, messages)
        return Nothing()
