"""Sends huggingface_hub's calls where they belong, with time-outs.

huggingface_hub has the address of the Inference Endpoints API built in, and waits for ever for an answer. Its one HTTP
client is made by a factory that may be given: ours treats the calls of this package so, and everybody else's as before.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpx2
from huggingface_hub import constants, set_client_factory
from huggingface_hub.utils._http import get_session, hf_request_event_hook

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0


@dataclass(frozen=True)
class Destination:
    """Where the calls of a block go. url: of the API. seconds: until an answer must have begun."""

    url: str
    seconds: float = READ_SECONDS


_destination: ContextVar[Destination | None] = ContextVar("destination", default=None)
_installing = threading.Lock()


@contextmanager
def destined(destination: Destination) -> Iterator[None]:
    """Send what huggingface_hub asks of the Inference Endpoints API, in this block, to a destination."""
    _install()
    token = _destination.set(destination)
    try:
        yield
    finally:
        _destination.reset(token)


def _install() -> None:
    with _installing:
        if not isinstance(get_session(), _Client):
            # Two requests that tell Hugging Face who calls, and slow the first call down.
            constants.HF_HUB_DISABLE_TELEMETRY = True
            set_client_factory(_client)


def _client() -> httpx2.Client:
    return _Client(event_hooks={"request": [_hook]}, follow_redirects=True, timeout=None)


def _hook(request: httpx2.Request) -> None:
    # The library's own hook prints bodies, with the secrets in them, when HF_DEBUG is set.
    if _destination.get() is None:
        hf_request_event_hook(request)


class _Client(httpx2.Client):
    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request to where this block's calls go."""
        destination = _destination.get()
        if destination is not None:
            asked = str(request.url)
            if asked.startswith(constants.INFERENCE_ENDPOINTS_ENDPOINT):
                path = asked.removeprefix(constants.INFERENCE_ENDPOINTS_ENDPOINT)
                request.url = httpx2.URL(f"{destination.url}/v2{path}")
                request.headers["host"] = request.url.netloc.decode()
            request.extensions["timeout"] = {
                "connect": CONNECT_SECONDS,
                "pool": CONNECT_SECONDS,
                "read": destination.seconds,
                "write": READ_SECONDS,
            }
            # A redirect would take the token to wherever an answer says.
            options["follow_redirects"] = False
        response = super().send(request, **options)
        if destination is not None and response.is_redirect:
            response.read()
            raise httpx2.HTTPStatusError("redirected", request=request, response=response)
        return response
