"""The request log: what was asked, by which token, and what was answered. Secrets are masked before they get here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Plane = Literal["control", "data", "hub"]
_MOST = 10_000
_MASK = "***"
_SECRET_KEYS = ("password", "token", "authorization")


@dataclass(frozen=True, kw_only=True)
class RecordedRequest:
    """One request. `status` is None when no answer was given, and until it is; `token` is a token's id.

    endpoint: the name of the one that it is about.
    token: None without a token, "unknown" for one that nobody has.
    fault: the kind of the fault that was injected into it.
    """

    number: int
    at: float
    method: str
    path: str
    query: str
    plane: Plane
    operation: str
    endpoint: str | None
    token: str | None
    body: Any
    user_agent: str
    status: int | None = None
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class RequestLog:
    """The latest requests, oldest first. Used under the world's lock."""

    def __init__(self) -> None:
        self._requests: dict[int, RecordedRequest] = {}
        self._next = 1

    def begin(self, **known: Any) -> int:
        """Record a request before anything happens; gives its number."""
        number = self._next
        self._next += 1
        self._requests[number] = RecordedRequest(number=number, **known)
        if len(self._requests) > _MOST:
            del self._requests[min(self._requests)]
        return number

    def end(self, number: int, **result: Any) -> None:
        """Record what became of it."""
        if number in self._requests:
            self._requests[number] = replace(self._requests[number], **result)

    def recent(self, token: str | None, since: float) -> int:
        """How many requests to the Endpoints API a token has made since a moment."""
        return sum(
            1
            for request in self._requests.values()
            if request.plane == "control" and request.token == token and request.at >= since
        )

    def clear(self) -> None:
        """Forget all."""
        self._requests.clear()

    @property
    def requests(self) -> Sequence[RecordedRequest]:
        """All that is remembered."""
        return list(self._requests.values())


def masked(value: Any, known: Collection[str], *, key: str = "") -> Any:
    """A body without secrets: values under `secrets`, passwords, and every token that is known."""
    if isinstance(value, Mapping):
        hide = key == "secrets"
        return {
            name: _MASK if hide and item is not None else masked(item, known, key=name) for name, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item, known, key=key) for item in value]
    if value and key.lower() in _SECRET_KEYS:
        return _MASK
    if isinstance(value, str):
        return masked_text(value, known)
    return value


def masked_text(text: str, known: Collection[str]) -> str:
    """A text without the tokens that are known."""
    for token in sorted(known, key=len, reverse=True):
        text = text.replace(token, _MASK)
    return text
