"""Random walks: a stack, people, faults and time in any order; the same must hold after each step."""

import contextlib
import random
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from endpoints.asked import Asked
from endpoints.errors import EndpointsError
from endpoints.lifecycle import ForeignError
from endpoints.session import Destination
from lab.hub.refusal import Refusal
from lab.hub.server import HubServer
from lab.hub.service import Service
from lab.hub.world import Endpoint
from tests.endpoints.engine import Account, Stack, until_it_succeeds
from tests.endpoints.support import OTHER_OWNER, SECRET, SLEEPY, Desk, KilledError, asked, body, emptied, ours
from tests.endpoints.test_fault_matrix import BUSY, KNOWN, QUICK, REFUSALS

IMAGE = body()["model"]["image"]["vLLM"]
GOALS = [
    asked(**KNOWN),
    asked(**KNOWN, secrets={"KEY": SECRET}),
    asked(**KNOWN, state="paused"),
    asked(**KNOWN, adopt=True),
    asked(**KNOWN, compute__scaling=SLEEPY, tags=["search"]),
    asked(**KNOWN, type="authenticated", model__revision="previous", cacheHttpResponses=True),
    asked(**KNOWN, model__revision="main", model__image={"vLLM": {**IMAGE, "maxNumSeqs": 4}}, secrets={"KEY": "other"}),
    asked(**KNOWN, route={"domain": "llm.example.com", "path": "/v1"}, model__env={"A": "1"}, state="paused"),
    asked(**KNOWN, provider__region="eu-west-1"),
    asked(**KNOWN, model__image={"tgi": {"url": "tgi:1", "port": 80, "healthRoute": "/health"}}),
]
FAULTS = [
    *((operation, kind, moment) for operation in ("get", "update", "pause", "resume", "delete", "create")
      for kind in (*BUSY, "reset", "truncated", "not-json", "invalid") for moment in ("before", "after")),
    # Refusals that are none are lies.
    *((operation, kind, "before") for operation in ("update", "pause", "resume", "delete", "create")
      for kind in REFUSALS),
    *(("get", kind, "before") for kind in REFUSALS if kind != 404),
    *(("health", kind, "before") for kind in (503, "reset")),
    ("start", "failed", "before"),
    ("start", "capacity", "before"),
    ("rollout", "failed", "before"),
]  # fmt: skip
SWITCHES: list[dict[str, Any]] = [
    {},
    {"put_on_paused": "409", "put_on_updating": "400"},
    {"put_on_paused": "restart", "secrets_shown": "absent"},
    {"put_shows_running": True, "pause_shows_pausing": True},
    {"pause_rewrites_replicas": True, "url_leads": "nowhere"},
    {"put_on_failed": "400", "scaling_change_restarts": False},
]


class Walk(RuleBasedStateMachine):
    hub: HubServer  # set by who runs it
    steps: list[int]

    @initialize(switches=st.sampled_from(SWITCHES), seed=st.integers(0, 9))
    def begin(self, switches: dict[str, Any], seed: int) -> None:
        random.seed(seed)
        emptied(self.hub, **switches)
        self.hub.add_endpoint("theirs", tags=[OTHER_OWNER])
        self.stack = Stack(Desk(self.hub, patience=30))
        self.account = Account(self.hub, self.stack)
        self.goal: Asked = GOALS[0]
        self.steps.append(0)

    def colleague(self) -> Service:
        return Service(self.hub.world)

    def one(self) -> Endpoint | None:
        return self.hub.endpoint("one")

    @invariant()
    def nothing_is_doubled_lost_or_unknown(self) -> None:
        if hasattr(self, "account"):
            self.steps.append(1)
            self.account.check()

    # -- the stack

    @rule(goal=st.sampled_from(GOALS))
    def want(self, goal: Asked) -> None:
        self.goal = goal

    @rule()
    def up(self) -> None:
        with contextlib.suppress(EndpointsError):
            self.stack.up(self.goal)

    @rule(goal=st.sampled_from(GOALS))
    def change(self, goal: Asked) -> None:
        self.goal = goal
        with contextlib.suppress(EndpointsError):
            self.stack.up(goal)

    @rule(life=st.integers(0, 25), step=st.sampled_from(["up", "refresh", "destroy"]))
    def a_run_that_is_killed(self, life: int, step: str) -> None:
        self.stack.desk.life = life
        with contextlib.suppress(EndpointsError, KilledError):
            self.stack.up(self.goal) if step == "up" else getattr(self.stack, step)()
        self.stack.desk.life = None

    @rule()
    def refresh(self) -> None:
        with contextlib.suppress(EndpointsError):
            self.stack.refresh()

    @rule()
    def destroy(self) -> None:
        with contextlib.suppress(EndpointsError):
            self.stack.destroy()
            assert self.stack.state == {}
            assert ours(self.hub) == []

    # -- people

    @precondition(lambda self: self.one() is not None)
    @rule(action=st.sampled_from(["pause", "resume", "scale_to_zero", "delete", "public", "untuned"]))
    def somebody_interferes(self, action: str) -> None:
        endpoint = self.one()
        assert endpoint is not None
        theirs = endpoint.id in self.account.others
        with self.hub.lock, contextlib.suppress(Refusal):
            if action == "delete":
                self.colleague().delete("lab-org", "one")
            elif action in ("public", "untuned"):
                change = {"type": "public"} if action == "public" else {"model": {"args": []}}
                self.colleague().update("lab-org", "one", change, by="lab-colleague")
            else:
                getattr(self.colleague(), action)("lab-org", "one", by="lab-colleague")
        if theirs:
            self.account.others = self.account.untouched()

    @precondition(lambda self: self.one() is None)
    @rule(as_asked=st.booleans())
    def somebody_takes_the_name(self, as_asked: bool) -> None:
        whole = body(**KNOWN, **({} if as_asked else {"type": "public"}))
        self.account.others_take_names = True
        with contextlib.suppress(Refusal):
            self.hub.add_endpoint(**{key: value for key, value in whole.items() if value is not None})
        self.account.others = self.account.untouched()

    # -- the world

    @rule(what=st.sampled_from(FAULTS), times=st.integers(1, 3), skip=st.integers(0, 3))
    def something_will_go_wrong(self, what: tuple[str, Any, str], times: int, skip: int) -> None:
        operation, kind, moment = what
        self.hub.fault(operation=operation, kind=kind, moment=moment, times=times, skip=skip)

    @rule(seconds=st.sampled_from([1, 10, 100, 2000]))
    def time_passes(self, seconds: float) -> None:
        self.hub.advance(seconds)

    def teardown(self) -> None:
        """In the end all works again: the stack becomes what is asked, or says whose the name is; then it goes."""
        if not hasattr(self, "account"):
            return
        with self.hub.lock:
            self.hub.world.faults.clear()
        self.hub.advance(100)
        until_it_succeeds(self.stack.refresh, self.account)
        try:
            until_it_succeeds(lambda: self.stack.up(self.goal), self.account)
        except ForeignError:
            assert "one" not in {one.name for one in ours(self.hub)}
        except EndpointsError:
            # A start without capacity, or a change that the API does not try again, ends with another endpoint.
            endpoint = self.one()
            assert endpoint is not None
            assert endpoint.state in ("pending", "failed", "updateFailed")
        else:
            self.account.as_asked(self.goal)
        until_it_succeeds(self.stack.destroy, self.account)
        self.account.empty()


def walk(hub: HubServer, monkeypatch: pytest.MonkeyPatch, *, walks: int, steps: int, derandomize: bool) -> list[int]:
    monkeypatch.setattr("endpoints.client.Destination", partial(Destination, seconds=5.0))
    monkeypatch.setattr("tests.endpoints.engine.MINUTES", 2)
    monkeypatch.setattr(hub.world, "latency", QUICK)
    taken: list[int] = []
    kind = type("Walking", (Walk,), {"hub": hub, "steps": taken})
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=walks,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            derandomize=derandomize,
            database=None,
        ),
    )
    return taken


def report(capsys: pytest.CaptureFixture[str], taken: list[int]) -> None:
    with capsys.disabled():
        print(f"\nrandom walks: {taken.count(0)}, with {taken.count(1)} steps looked at")  # noqa: T201


def test_random_walks(running_hub, capsys, monkeypatch):
    report(capsys, walk(running_hub, monkeypatch, walks=40, steps=12, derandomize=True))


@pytest.mark.prove
def test_long_random_walks(running_hub, capsys, monkeypatch):
    report(capsys, walk(running_hub, monkeypatch, walks=150, steps=25, derandomize=False))
