"""An endpoint's life: whose it is, made once, changed, paused, deleted to the end."""

import pytest

from endpoints.body import differences, owner_of
from endpoints.errors import EndpointsError, RefusedError
from endpoints.lifecycle import ForeignError, GoneError
from endpoints.waiting import NotReadyError
from lab.hub.world import Endpoint
from tests.endpoints.support import (
    CUSTOM,
    ORG,
    OTHER_OWNER,
    OWNER,
    SECRET,
    SLEEPY,
    asked,
    body,
    count,
    finished,
    foreign,
    ours,
)

ANOTHER_STACK = "pulumi:llm-inference/prod/9876fedc"
RUNNING, PAUSED = asked(), asked(state="paused")


def by_hand(hub, name: str = "one", **changes) -> Endpoint:
    """An endpoint as asked that a person has made in the web page."""
    whole = body(name, **changes)
    return hub.add_endpoint(**{key: value for key, value in whole.items() if value is not None})


def states(hub) -> list[str]:
    hub.endpoint("one")
    return [one.state for one in ours(hub)]


# -- whose it is


@pytest.mark.parametrize("tags", [[], ["owner:team-search"], [OTHER_OWNER]])
def test_somebody_elses_endpoint_stops_a_create_and_stays_as_it_is(desk, hub, tags):
    by_hand(hub, tags=tags, type="public")
    before = foreign(hub)
    with pytest.raises(ForeignError) as refused:
        desk.lifecycle().create(RUNNING)
    assert foreign(hub) == before
    text = str(refused.value)
    assert text.startswith("Endpoint lab-org/one exists, and is not this stack's.")
    assert "Created by lab-colleague. Nothing was changed. Use another endpointName" in text
    assert "type: asked 'private', is 'public'" in text
    assert ("belongs to the stack pulumi:llm-inference/dev/9876fedc" in text) == (tags == [OTHER_OWNER])


def test_one_that_nobodys_stack_made_and_that_is_as_asked_may_be_adopted(desk, hub):
    by_hand(hub)
    with pytest.raises(ForeignError, match=r"or say adopt: true to take it over\. Differences: none"):
        desk.lifecycle().create(RUNNING)
    live = desk.lifecycle().create(asked(adopt=True))
    assert owner_of(live) == OWNER
    assert len(ours(hub)) == 1
    assert "exists, is as asked, and is adopted" in desk.text


def test_one_of_a_stack_of_this_name_whose_state_is_lost_may_be_adopted(desk, hub):
    by_hand(hub, tags=["owner:team-search", OTHER_OWNER])
    with pytest.raises(ForeignError, match=r"belongs to the stack .*/9876fedc.* or say adopt: true to take it over"):
        desk.lifecycle().create(RUNNING)
    live = desk.lifecycle().create(asked(adopt=True))
    assert owner_of(live) == OWNER
    assert live["tags"].count(OTHER_OWNER) == 0


@pytest.mark.parametrize("changes", [{"type": "public"}, {"compute__instanceSize": "x4"}, {"tags": [ANOTHER_STACK]}])
def test_one_that_is_other_than_asked_or_another_stacks_is_adopted_by_no_word(desk, hub, changes):
    image = body()["model"]["image"]["vLLM"]
    by_hand(hub, **{"model__image": {"vLLM": {**image, "tensorParallelSize": 4}}, **changes}
            if "compute__instanceSize" in changes else changes)  # fmt: skip
    before = foreign(hub)
    with pytest.raises(ForeignError, match="Use another endpointName"):
        desk.lifecycle().create(asked(adopt=True))
    assert foreign(hub) == before


def test_an_adopted_one_gets_the_secrets_and_the_state_that_are_asked(desk, hub):
    by_hand(hub)
    desk.lifecycle().create(asked(adopt=True, state="paused", secrets={"KEY": SECRET}))
    assert states(hub) == ["paused"]
    (endpoint,) = ours(hub)
    assert endpoint.secret_digests == {"KEY": endpoint.digest(SECRET)}


def test_an_adoption_that_the_api_refuses_has_changed_nothing(desk, hub):
    by_hand(hub)
    before = foreign(hub)
    hub.fault(operation="update", kind=403)
    with pytest.raises(RefusedError):
        desk.lifecycle().create(asked(adopt=True))
    assert foreign(hub) == before


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_adoption_whose_end_nobody_saw_is_uncertain_and_goes_on(desk, hub, moment):
    by_hand(hub)
    hub.fault(operation="update", kind=503, moment=moment, times=None)
    wanted = asked(adopt=True)
    assert desk.lifecycle().create(wanted) is None
    hub.world.faults.clear()
    assert owner_of(desk.lifecycle().update(wanted, wanted, certain=False)) == OWNER


def test_one_that_became_another_stacks_is_neither_changed_nor_deleted_nor_read(desk, hub):
    desk.lifecycle().create(RUNNING)
    finished(hub).config["tags"] = [OTHER_OWNER]
    before = foreign(hub)
    with pytest.raises(ForeignError):
        desk.lifecycle().update(RUNNING, asked(type="public"))
    assert desk.lifecycle().read(RUNNING) is None
    desk.lifecycle().delete(RUNNING)
    assert "is not this stack's (any more), and is left alone" in desk.text
    assert foreign(hub) == before


# -- made once


def test_the_name_of_one_that_goes_away_is_waited_for(desk, hub):
    """Nothing was made by an answer 409, so it is asked again; not before a read said 404, or saw it."""
    hub.world.latency, was = type(hub.world.latency)(deletion=40), hub.world.latency
    try:
        hub.add_endpoint("one")
        desk.client().delete("one")
        hub.fault(operation="get", kind=404, times=None)  # it is gone for readers, and its name is not free yet
        made = desk.lifecycle().create(RUNNING)
    finally:
        hub.world.latency = was
    assert owner_of(made) == OWNER
    assert len(ours(hub)) == 1
    assert [one.status for one in hub.requests if one.operation == "create"][-1] == 200


def test_a_name_that_is_taken_by_something_invisible_is_an_error_in_the_end(desk, hub):
    hub.fault(operation="create", kind=409, times=None)
    with pytest.raises(EndpointsError, match="taken by an endpoint that nobody can see"):
        desk.lifecycle().create(RUNNING)
    assert ours(hub) == []


@pytest.mark.parametrize("kind", [408, 429, 500, 502, 503, 504, "reset", "close", "truncated", "not-json", "invalid"])
def test_a_create_whose_answer_is_lost_is_looked_up(desk, hub, kind):
    hub.fault(operation="create", kind=kind, moment="after")
    made = desk.lifecycle().create(asked(secrets={"KEY": SECRET}))
    assert differences(RUNNING.body, made) == []
    assert count(hub, "create") == 1
    assert len(ours(hub)) == 1


@pytest.mark.parametrize("kind", [500, 502, 503, 504, "reset", "close", "not-json", "invalid"])
def test_a_create_that_did_not_arrive_is_uncertain_and_the_next_run_makes_it(desk, hub, kind):
    hub.fault(operation="create", kind=kind, moment="before")
    assert desk.lifecycle().create(RUNNING) is None
    assert count(hub, "create") == 1
    assert "kept in the state as uncertain" in desk.text
    assert desk.lifecycle().update(RUNNING, RUNNING, certain=False) is not None
    assert (count(hub, "create"), len(ours(hub))) == (2, 1)


def test_an_uncertain_one_is_changed_and_deleted_where_it_is_there_after_all(desk, hub):
    hub.fault(operation="create", kind="reset", moment="after")
    hub.fault(operation="get", kind=404, times=9)
    assert desk.lifecycle().create(RUNNING) is None
    hub.world.faults.clear()
    live = desk.lifecycle().update(RUNNING, asked(type="authenticated"), certain=False)
    assert live["type"] == "authenticated"
    assert count(hub, "create") == 1
    desk.lifecycle().delete(RUNNING)
    assert desk.client().get("one") is None


def test_an_uncertain_one_that_never_was_is_gone_when_it_is_deleted(desk, hub):
    hub.fault(operation="create", kind="reset", moment="before")
    assert desk.lifecycle().create(RUNNING) is None
    assert desk.lifecycle().read(RUNNING) is None
    desk.lifecycle().delete(RUNNING)


def test_an_uncertain_one_whose_name_somebody_else_took_is_theirs(desk, hub):
    hub.fault(operation="create", kind="reset", moment="before")
    assert desk.lifecycle().create(RUNNING) is None
    by_hand(hub, tags=[], type="public")
    before = foreign(hub)
    with pytest.raises(ForeignError):
        desk.lifecycle().update(RUNNING, RUNNING, certain=False)
    desk.lifecycle().delete(RUNNING)
    assert foreign(hub) == before


@pytest.mark.parametrize("status", [400, 401, 403, 409])
def test_a_lookup_that_is_refused_loses_nothing(desk, hub, status):
    """A token may be withdrawn between the two: what was made must come into the state all the same."""
    hub.fault(operation="create", kind="reset", moment="after")
    hub.fault(operation="get", kind=status)
    assert desk.lifecycle().create(RUNNING) is None
    assert len(ours(hub)) == 1


@pytest.mark.parametrize("kind", [400, 403, 422, 503, "reset", "not-json"])
def test_one_of_an_earlier_try_that_cannot_be_made_as_asked_comes_into_the_state(desk, hub, kind):
    desk.lifecycle().create(asked(type="authenticated"))
    finished(hub)
    hub.fault(operation="update", kind=kind, times=None)
    assert desk.lifecycle().create(RUNNING) is None
    assert "The next run goes on" in desk.text
    hub.world.faults.clear()
    assert desk.lifecycle().update(RUNNING, RUNNING, certain=False)["type"] == "private"


def test_one_of_an_earlier_try_becomes_what_is_asked_now(desk, hub):
    """Also what the API does not show: an option that is not asked for any more, another branch, other secrets."""
    image = body()["model"]["image"]["vLLM"]
    hub.switch(secrets_shown="absent")
    desk.lifecycle().create(
        asked(model__image={"vLLM": {**image, "maxNumSeqs": 4}}, model__revision="dev", secrets={"KEY": SECRET})
    )
    desk.lifecycle().create(asked(model__revision="main"))
    (endpoint,) = ours(hub)
    assert "maxNumSeqs" not in endpoint.config["model"]["image"]["vLLM"]
    assert endpoint.secret_digests == {}
    desk.lifecycle().create(asked("two", model__revision="main"))
    assert endpoint.config["model"]["revision"] == hub.endpoint("two").config["model"]["revision"]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 413, 422])
def test_a_refused_create_has_made_nothing(desk, hub, status):
    hub.fault(operation="create", kind=status)
    with pytest.raises(RefusedError):
        desk.lifecycle().create(RUNNING)
    assert (count(hub, "create"), count(hub, "get"), ours(hub)) == (1, 0, [])


def test_a_lack_of_quota_is_told_in_the_servers_words(desk, hub):
    hub.world.catalogue.quotas[ORG, "aws", "nvidia-l4"] = 0
    with pytest.raises(RefusedError, match="Quota exceeded: 1 accelerators of nvidia-l4 needed, 0 of 0 left"):
        desk.lifecycle().create(RUNNING)


# -- changed


@pytest.mark.parametrize("shown", ["null", "empty", "absent"])
def test_secrets_are_sent_when_they_change_and_only_then(desk, hub, shown):
    hub.switch(secrets_shown=shown)
    one, two = asked(secrets={"KEY": SECRET}), asked(secrets={"KEY": "other", "MORE": "x"})
    lifecycle = desk.lifecycle()
    lifecycle.create(one)
    endpoint = hub.endpoint("one")
    for old, new, puts in ((one, one, 0), (one, two, 1), (two, two, 1), (two, RUNNING, 2), (RUNNING, RUNNING, 2)):
        lifecycle.update(old, new)
        assert endpoint.secret_digests == {name: endpoint.digest(value) for name, value in new.secrets.items()}
        assert count(hub, "update") == puts


def test_a_registrys_password_goes_with_each_change_of_the_image(desk, hub):
    def custom(password: str, **changes):
        return asked(registry_password=password, model__image={"custom": {**CUSTOM["custom"], **changes}})

    lifecycle = desk.lifecycle()
    lifecycle.create(custom(SECRET))
    lifecycle.update(custom(SECRET), custom(SECRET, port=81))
    lifecycle.update(custom(SECRET, port=81), custom("other", port=81))
    lifecycle.update(custom("other", port=81), custom("other", port=81))
    sent = [one.body for one in hub.requests if one.operation == "update"]
    assert [one["model"]["image"]["custom"]["credentials"] for one in sent] == [
        {"username": "robot", "password": "***"}
    ] * 2


def test_one_that_somebody_deleted_is_gone_and_not_made_behind_anybodys_back(desk, hub):
    with pytest.raises(GoneError, match="somebody deleted it"):
        desk.lifecycle().update(RUNNING, RUNNING)
    assert count(hub, "create") == 0


@pytest.mark.parametrize("rule", ["restart", "400", "409"])
@pytest.mark.parametrize("before", ["pending", "updating"])
def test_a_change_waits_until_the_api_takes_one(desk, hub, rule, before):
    hub.switch(put_on_updating=rule)
    desk.lifecycle().create(RUNNING)
    if before == "updating":
        finished(hub)
        desk.lifecycle().update(RUNNING, asked(type="public"))
    live = desk.lifecycle().update(RUNNING, asked(type="authenticated"))
    assert live["type"] == "authenticated"


@pytest.mark.parametrize("rule", ["400", "409"])
def test_a_change_that_is_refused_because_of_a_state_that_a_read_did_not_show_waits_too(desk, hub, rule):
    hub.switch(put_on_updating=rule)
    desk.lifecycle().create(RUNNING)
    finished(hub)
    hub.fault(operation="update", kind="reset", moment="after")  # it is being changed when it is asked again
    live = desk.lifecycle().update(RUNNING, asked(type="authenticated"))
    assert live["type"] == "authenticated"


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_change_that_a_running_one_refuses_is_an_error_now(desk, hub, status):
    desk.lifecycle().create(RUNNING)
    finished(hub)
    hub.fault(operation="update", kind=status, message="no such model")
    with pytest.raises(RefusedError, match=f"HTTP {status}: no such model"):
        desk.lifecycle().update(RUNNING, asked(type="authenticated"))
    assert count(hub, "update") == 1


def test_a_change_that_is_refused_for_ever_ends_with_the_apis_words(desk, hub):
    hub.fault(operation="start", kind="capacity")
    desk.lifecycle().create(RUNNING)
    hub.fault(operation="update", kind=400, message="no such model", times=None)
    with pytest.raises(EndpointsError, match=r"for 600 s\. It says: HTTP 400: no such model"):
        desk.lifecycle().update(RUNNING, asked(type="authenticated"))


def test_a_change_of_one_that_is_deleted_meanwhile_says_so(desk, hub):
    desk.lifecycle().create(RUNNING)
    finished(hub)
    hub.fault(operation="update", kind=409)
    hub.fault(operation="get", kind=404, skip=1)
    with pytest.raises(GoneError, match="was deleted while it was changed"):
        desk.lifecycle().update(RUNNING, asked(type="authenticated"))


# -- paused


@pytest.mark.parametrize("rewrites", [False, True])
@pytest.mark.parametrize("pausing", [False, True])
def test_it_pauses_and_resumes(desk, hub, pausing, rewrites):
    hub.switch(pause_shows_pausing=pausing, pause_rewrites_replicas=rewrites)
    lifecycle = desk.lifecycle()
    lifecycle.create(RUNNING)
    finished(hub)
    lifecycle.update(RUNNING, PAUSED)
    assert states(hub) == ["pausing" if pausing else "paused"]
    lifecycle.update(PAUSED, PAUSED)
    assert count(hub, "pause") == 1
    lifecycle.update(PAUSED, RUNNING)
    assert states(hub) == ["pending"]
    finished(hub)
    assert desk.ready(RUNNING)["status"]["state"] == "running"


def test_a_resume_that_chooses_replicas_of_its_own_is_put_right(desk, hub):
    hub.switch(pause_rewrites_replicas=True)
    scaling = {**body()["compute"]["scaling"], "minReplica": 2, "maxReplica": 3}
    running, paused = asked(compute__scaling=scaling), asked(compute__scaling=scaling, state="paused")
    desk.lifecycle().create(paused)
    assert differences(paused.body, desk.ready(paused)) == []
    desk.lifecycle().update(paused, running)
    assert differences(running.body, desk.ready(running)) == []


def test_one_that_is_made_paused_is(desk, hub):
    assert desk.lifecycle().create(PAUSED)["status"]["state"] == "paused"
    assert desk.ready(PAUSED)["status"]["readyReplica"] == 0


@pytest.mark.parametrize("kind", [403, 503, "reset"])
def test_one_that_should_be_paused_and_cannot_be_is_known_and_paused_by_the_next_run(desk, hub, kind):
    """It costs money: nobody may take it for paused."""
    hub.fault(operation="pause", kind=kind, times=None)
    assert desk.lifecycle().create(PAUSED) is None
    assert states(hub) != ["paused"]
    hub.world.faults.clear()
    assert desk.lifecycle().update(PAUSED, PAUSED, certain=False)["status"]["state"] == "paused"


@pytest.mark.parametrize("after", ["running", "paused"])
@pytest.mark.parametrize("rule", ["keep", "restart", "400", "409"])
def test_a_paused_one_changes_as_far_as_the_api_lets_it(desk, hub, rule, after):
    hub.switch(put_on_paused=rule)
    lifecycle = desk.lifecycle()
    lifecycle.create(PAUSED)
    wanted = asked(state=after, type="authenticated")
    if after == "paused" and rule.isdigit():
        with pytest.raises(RefusedError, match=r"does not change one while it is paused.* Say state: running"):
            lifecycle.update(PAUSED, wanted)
        assert states(hub) == ["paused"]
        return
    lifecycle.update(PAUSED, wanted)
    assert differences(wanted.body, desk.ready(wanted)) == []
    assert states(hub) == [after]


@pytest.mark.parametrize("rule", ["restart", "keep", "400", "409"])
def test_a_failed_one_changes_or_says_what_to_do(desk, hub, rule):
    hub.switch(put_on_failed=rule)
    hub.fault(operation="start", kind="failed", message="out of memory")
    lifecycle = desk.lifecycle()
    lifecycle.create(RUNNING)
    desk.sleep(300)
    wanted = asked(type="authenticated")
    if rule.isdigit():
        with pytest.raises(RefusedError, match="while it is failed: HTTP"):
            lifecycle.update(RUNNING, wanted)
        return
    lifecycle.update(RUNNING, wanted)
    lifecycle.start_again(wanted)
    assert differences(wanted.body, desk.ready(wanted)) == []


@pytest.mark.parametrize(
    "switches", [{}, {"resume_on_failed": "400"}, {"put_on_failed": "400"}, {"put_on_failed": "keep"}]
)
def test_a_failed_one_is_started_once_more(desk, hub, switches):
    hub.switch(**switches)
    hub.fault(operation="start", kind="failed", message="out of memory")
    desk.lifecycle().create(RUNNING)
    desk.sleep(300)
    assert states(hub) == ["failed"]
    desk.lifecycle().start_again(RUNNING)
    assert desk.ready(RUNNING)["status"]["state"] == "running"


def test_one_whose_change_failed_goes_on_to_serve_its_old_version(desk, hub):
    desk.lifecycle().create(RUNNING)
    finished(hub)
    hub.fault(operation="rollout", kind="failed", message="no such model")
    wanted = asked(type="authenticated")
    desk.lifecycle().update(RUNNING, wanted)
    desk.sleep(300)
    desk.lifecycle().start_again(wanted)
    (endpoint,) = ours(hub)
    assert (endpoint.state, endpoint.ready) == ("updateFailed", 1)
    assert endpoint.serving is not None
    assert (count(hub, "pause"), count(hub, "resume")) == (0, 0)


@pytest.mark.parametrize("wanted", [RUNNING, PAUSED])
def test_one_that_has_not_failed_is_not_started_again(desk, hub, wanted):
    desk.lifecycle().create(wanted)
    before = len(hub.requests)
    desk.lifecycle().start_again(wanted)
    assert [one.operation for one in hub.requests[before:]] == ["get"]


# -- deleted


def test_deleted_is_when_a_read_says_404(desk, hub):
    desk.lifecycle().create(RUNNING)
    desk.lifecycle().delete(RUNNING)
    assert [one.status for one in hub.requests][-2:] == [200, 404]
    assert hub.endpoint("one") is None
    desk.lifecycle().delete(RUNNING)
    assert count(hub, "delete") == 1


def test_a_delete_that_has_no_effect_is_an_error_and_not_done(desk, hub):
    desk.lifecycle().create(RUNNING)
    hub.fault(operation="delete", kind="not-json", moment="before")
    with pytest.raises(EndpointsError, match="was deleted 600 s ago, and is still there"):
        desk.lifecycle().delete(RUNNING)
    desk.lifecycle().delete(RUNNING)
    assert ours(hub) == []


@pytest.mark.parametrize("state", ["pending", "running", "paused", "failed"])
def test_it_is_deleted_in_any_state(desk, hub, state):
    if state == "failed":
        hub.fault(operation="start", kind="failed")
    desk.lifecycle().create(PAUSED if state == "paused" else RUNNING)
    desk.sleep(0 if state == "pending" else 300)
    assert states(hub) == [state]
    desk.lifecycle().delete(RUNNING)
    assert hub.endpoint("one") is None


def test_another_one_of_that_name_is_not_deleted_with_it(desk, hub):
    desk.lifecycle().create(RUNNING)
    hub.endpoint("one")
    desk.client().delete("one")
    desk.sleep(60)
    by_hand(hub, tags=[])
    desk.lifecycle().delete(RUNNING)
    assert hub.endpoint("one") is not None
    assert count(hub, "delete") == 1


def test_a_sleeping_one_is_as_it_should_be_and_wakes_for_a_change_of_its_fewest_replicas(desk, hub):
    sleepy = asked(compute__scaling=SLEEPY)
    desk.lifecycle().create(sleepy)
    desk.ready(sleepy)
    desk.sleep(16 * 60)
    assert states(hub) == ["scaledToZero"]
    assert desk.ready(sleepy)["status"]["state"] == "scaledToZero"
    desk.lifecycle().update(sleepy, RUNNING)
    assert desk.ready(RUNNING)["status"]["state"] == "running"


def test_a_value_that_the_api_does_not_take_is_told_and_not_asked_for_ever(desk, hub):
    """Access that it reads as another: one question per run, and never green."""
    wanted = asked(type="verified")
    desk.lifecycle().create(asked())
    desk.lifecycle().update(asked(), wanted)
    with pytest.raises(NotReadyError, match="type: asked 'verified', is 'private'"):
        desk.ready(wanted)
    assert count(hub, "update") == 1
