"""What the server tells of itself while it works: telemetry listens, and nothing else depends on it."""

from collections.abc import Mapping
from typing import Literal, Protocol

Status = Literal["ok", "invalid", "unauthorized", "rejected", "cancelled", "timeout", "error"]
"""How a request ended: invalid is a 4xx of the caller's making, rejected one for want of room or while draining."""


class Watch(Protocol):
    """One request, from its arrival to its end. Every call is cheap, and from any thread."""

    def accepted(self, *, prompt_tokens: int) -> None:
        """It waits for a place in the batch."""
        ...

    def scheduled(self, at: int | None = None) -> None:
        """It has its place: the prompt is being read. at: since when, by time.monotonic_ns; None for now."""
        ...

    def produced(self, tokens: int, at: int | None = None) -> None:
        """So many tokens more were made; the first call ends the prefill. at: when, as in `scheduled`."""
        ...

    def content(self, *, prompt: str | None = None, answer: str | None = None) -> None:
        """What was asked and answered. It is kept only where the operator asked for it."""
        ...

    def ended(self, status: Status, *, finish_reason: str | None = None) -> None:
        """It is over. Later calls change nothing."""
        ...


class Observer(Protocol):
    """The server as a whole."""

    def request(
        self, operation: str, *, headers: Mapping[str, str], request_id: str, parameters: Mapping[str, float | int]
    ) -> Watch:
        """A request arrived. operation: chat or text_completion. headers: lower-case names (traceparent is taken over).

        parameters: temperature, top_p, max_tokens and the like, without any text.
        """
        ...

    def batch(self, *, size: int, waiting: int, running: int, cache_used: float) -> None:
        """The engine made a step, or with size 0 only let go of requests.

        cache_used: share of the KV cache that holds tokens, 0 to 1.
        """
        ...

    def gpu_memory(self, held: Mapping[int, int]) -> None:
        """What the engine holds of each GPU's memory, in bytes."""
        ...
