"""A stack in memory: what an engine makes of the provider's answers, by the provider's own rules.

It records what `components/endpoint/provider.py` records, and asks in the order in which Pulumi does. What must hold
after each of its steps is in `Account`.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from endpoints.asked import Asked
from endpoints.body import differences, observed, replacing
from endpoints.errors import EndpointsError
from lab.hub.server import HubServer
from tests.endpoints.support import OWNER, Desk, body, ours

MINUTES = 5


@dataclass
class Record:
    """A resource in the state. accepted: when the API last took a change; empty when nobody knows whether it did."""

    asked: Asked
    accepted: str
    ready: Any = None  # what the readiness was waited for


@dataclass
class Stack:
    """A stack with endpoints. pending: creates whose end the engine has not seen."""

    desk: Desk
    state: dict[str, Record] = field(default_factory=dict)
    pending: dict[str, Asked] = field(default_factory=dict)

    def up(self, goal: Asked) -> None:
        """Raises EndpointsError: the update has failed."""
        self._look_for_cut_off()
        record = self.state.get(goal.name)
        if record is not None and replacing(record.asked.body, goal.body):
            self._delete(goal.name)  # the name stays, so the old one goes first
            record = None
        if record is None:
            record = self.create(goal)
        elif not record.accepted or record.asked != goal:
            raw = self._lifecycle(goal).update(record.asked, goal, certain=bool(record.accepted))
            self.state[goal.name] = record = Record(goal, raw["status"]["updatedAt"] if raw else "", record.ready)
        wanted = (goal, record.accepted)
        if record.ready != wanted:
            record.ready = None
            self._lifecycle(goal).start_again(goal)
            self.desk.ready(goal, minutes=MINUTES)
            record.ready = wanted

    def refresh(self) -> None:
        """Raises EndpointsError: nothing has changed then."""
        self._look_for_cut_off()
        for name, record in list(self.state.items()):
            raw = self._lifecycle(record.asked).read(record.asked)
            if raw is None:
                del self.state[name]
                continue
            state = "paused" if raw["status"]["state"] == "paused" else "running"
            seen = replace(record.asked, body=observed(record.asked.body, raw), state=state)
            same = (seen.body, seen.state) == (record.asked.body, record.asked.state)
            failed = raw["status"]["state"] in ("failed", "updateFailed")
            record.accepted = record.accepted if same and record.accepted else raw["status"]["updatedAt"]
            record.asked, record.ready = seen, None if failed else record.ready

    def destroy(self) -> None:
        """Raises EndpointsError: what is still there is still in the state."""
        self._look_for_cut_off()
        for name in list(self.state):
            self._delete(name)

    def create(self, goal: Asked) -> Record:
        self.pending[goal.name] = goal
        try:
            raw = self._lifecycle(goal).create(goal)
        except EndpointsError:
            del self.pending[goal.name]
            raise
        del self.pending[goal.name]
        self.state[goal.name] = Record(goal, raw["status"]["updatedAt"] if raw else "")
        return self.state[goal.name]

    def _delete(self, name: str) -> None:
        asked = self.state[name].asked
        self._lifecycle(asked).delete(asked)
        del self.state[name]

    def _look_for_cut_off(self) -> None:
        """A create that was cut off is looked up by the provider's read."""
        for name, asked in list(self.pending.items()):
            if self._lifecycle(asked).read(asked) is not None:
                self.state[name] = Record(asked, "")
            del self.pending[name]

    def _lifecycle(self, asked: Asked) -> Any:
        return self.desk.lifecycle(asked.hidden)


_TOUCHED = (
    "namespace", "name", "config", "secret_digests", "created_by", "updated_at", "updated_by", "deleted_at",
    "used_at", "requests",
)  # fmt: skip


class Account:
    """The account in the stand-in, and what must be true of it after each step of a stack."""

    def __init__(self, hub: HubServer, stack: Stack):
        self.hub = hub
        self.stack = stack
        self.others = self.untouched()
        self.others_take_names = False

    def untouched(self) -> dict[str, dict[str, Any]]:
        """Of the endpoints of others all that requests change, and time does not."""
        with self.hub.lock:
            others = [one for one in self.hub.world.endpoints if OWNER not in one.config["tags"]]
            return {one.id: {key: copy.deepcopy(getattr(one, key)) for key in _TOUCHED} for one in others}

    def check(self) -> None:
        """None doubled, none unknown, nothing foreign touched, no create repeated, no secret told."""
        alive = ours(self.hub)
        names = [one.name for one in alive]
        assert len(names) == len(set(names)), f"doubled: {names}"
        unknown = set(names) - set(self.stack.state) - set(self.stack.pending)
        assert not unknown, f"alive, and not in the state: {unknown}"
        self._nothing_foreign_is_touched({one.id for one in alive})
        self._no_create_is_repeated()
        assert "not-for-your-eyes" not in self.stack.desk.text
        assert {one.token for one in self.hub.requests if one.plane == "control"} <= {"manage"}

    def as_asked(self, goal: Asked) -> None:
        """The endpoint is what the stack file says, also where the API does not show it."""
        (one,) = [one for one in ours(self.hub) if one.name == goal.name]
        raw = self.stack.desk.client().get(goal.name)
        assert raw is not None
        assert differences(goal.body, raw) == []
        assert (one.state == "paused") == (goal.state == "paused"), one.state
        assert one.secret_digests == {name: one.digest(value) for name, value in goal.secrets.items()}
        ((there,), (wanted,)) = one.config["model"]["image"].values(), goal.body["model"]["image"].values()
        assert set(there) - set(wanted) <= {"port", "healthRoute", "disableCustomKernels"}
        assert self.stack.state[goal.name].accepted

    def empty(self) -> None:
        """Nothing of ours is left anywhere."""
        assert self.stack.state == {}
        assert self.stack.pending == {}
        assert ours(self.hub) == []

    def _nothing_foreign_is_touched(self, alive: set[str]) -> None:
        now = self.untouched()
        for name, was in list(self.others.items()):
            if name in alive:
                known = [*self.stack.pending.values(), *(record.asked for record in self.stack.state.values())]
                assert was["config"]["tags"] == body()["tags"], "another stack's was taken over"
                assert any(asked.adopt for asked in known), "somebody else's was taken over"
            elif name in now or was["deleted_at"] is None:
                assert now.get(name) == was, "somebody else's was touched"
                continue
            del self.others[name]  # adopted, or deleted by somebody else and gone

    def _no_create_is_repeated(self) -> None:
        """After a create that may have made something comes no other until a read has said 404.

        Where others take names, a read may also have shown that the name is theirs.
        """
        free = (404, 200) if self.others_take_names else (404,)
        uncertain: dict[str | None, bool] = {}
        for one in self.hub.requests:
            if one.operation == "get" and one.status in free and one.fault is None:
                uncertain[one.endpoint] = False
            elif one.operation == "create":
                assert not uncertain.get(one.endpoint), f"{one.endpoint} was asked for again"
                refused = one.status is not None and 400 <= one.status < 500 and one.status not in (408, 429)
                uncertain[one.endpoint] = not refused


def until_it_succeeds(step: Callable[[], None], account: Account, *, tries: int = 4) -> None:
    """Run it again, as a person does, and look at the account each time."""
    for left in reversed(range(tries)):
        try:
            step()
        except EndpointsError:
            if not left:
                raise
        else:
            return
        finally:
            account.check()
