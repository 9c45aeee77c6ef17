"""What can go wrong with the Inference Endpoints API, in the order of how much is known afterwards."""

import json
import re


class EndpointsError(Exception):
    """The API did not do what it was asked. The message is for people, and holds no secret.

    status: of the answer, None where there was none.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None):
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class RefusedError(EndpointsError):
    """The API answered that it will not: nothing has changed."""


class TransientError(EndpointsError):
    """The API could not now. What was asked may or may not have taken effect."""


class AmbiguousError(EndpointsError):
    """The API took the request, and its answer cannot be read: what was asked has probably taken effect."""


def redacted(text: str, secrets: tuple[str, ...], limit: int = 600) -> str:
    """A server's words as they may be shown: without our secrets, which it may echo, on one line, of bounded length."""
    # Also as they stand in a body, or in what we say of one.
    quoted = {json.dumps(secret, ensure_ascii=plain) for secret in secrets for plain in (True, False)}
    quoted |= {repr(secret) for secret in secrets}
    hidden = sorted({*secrets, *(form[1:-1] for form in quoted)} - {""}, key=len, reverse=True)
    if hidden:
        text = re.sub("|".join(map(re.escape, hidden)), "[secret]", text)
    # Nor may they move the cursor of a terminal.
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= limit else f"{text[:limit]}..."
