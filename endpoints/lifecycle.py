"""An endpoint's life: made once, changed in place, looked at, deleted to the end; never somebody else's."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from endpoints.asked import Asked
from endpoints.body import adoptable, change, differences, failed, merged, observed, owner_of, stopped
from endpoints.client import EndpointsClient, Raw
from endpoints.errors import AmbiguousError, EndpointsError, RefusedError, TransientError

GONE_SECONDS = 600.0
"""How long a deleted endpoint may still be there. Source: none; seen live for half a second."""

SETTLE_SECONDS = 600.0
"""How long an endpoint may be in a state in which the API refuses changes."""

_LOST_SECONDS = 15.0
_MOVING = ("pending", "initializing", "updating", "pausing")


class ForeignError(EndpointsError):
    """An endpoint of that name exists, and is not this stack's."""


class GoneError(EndpointsError):
    """The endpoint is not there any more."""


class _UnclaimedError(RefusedError):
    """An endpoint that was to be adopted is still nobody's."""


class Lifecycle:
    """What happens to endpoints of one namespace. say: tells a person something worth knowing."""

    def __init__(self, client: EndpointsClient, *, say: Callable[[str], None]):
        self._client = client
        self._say = say

    def create(self, asked: Asked) -> Raw | None:
        """Make an endpoint, or go on with the one that an earlier try made.

        None when nobody knows whether it is there, or whether it is as asked: the next run goes on with it. Raises
        RefusedError and ForeignError, and has made nothing then.
        """
        former, live, made = None, None, False
        try:
            live, made = self._created(asked)
        except (TransientError, AmbiguousError) as error:
            self._say(f"{asked.name}: {error} Whether it was accepted is not known yet; looking.")
            live, former = self._found_after_all(asked), asked
        if live is None:
            return None
        try:
            if made:
                return self._in_state(asked, live)
            return self._taken_over(asked, live, former)
        except (ForeignError, _UnclaimedError):
            raise
        except EndpointsError as error:
            # It is there, and this stack's: it must come into the state.
            self._say(f"{asked.name}: is there, and not as asked yet: {error} The next run goes on.")
            return None

    def update(self, old: Asked, new: Asked, *, certain: bool = True) -> Raw | None:
        """Make an endpoint what is asked now. certain: whether it is known to have been there, and as asked.

        Raises GoneError, ForeignError, and what the API refuses.
        """
        live = self._client.get(new.name)
        if live is None:
            if not certain:
                return self.create(new)
            raise GoneError(
                f"Endpoint {new.name} is gone; somebody deleted it. Run refresh, and the next up makes it again."
            )
        if not certain:
            return self._taken_over(new, live, None)
        if owner_of(live) not in (old.owner, new.owner):
            raise ForeignError(self._foreign(new, live))
        return self._converged(new, live, old, hidden=_hidden(old) != _hidden(new))

    def start_again(self, asked: Asked) -> None:
        """Have the API try again what it has failed to start. One that has not failed is left alone.

        Raises what the API refuses.
        """
        raw = self.read(asked)
        if raw is None or not failed(raw) or asked.state == "paused":
            return
        state = raw["status"]["state"]
        why = self._client.shown(str(raw["status"].get("message") or "no reason given"))
        self._say(f"{asked.name}: is {state}: {why}; trying again.")
        if state == "updateFailed":
            # Its old version serves, which a pause would end. Whether the API tries again what it has failed at is
            # not known.
            self._client.update(asked.name, {"model": {"revision": asked.body["model"]["revision"]}})
            return
        try:
            self._client.resume(asked.name)
        except RefusedError:
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

    def _created(self, asked: Asked) -> tuple[Raw, bool]:
        """The endpoint, and whether it was made now; else it had the name already."""
        for _ in self._pauses(SETTLE_SECONDS):
            try:
                return self._client.create(asked.tagged, asked.secrets, asked.registry_password), True
            except RefusedError as error:
                if error.status != HTTPStatus.CONFLICT:
                    raise
            found = self._client.get(asked.name)
            if found is not None:
                return found, False
            # One of that name is still going away: the answer said that nothing was made.
        raise EndpointsError(f"The name {asked.name} is taken by an endpoint that nobody can see. Try again later.")

    def _found_after_all(self, asked: Asked) -> Raw | None:
        try:
            for _ in self._pauses(_LOST_SECONDS):
                found = self._client.get(asked.name)
                if found is not None:
                    return found
        except EndpointsError as error:
            self._say(f"{asked.name}: {error}")
        self._say(f"{asked.name}: not seen yet. It is kept in the state as uncertain; the next run looks again.")
        return None

    def _taken_over(self, asked: Asked, found: Raw, former: Asked | None) -> Raw:
        """Go on with an endpoint that is there: ours, or one that may be adopted as it is.

        former: what it was made as, as far as that is known.
        """
        if owner_of(found) != asked.owner:
            if not asked.adopt or not adoptable(asked.owner, found) or differences(asked.body, found):
                raise ForeignError(self._foreign(asked, found))
            self._say(f"{asked.name}: exists, is as asked, and is adopted.")
            try:
                found = self._put(asked, found, {"tags": asked.tagged["tags"]})
            except RefusedError as error:
                if not self._is_nobodys(asked):
                    raise
                raise _UnclaimedError(str(error), status=error.status) from None
            former = asked
        return self._converged(asked, found, former, hidden=True)

    def _is_nobodys(self, asked: Asked) -> bool:
        """Whether it is certain that an endpoint was not claimed."""
        try:
            found = self._client.get(asked.name)
        except EndpointsError:
            return False
        return found is None or owner_of(found) != asked.owner

    def _foreign(self, asked: Asked, found: Raw) -> str:
        owner = owner_of(found)
        whose = f"It belongs to the stack {owner}." if owner else "No stack has made it."
        creator = ((found.get("status") or {}).get("createdBy") or {}).get("name")
        by = f" Created by {creator}." if creator else ""
        rows = differences(asked.body, found)
        differing = "".join(f"\n  {self._client.shown(str(row))}" for row in rows) or " none"
        if not adoptable(asked.owner, found):
            remedy = "Use another endpointName, or take it out of that stack first."
        elif rows:
            remedy = "Use another endpointName, or make the settings agree and say adopt: true."
        else:
            remedy = "Use another endpointName, or say adopt: true to take it over."
        return (
            f"Endpoint {self._client.namespace}/{asked.name} exists, and is not this stack's. {whose}{by} "
            f"Nothing was changed. {remedy} Differences:{differing}"
        )

    def _converged(self, asked: Asked, live: Raw, former: Asked | None, *, hidden: bool) -> Raw:
        """Change what is not as asked, then let it run or pause. Each step may be repeated.

        former: what was asked before, None when that is not known: the API does not show which branch a commit came
        from, or which options of an engine are its own. hidden: whether it may have other secrets.
        """
        wanted = merged(change(observed(asked.body, live), asked.body), change(_before(asked, former), asked.body))
        if owner_of(live) != asked.owner or "tags" in wanted:
            wanted["tags"] = asked.tagged["tags"]
        has_secrets = former is None or former.secrets or (live.get("model") or {}).get("secrets")
        if hidden and (asked.secrets or has_secrets):
            wanted.setdefault("model", {})["secrets"] = dict(asked.secrets)
        if asked.registry_password and (hidden or "image" in wanted.get("model", {})):
            wanted.setdefault("model", {})["image"] = _with_password(asked)
        if wanted:
            live = self._put(asked, live, wanted)
        resumed = stopped(live) and asked.state == "running"
        live = self._in_state(asked, live)
        # It may start with replicas of the API's choice.
        again = change(observed(asked.body, live), asked.body) if resumed else {}
        return self._put(asked, live, again) if again else live

    def _put(self, asked: Asked, live: Raw, wanted: dict[str, Any]) -> Raw:
        before, refusal = live["status"]["state"], ""
        for _ in self._pauses(SETTLE_SECONDS):
            refused = None
            try:
                return self._client.update(asked.name, wanted)
            except AmbiguousError:
                pass  # it may be asked again
            except RefusedError as error:
                if error.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT):
                    raise
                refused, refusal = error, f" It says: {error}"
            found = self._client.get(asked.name)
            if found is None:
                raise GoneError(f"Endpoint {asked.name} was deleted while it was changed. Run refresh.")
            state = found["status"]["state"]
            if refused is not None:
                if state == "paused" and asked.state == "running":
                    self._client.resume(asked.name)
                elif state not in _MOVING and state == before:
                    raise _final(asked, state, refused)
            before = state
        raise EndpointsError(
            f"The API refused to change {asked.name} for {SETTLE_SECONDS:.0f} s.{refusal} Run it again."
        )

    def _in_state(self, asked: Asked, live: Raw) -> Raw:
        if stopped(live) == (asked.state == "paused"):
            return live
        for _ in self._pauses(_LOST_SECONDS):
            try:
                return self._client.pause(asked.name) if asked.state == "paused" else self._client.resume(asked.name)
            except AmbiguousError:
                found = self._client.get(asked.name)
                if found is not None and stopped(found) == (asked.state == "paused"):
                    return found
        raise TransientError(f"The API does not say whether {asked.name} is {asked.state}. Run it again.")

    def _pauses(self, seconds: float) -> Iterator[None]:
        """Begin rounds for so many seconds, with growing pauses in between."""
        deadline, pause = self._client.clock() + seconds, 0.5
        yield
        while self._client.clock() + pause <= deadline:
            self._client.sleep(pause)
            yield
            pause = min(pause * 2, 10.0)


_REMEDY = {
    "paused": "Say state: running, bring it up, then pause it again.",
    "failed": "Delete it (destroy --target), and the next up makes it anew.",
    "updateFailed": "Delete it (destroy --target), and the next up makes it anew.",
}


def _final(asked: Asked, state: str, refused: RefusedError) -> RefusedError:
    if state == "running":
        return refused
    text = f"The API does not change {asked.name} while it is {state}: {refused} {_REMEDY.get(state, '')}"
    return RefusedError(text.rstrip(), status=refused.status)


def _before(asked: Asked, former: Asked | None) -> dict[str, Any]:
    """The body of before; of one that is not known, all that the API does not show is taken for another."""
    if former is not None:
        return dict(former.body)
    return {**asked.body, "model": {**asked.body["model"], "revision": None, "image": None}}


def _hidden(asked: Asked) -> tuple[dict[str, str], str | None]:
    return dict(asked.secrets), asked.registry_password


def _with_password(asked: Asked) -> dict[str, Any]:
    custom = asked.body["model"]["image"]["custom"]
    return {"custom": {**custom, "credentials": {**custom["credentials"], "password": asked.registry_password}}}
