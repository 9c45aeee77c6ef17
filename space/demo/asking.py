"""One question to the model: what came, and what a visitor has to know while nothing does."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx2
import openai

from demo import words
from demo.settings import Settings

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 120.0
"""Longest silence before the first word and between two: a full engine may let a call wait for a minute."""
AGAIN_SECONDS = 2.0
"""Between two calls to a model that is not ready."""
TICK_SECONDS = 1.0
"""Between two notices to a visitor who waits."""
_NOT_READY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
_LOG = logging.getLogger("demo")

Message = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A sentence for the visitor. final: there is no answer, or no more of it, and nothing else comes."""

    text: str
    final: bool = False


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of the answer; the last one tells what it took, in tokens."""

    text: str = ""
    usage: dict[str, int] | None = None


class Model:
    """A model behind the OpenAI API. No server's words are repeated: it may echo the token that it was sent."""

    def __init__(self, settings: Settings):
        self._settings = settings
        timeout = httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        # Redirects would take question and token to wherever an answer says, and a proxy away from this machine.
        http = httpx2.AsyncClient(
            event_hooks={"request": [self._own_token]},
            follow_redirects=False,
            trust_env=not settings.local,
            timeout=timeout,
        )
        # The key is never sent: see _own_token.
        self._client = openai.AsyncOpenAI(
            base_url=settings.url, api_key="-", max_retries=0, timeout=timeout, http_client=http
        )

    async def _own_token(self, request: httpx2.Request) -> None:
        for name in ("authorization", "openai-organization", "openai-project"):
            request.headers.pop(name, None)
        if self._settings.token:
            request.headers["authorization"] = f"Bearer {self._settings.token}"

    async def ask(self, messages: Sequence[Message]) -> AsyncGenerator[Piece | Notice]:
        """The answer as it comes. Never raises for what a server does; a caller that goes away ends the call."""
        begun = time.monotonic()
        ready = True
        while True:
            call = asyncio.ensure_future(self._begin(messages))
            try:
                while not (await asyncio.wait({call}, timeout=TICK_SECONDS))[0]:
                    yield Notice(text=self._waiting(time.monotonic() - begun, ready=ready))
                stream = call.result()
            except Exception as error:  # noqa: BLE001  whatever a server makes of a call, a sentence follows
                passed = time.monotonic() - begun
                if not _is_not_ready(error) or passed + AGAIN_SECONDS > self._settings.wake:
                    yield Notice(text=self._refused(error, passed), final=True)
                    return
                ready = False
            else:
                async with aclosing(_steps(stream, self._settings)) as steps:
                    async for step in steps:
                        yield step
                return
            finally:
                call.cancel()
            again = time.monotonic() + AGAIN_SECONDS
            while time.monotonic() < again:
                yield Notice(text=self._waiting(time.monotonic() - begun, ready=False))
                await asyncio.sleep(min(TICK_SECONDS, AGAIN_SECONDS))

    async def _begin(self, messages: Sequence[Message]) -> Any:
        # Without X-Scale-Up-Timeout, which would hold the call: the 503 is how we know that the model sleeps.
        return await self._client.chat.completions.create(  # type: ignore[call-overload]
            model=self._settings.model,
            messages=list(messages),
            max_tokens=self._settings.max_output,
            stream=True,
            stream_options={"include_usage": True},
        )

    def _waiting(self, seconds: float, *, ready: bool) -> str:
        if ready:
            return words.waiting(seconds)
        return words.not_ready(seconds, self._settings.wake, endpoint=self._settings.is_endpoint)

    def _refused(self, error: Exception, seconds: float) -> str:
        if isinstance(error, openai.APIStatusError):
            status = error.status_code
            _LOG.warning("no answer: HTTP %s after %.0f s", status, seconds)
            if status in _NOT_READY:
                return words.still_not_ready(seconds, endpoint=self._settings.is_endpoint)
            return words.refused(status, paused=_is_paused(error), after=error.response.headers.get("retry-after"))
        cause = error.__cause__ or error
        _LOG.warning("no answer: %s after %.0f s", type(cause).__name__, seconds)
        if isinstance(error, openai.APITimeoutError) and not isinstance(cause, httpx2.ConnectTimeout):
            return words.silent(seconds)
        if isinstance(error, openai.APIConnectionError):
            return words.UNREACHABLE
        return words.UNREADABLE


async def _steps(stream: Any, settings: Settings) -> AsyncGenerator[Piece | Notice]:
    """The pieces of a stream; a notice at the end when it is not the whole answer."""
    finish: str | None = None
    try:
        async with stream:
            async for chunk in stream:
                usage = chunk.usage and {"input": chunk.usage.prompt_tokens, "output": chunk.usage.completion_tokens}
                choice = chunk.choices[0] if chunk.choices else None
                finish = (choice and choice.finish_reason) or finish
                text = (choice and choice.delta.content) or ""
                if text or usage:
                    yield Piece(text=text, usage=usage)
    except Exception as error:  # noqa: BLE001  a broken connection, an error event, words that are no JSON
        _LOG.warning("the answer broke off: %s", type(error).__name__)
    if finish is None:
        yield Notice(text=words.BROKEN_OFF, final=True)
    elif finish == "length":
        yield Notice(text=words.cut_off(settings.max_output), final=True)


def _is_not_ready(error: Exception) -> bool:
    return isinstance(error, openai.APIStatusError) and error.status_code in _NOT_READY


def _is_paused(error: openai.APIStatusError) -> bool:
    """Whether it is what the platform says for a paused endpoint: 400 "Bad Request: Invalid state"."""
    return error.status_code == HTTPStatus.BAD_REQUEST and "invalid state" in str(error.body or error.message).lower()
