"""Waiting until an endpoint is what was asked for: it tells what happens, and ends as soon as the end is known."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import httpx2

from endpoints.asked import Asked
from endpoints.body import differences, failed, owner_of
from endpoints.client import EndpointsClient, Raw
from endpoints.errors import AmbiguousError, EndpointsError, TransientError

_STEADY = 2
"""Looks in a row that must agree."""

_STEADY_SECONDS = 1.0

_ECHO_SECONDS = 6.0
"""How long the API may still tell the state of before a change: one seen from the first look on must last longer.
Source: none; huggingface_hub's issue 2767 tells of it without a number."""

_HEALTH_SECONDS = 10.0
_LOG_LINES = 20
_POLL_SECONDS = (0.5, 1.0, 1.0, 2.0, 3.0, 5.0)


class NotReadyError(EndpointsError):
    """The endpoint is not what was asked for, and will not be by waiting; or the time is up."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How to wait. seconds: until it is given up. health_route: of the container. route: the stack's own domain."""

    seconds: float
    health_route: str
    route: str | None = None


class Waiter:
    """Waits for endpoints of one namespace. say: is told each change of state or message."""

    def __init__(self, client: EndpointsClient, *, say: Callable[[str], None]):
        self._client = client
        self._say = say

    def ready(self, asked: Asked, waiting: Waiting) -> Raw:
        """Return the endpoint when it runs, answers and is as asked; or sleeps; or is paused, if that was asked.

        Raises NotReadyError with the server's words, and the last lines of its log where it failed.
        """
        with httpx2.Client(timeout=_HEALTH_SECONDS, follow_redirects=False) as caller:
            return self._ready(asked, waiting, caller)

    def _ready(self, asked: Asked, waiting: Waiting, caller: httpx2.Client) -> Raw:
        began, steady, told, rounds = self._client.clock(), 0, "", 0
        trouble, states = "it has not been seen yet", set()
        while True:
            raw = self._look(asked)
            passed = self._client.clock() - began
            if raw is not None:
                states.add(raw["status"]["state"])
                fresh = len(states) > 1 or passed > _ECHO_SECONDS
                trouble = self._trouble(asked, raw, waiting, caller, fresh=fresh)
                steady = 0 if trouble else steady + 1
                if steady >= _STEADY and (fresh or states != {"running"}):
                    return self._as_asked(asked, raw)
            if trouble and trouble != told:
                self._say(f"{asked.name}: {trouble} ({passed:.0f} s)")
                told = trouble
            if passed >= waiting.seconds:
                raise NotReadyError(self._late(asked, trouble, passed))
            pause = _STEADY_SECONDS if steady else _POLL_SECONDS[min(rounds, len(_POLL_SECONDS) - 1)]
            self._client.sleep(min(pause, max(waiting.seconds - passed, 0.05)))
            rounds += 1

    def _look(self, asked: Asked) -> Raw | None:
        try:
            raw = self._client.get(asked.name)
        except (TransientError, AmbiguousError) as error:
            self._say(f"{asked.name}: {error} Asking again.")
            return None
        if raw is None:
            raise NotReadyError(f"Endpoint {asked.name} does not exist. Run refresh, then up makes it.")
        if owner_of(raw) != asked.owner:
            raise NotReadyError(f"Endpoint {asked.name} is not this stack's any more. Run refresh.")
        return raw

    def _trouble(self, asked: Asked, raw: Raw, waiting: Waiting, caller: httpx2.Client, *, fresh: bool) -> str:
        """What is still missing, empty when nothing is. Raises NotReadyError when waiting will not mend it.

        fresh: whether the state cannot be that of before a change.
        """
        status = raw["status"]
        state = status["state"]
        told = self._client.shown(", ".join(str(words) for words in (state, status.get("message")) if words))
        if failed(raw) or (state == "paused" and asked.state != "paused"):
            if fresh:
                raise NotReadyError(self._ended(asked, raw))
            return told
        if asked.state == "paused":
            return "" if state == "paused" and not status.get("readyReplica") else told
        if state == "scaledToZero":
            return "" if asked.body["compute"]["scaling"]["minReplica"] == 0 else told
        if state != "running":
            return told
        ready, target = int(status.get("readyReplica") or 0), int(status.get("targetReplica") or 0)
        if ready < max(target, 1):
            return f"{told}, {ready} of {max(target, 1)} replicas ready"
        return self._health(asked, status.get("url"), waiting, caller)

    def _health(self, asked: Asked, url: str | None, waiting: Waiting, caller: httpx2.Client) -> str:
        """What keeps the engine from answering. It runs, so asking neither wakes nor bills it."""
        if not url:
            return "running, and has no url yet"
        access = self._client.access
        if not access.trusts(url, route=waiting.route):
            raise NotReadyError(
                f"Endpoint {asked.name} is said to be at {self._client.shown(url)}, which is no place of Hugging "
                "Face's. Nothing was sent there. Look at it in the web page, and tell Hugging Face."
            )
        if asked.body.get("privateService"):
            return ""  # reachable through the private link only, which this machine need not be part of
        headers = {} if asked.body["type"] == "public" else {"authorization": f"Bearer {access.invoke_token}"}
        try:
            answer = caller.get(f"{url.rstrip('/')}{waiting.health_route}", headers=headers)
        except httpx2.HTTPError as error:
            return f"running, and gives no answer yet ({type(error).__name__})"
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise NotReadyError(
                f"Endpoint {asked.name} runs, and its health cannot be asked (HTTP {answer.status_code}): set "
                f"{access.invoke_variable} to a token with the permission inference.endpoints.infer.write."
            )
        return "" if answer.status_code == HTTPStatus.OK else f"running, and not ready yet (HTTP {answer.status_code})"

    def _as_asked(self, asked: Asked, raw: Raw) -> Raw:
        rows = differences(asked.body, raw)
        if rows:
            listed = "".join(f"\n  {self._client.shown(str(row))}" for row in rows)
            raise NotReadyError(
                f"Endpoint {asked.name} is not as asked, and may be billed; the API has changed or dropped:{listed}\n"
                f"Change these settings, or pause it: `llm endpoints pause {asked.name}`."
            )
        return raw

    def _ended(self, asked: Asked, raw: Raw) -> str:
        status = raw["status"]
        if status["state"] == "paused":
            return (
                f"Endpoint {asked.name} is paused, and the stack says state: running. Run refresh, then up resumes it; "
                "or say state: paused."
            )
        # Often both fields have the same words.
        said = dict.fromkeys(str(status[key]) for key in ("message", "errorMessage") if status.get(key))
        words = self._client.shown(" ".join(said) or "no reason given")
        try:
            lines = "".join(f"\n  | {line}" for line in self._client.logs(asked.name, tail=_LOG_LINES))
        except EndpointsError as error:
            lines = f"\n  its log could not be read: {error}"
        return f"Endpoint {asked.name} is {status['state']}: {words} Its log ends:{lines or ' (empty)'}"

    def _late(self, asked: Asked, trouble: str, passed: float) -> str:
        return (
            f"Endpoint {asked.name} exists, and is not ready after {passed / 60:.0f} min: {trouble}. It may be billed. "
            f"The next up goes on waiting; `llm endpoints pause {asked.name}` stops it; readyMinutes gives it longer."
        )
