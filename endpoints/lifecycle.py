"""An endpoint's life: made once, changed in place, looked at, deleted to the end; never somebody else's."""

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from endpoints.asked import Asked
from endpoints.body import change, differences, observed, owner_of
from endpoints.client import EndpointsClient, Raw
from endpoints.errors import AmbiguousError, EndpointsError, RefusedError, TransientError

GONE_SECONDS = 600.0
"""How long a deleted endpoint may still be there. Source: none; seen live for half a second."""

SETTLE_SECONDS = 600.0
"""How long an endpoint may be in a state in which the API refuses changes."""

_LOST_SECONDS = 15.0
_MOVING = ("pending", "initializing", "updating")


class ForeignError(EndpointsError):
    """An endpoint of that name exists, and is not this stack's."""


class GoneError(EndpointsError):
    """The endpoint is not there any more."""


class Lifecycle:
    """What happens to endpoints of one namespace. say: tells a person something worth knowing."""

    def __init__(
        self,
        client: EndpointsClient,
        *,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._client = client
        self._say = say
        self._sleep = sleep
        self._clock = clock

    def create(self, asked: Asked) -> Raw | None:
        """Make an endpoint, or go on with the one that an earlier try made; None when nobody knows whether it is there.

        Raises RefusedError and ForeignError, and has made nothing then.
        """
        try:
            raw = self._created(asked)
        except (TransientError, AmbiguousError) as error:
            self._say(f"{asked.name}: {error} Whether it was accepted is not known yet; looking.")
            raw = self._found_after_all(asked)
        if raw is not None and asked.state == "paused":
            self._paused_after_all(asked, raw)
        return raw

    def update(self, old: Asked, new: Asked, *, certain: bool = True) -> Raw | None:
        """Make an endpoint what is asked now. certain: whether it is known to have been there.

        Raises GoneError, ForeignError, and what the API refuses.
        """
        live = self._client.get(new.name)
        if live is None:
            if not certain:
                return self.create(new)
            raise GoneError(
                f"Endpoint {new.name} is gone; somebody deleted it. Run refresh, and the next up makes it again."
            )
        if owner_of(live) not in (old.owner, new.owner):
            raise ForeignError(self._foreign(new, live))
        return self._converged(new, live, secrets=not certain or _hidden(old) != _hidden(new))

    def start_again(self, asked: Asked) -> None:
        """Have the API try again what it has failed to start. One that has not failed is left alone.

        Raises what the API refuses.
        """
        raw = self.read(asked)
        state = raw["status"]["state"] if raw is not None else ""
        if state not in ("failed", "updateFailed") or asked.state == "paused":
            return
        self._say(f"{asked.name}: is {state}; trying again.")
        try:
            raw = self._client.update(asked.name, {"model": {"revision": asked.body["model"]["revision"]}})
        except RefusedError:
            if state == "updateFailed":
                raise
        # A change to what it is already may be taken, and change nothing. updateFailed: its old version serves.
        if state == "failed" and raw is not None and raw["status"]["state"] == "failed":
            self._client.pause(asked.name)
            self._client.resume(asked.name)

    def read(self, asked: Asked) -> Raw | None:
        """The endpoint, None when it is gone or has become somebody else's."""
        raw = self._client.get(asked.name)
        return raw if raw is not None and owner_of(raw) == asked.owner else None

    def delete(self, asked: Asked) -> None:
        """Delete the endpoint, and return when it is gone. One that is not ours stays.

        Raises EndpointsError when it is still there in the end.
        """
        raw = self._client.get(asked.name)
        if raw is None:
            return
        if owner_of(raw) != asked.owner:
            self._say(f"{asked.name}: is not this stack's (any more), and is left alone.")
            return
        self._client.delete(asked.name)
        for _ in self._pauses(GONE_SECONDS):
            raw = self._client.get(asked.name)
            if raw is None or owner_of(raw) != asked.owner:
                return
        raise EndpointsError(
            f"Endpoint {asked.name} was deleted {GONE_SECONDS:.0f} s ago, and is still there. Run it again."
        )

    def _created(self, asked: Asked) -> Raw | None:
        for _ in self._pauses(SETTLE_SECONDS):
            try:
                return self._client.create(asked.tagged, asked.secrets, asked.registry_password)
            except RefusedError as error:
                if error.status != HTTPStatus.CONFLICT:
                    raise
            found = self._client.get(asked.name)
            if found is not None:
                return self._taken_over(asked, found)
            # One of that name is still going away: the answer said that nothing was made.
        raise EndpointsError(f"The name {asked.name} is taken by an endpoint that nobody can see. Try again later.")

    def _found_after_all(self, asked: Asked) -> Raw | None:
        try:
            for _ in self._pauses(_LOST_SECONDS):
                found = self._client.get(asked.name)
                if found is not None:
                    return self._taken_over(asked, found)
        except (TransientError, AmbiguousError) as error:
            self._say(f"{asked.name}: {error}")
        self._say(f"{asked.name}: not seen yet. It is kept in the state as uncertain; the next run looks again.")
        return None

    def _taken_over(self, asked: Asked, found: Raw) -> Raw:
        """Go on with an endpoint that is there: ours, or one that may be adopted as it is."""
        if owner_of(found) == asked.owner:
            return self._converged(asked, found, secrets=True)
        if not asked.adopt or owner_of(found) is not None or differences(asked.body, found):
            raise ForeignError(self._foreign(asked, found))
        self._say(f"{asked.name}: exists, is as asked, and is adopted.")
        return self._converged(asked, found, secrets=True)

    def _foreign(self, asked: Asked, found: Raw) -> str:
        owner = owner_of(found)
        whose = f"It belongs to the stack {owner}." if owner else "No stack has made it."
        creator = ((found.get("status") or {}).get("createdBy") or {}).get("name")
        by = f" Created by {creator}." if creator else ""
        rows = differences(asked.body, found)
        differing = "".join(f"\n  {row}" for row in rows) or " none"
        if owner:
            remedy = "Use another endpointName."
        elif rows:
            remedy = "Use another endpointName, or make the settings agree and say adopt: true."
        else:
            remedy = "Use another endpointName, or say adopt: true to take it over."
        return (
            f"Endpoint {self._client.namespace}/{asked.name} exists, and is not this stack's. {whose}{by} "
            f"Nothing was changed. {remedy} Differences:{differing}"
        )

    def _converged(self, asked: Asked, live: Raw, *, secrets: bool) -> Raw:
        """Change what is not as asked, then let it run or pause. Each step may be repeated."""
        wanted = change(observed(asked.body, live), asked.body)
        if owner_of(live) != asked.owner or "tags" in wanted:
            wanted["tags"] = asked.tagged["tags"]
        if secrets and (asked.secrets or (live.get("model") or {}).get("secrets")):
            wanted.setdefault("model", {})["secrets"] = dict(asked.secrets)
        if asked.registry_password and (secrets or "image" in wanted.get("model", {})):
            wanted.setdefault("model", {})["image"] = _with_password(asked)
        if wanted:
            live = self._put(asked, live, wanted)
        return self._in_state(asked, live)

    def _put(self, asked: Asked, live: Raw, wanted: dict[str, Any]) -> Raw:
        for _ in self._pauses(SETTLE_SECONDS):
            state = live["status"]["state"]
            try:
                return self._client.update(asked.name, wanted)
            except AmbiguousError:
                pass  # it may be asked again
            except RefusedError as error:
                if error.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT) or state == "running":
                    raise
                if state == "paused" and asked.state == "running":
                    self._client.resume(asked.name)
                elif state not in _MOVING:
                    raise RefusedError(
                        f"The API does not change {asked.name} while it is {state}: {error} {_REMEDY.get(state, '')}",
                        status=error.status,
                    ) from None
            found = self._client.get(asked.name)
            if found is None:
                raise GoneError(f"Endpoint {asked.name} was deleted while it was changed. Run refresh.")
            live = found
        raise EndpointsError(f"The API refused to change {asked.name} for {SETTLE_SECONDS:.0f} s. Run it again.")

    def _in_state(self, asked: Asked, live: Raw) -> Raw:
        paused = live["status"]["state"] == "paused"
        if paused == (asked.state == "paused"):
            return live
        for _ in self._pauses(_LOST_SECONDS):
            try:
                return self._client.pause(asked.name) if asked.state == "paused" else self._client.resume(asked.name)
            except AmbiguousError:
                found = self._client.get(asked.name)
                if found is not None and (found["status"]["state"] == "paused") == (asked.state == "paused"):
                    return found
        raise TransientError(f"The API does not say whether {asked.name} is {asked.state}. Run it again.")

    def _paused_after_all(self, asked: Asked, raw: Raw) -> None:
        # It is there, so it must come into the state, also when it cannot be paused now: EndpointReady tells.
        try:
            self._in_state(asked, raw)
        except EndpointsError as error:
            self._say(f"{asked.name}: could not be paused yet: {error}")

    def _pauses(self, seconds: float) -> Iterator[None]:
        """Begin rounds for so many seconds, with growing pauses in between."""
        deadline, pause = self._clock() + seconds, 0.5
        yield
        while self._clock() + pause <= deadline:
            self._sleep(pause)
            yield
            pause = min(pause * 2, 10.0)


_REMEDY = {
    "paused": "Say state: running, bring it up, then pause it again.",
    "failed": "Delete it (destroy --target), and the next up makes it anew.",
    "updateFailed": "Delete it (destroy --target), and the next up makes it anew.",
}


def _hidden(asked: Asked) -> tuple[dict[str, str], str | None]:
    return dict(asked.secrets), asked.registry_password


def _with_password(asked: Asked) -> dict[str, Any]:
    custom = asked.body["model"]["image"]["custom"]
    return {"custom": {**custom, "credentials": {**custom["credentials"], "password": asked.registry_password}}}
