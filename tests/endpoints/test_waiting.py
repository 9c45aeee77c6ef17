"""Waiting: what counts as ready, when it ends at once, and what a person reads meanwhile."""

import pytest

from endpoints.client import EndpointsClient
from endpoints.errors import RefusedError
from endpoints.waiting import NotReadyError, Waiter, Waiting
from lab.hub.machine import Machine
from tests.endpoints.support import OTHER_OWNER, SECRET, SLEEPY, Desk, asked, body, count, finished, ours

RUNNING, PAUSED, SLEEPING = asked(), asked(state="paused"), asked(compute__scaling=SLEEPY)


def changed(desk: Desk, hub, **changes):
    """An endpoint that ran, and has just been changed."""
    desk.lifecycle().create(RUNNING)
    finished(hub)
    wanted = asked(**{"type": "authenticated", **changes})
    desk.lifecycle().update(RUNNING, wanted)
    return wanted


# -- success


def test_ready_is_when_it_runs_answers_and_is_as_asked(desk, hub):
    desk.lifecycle().create(RUNNING)
    raw = desk.ready(RUNNING)
    assert raw["status"]["state"] == "running"
    (endpoint,) = ours(hub)
    assert endpoint.loaded_at <= desk.now()
    health = [one for one in hub.requests if one.operation == "health"]
    assert {one.status for one in health[:-2]} == {503}
    assert [one.status for one in health[-2:]] == [200, 200]
    assert {one.token for one in health} == {"invoke"}


def test_each_change_of_state_or_message_is_told_once(desk, hub):
    desk.lifecycle().create(RUNNING)
    desk.ready(RUNNING)
    told = [line.partition(" (")[0] for line in desk.said]
    assert told == [
        "one: pending, Endpoint waiting to be scheduled",
        "one: initializing, Endpoint is initializing",
        "one: running, and not ready yet",
    ]
    assert all(line.endswith(" s)") for line in desk.said)


def test_all_replicas_must_be_ready(desk, hub):
    wanted = asked(compute__scaling={**body()["compute"]["scaling"], "minReplica": 2, "maxReplica": 2})
    desk.lifecycle().create(wanted)
    finished(hub).ready = 1
    with pytest.raises(NotReadyError, match="1 of 2 replicas ready"):
        desk.ready(wanted, minutes=1)
    hub.endpoint("one").ready = 2
    assert desk.ready(wanted)["status"]["readyReplica"] == 2


@pytest.mark.parametrize("ready", [0, None])
def test_an_endpoint_without_replicas_is_not_ready_whatever_it_aims_at(desk, hub, ready):
    desk.lifecycle().create(RUNNING)
    endpoint = finished(hub)
    endpoint.ready, endpoint.target = ready, 0
    with pytest.raises(NotReadyError, match="0 of 1 replicas ready"):
        desk.ready(RUNNING, minutes=1)


@pytest.mark.parametrize("echo", [0.5, 2.0, 5.0])
def test_a_state_of_before_the_change_is_not_believed(desk, hub, echo):
    """Right after a change the API may still say running, and the old version answers."""
    hub.switch(put_shows_running=True)
    latency = hub.world.latency
    hub.world.latency = type(latency)(echo=echo)
    try:
        wanted = changed(desk, hub)
        desk.ready(wanted)
    finally:
        hub.world.latency = latency
    (endpoint,) = ours(hub)
    assert endpoint.serving == endpoint.config


def test_a_change_that_does_not_restart_it_is_ready_soon(desk, hub):
    hub.switch(scaling_change_restarts=False)
    wanted = changed(desk, hub, type="private", tags=["another"])
    before = desk.now()
    desk.ready(wanted)
    assert desk.now() - before <= 10


def test_a_failure_of_before_the_change_is_not_believed_either(desk, hub):
    hub.fault(operation="rollout", kind="failed", message="no such model")
    wanted = changed(desk, hub)
    desk.sleep(300)
    assert hub.endpoint("one").state == "updateFailed"
    hub.switch(put_shows_running=True)  # the read after a change still says what it said before
    mended = asked(type="public")
    desk.lifecycle().update(wanted, mended)
    assert hub.endpoint("one").state == "updateFailed"
    assert desk.ready(mended)["status"]["state"] == "running"


def test_a_pause_of_before_the_resume_is_not_believed_either(desk, hub, monkeypatch):
    desk.lifecycle().create(RUNNING)
    finished(hub)
    desk.client().pause("one")
    resume = EndpointsClient.resume
    seen = []

    def late(client: EndpointsClient, name: str):
        seen.append(client.get(name))
        return seen[0]

    monkeypatch.setattr(EndpointsClient, "resume", late)
    desk.lifecycle().update(PAUSED, RUNNING)
    sleep, slept = desk.sleep, []

    def then_resume(seconds: float) -> None:
        sleep(seconds)
        slept.append(seconds)
        if len(slept) == 3:
            resume(desk.client(), "one")

    client = EndpointsClient(desk.access, "lab-org", sleep=then_resume, clock=desk.now)
    waiter = Waiter(client, say=desk.said.append)
    raw = waiter.ready(RUNNING, Waiting(seconds=600, health_route="/health"))
    assert raw["status"]["state"] == "running"


def test_the_health_route_is_the_containers(desk, hub):
    image = body()["model"]["image"]["vLLM"]
    wanted = asked(model__image={"vLLM": {**image, "healthRoute": "/is/it/well"}})
    desk.lifecycle().create(wanted)
    desk.ready(wanted)
    assert count(hub, "health") > 0
    assert {one.path.rpartition("/e/")[2].partition("/")[2] for one in hub.requests if one.plane == "data"} == {
        "is/it/well"
    }


@pytest.mark.parametrize("access", ["private", "authenticated", "public"])
def test_a_token_goes_only_to_endpoints_that_ask_for_one(desk, hub, access):
    wanted = asked(type=access)
    desk.lifecycle().create(wanted)
    desk.ready(wanted)
    expected = None if access == "public" else "invoke"
    assert {one.token for one in hub.requests if one.operation == "health"} == {expected}


def test_an_endpoint_behind_a_private_link_is_asked_for_nothing(desk, hub):
    wanted = asked(privateService={"accountId": "012345678901", "region": "us-east-1"})
    desk.lifecycle().create(wanted)
    assert desk.ready(wanted)["status"]["state"] == "running"
    assert count(hub, "health") == 0


@pytest.mark.parametrize("kind", [404, 429, 500, 502, 503, "reset", "close", "truncated", "not-json"])
def test_a_health_check_that_comes_to_grief_is_asked_again(desk, hub, kind):
    hub.fault(operation="health", kind=kind, times=3, moment="before")
    desk.lifecycle().create(RUNNING)
    finished(hub)
    assert desk.ready(RUNNING)["status"]["state"] == "running"


@pytest.mark.parametrize("switches", [{"url_leads": "nowhere"}, {"url_appears": "running"}, {"sleeping_status": "502"}])
def test_a_url_that_leads_nowhere_yet_is_no_failure(desk, hub, switches):
    hub.switch(**switches)
    desk.lifecycle().create(RUNNING)
    assert desk.ready(RUNNING)["status"]["state"] == "running"


@pytest.mark.parametrize("kind", [429, 500, 503, "reset", "not-json", "invalid", "truncated"])
def test_reads_that_fail_for_a_while_do_not_end_it(desk, hub, kind):
    desk.lifecycle().create(RUNNING)
    hub.fault(operation="get", kind=kind, times=30)
    assert desk.ready(RUNNING)["status"]["state"] == "running"


# -- sleep and pause


def test_asleep_is_ready_when_it_may_sleep_and_nobody_wakes_it(desk, hub):
    desk.lifecycle().create(SLEEPING)
    Machine(hub.world).scale_to_zero(finished(hub))
    assert desk.ready(SLEEPING)["status"]["state"] == "scaledToZero"
    assert count(hub, "health") == 0


def test_asleep_is_not_ready_when_it_may_not_sleep(desk, hub):
    desk.lifecycle().create(RUNNING)
    Machine(hub.world).scale_to_zero(finished(hub))
    with pytest.raises(NotReadyError, match="is not ready after 2 min: scaledToZero"):
        desk.ready(RUNNING, minutes=2)


@pytest.mark.parametrize("pausing", [False, True])
def test_paused_is_ready_when_it_was_asked_and_no_replica_is_left(desk, hub, pausing):
    hub.switch(pause_shows_pausing=pausing)
    desk.lifecycle().create(RUNNING)
    finished(hub)
    desk.lifecycle().update(RUNNING, PAUSED)
    raw = desk.ready(PAUSED)
    assert (raw["status"]["state"], raw["status"]["readyReplica"]) == ("paused", 0)
    assert count(hub, "health") == 0


def test_paused_by_somebody_ends_it_soon_with_what_to_do(desk, hub):
    desk.lifecycle().create(RUNNING)
    desk.client().pause("one")
    before = desk.now()
    with pytest.raises(NotReadyError, match=r"is paused, and the stack says state: running\. Run refresh"):
        desk.ready(RUNNING)
    assert desk.now() - before < 15


# -- failure


@pytest.mark.parametrize("operation", ["start", "rollout"])
def test_a_failure_ends_it_at_once_with_the_servers_words_and_the_log(desk, hub, operation):
    hub.fault(operation=operation, kind="failed", message="CUDA out of memory")
    wanted = RUNNING
    if operation == "start":
        desk.lifecycle().create(RUNNING)
    else:
        wanted = changed(desk, hub)
    before = desk.now()
    with pytest.raises(NotReadyError) as failed:
        desk.ready(wanted)
    assert desk.now() - before < 130
    state = "failed" if operation == "start" else "updateFailed"
    text = str(failed.value)
    assert text.startswith(f"Endpoint one is {state}: CUDA out of memory Its log ends:\n  | ")
    assert text.endswith("ERROR CUDA out of memory")


def test_the_log_ends_with_its_last_lines(desk, hub):
    hub.fault(operation="start", kind="failed")
    desk.lifecycle().create(RUNNING)
    desk.sleep(300)
    endpoint = hub.endpoint("one")
    line = endpoint.lines[-1]
    endpoint.lines[:] = [type(line)(at=line.at, line=f"line {number}") for number in range(100)]
    with pytest.raises(NotReadyError) as failed:
        desk.ready(RUNNING)
    assert [text.split()[-1] for text in str(failed.value).splitlines()[1:]] == [str(one) for one in range(80, 100)]


@pytest.mark.parametrize("kind", [404, 503, "reset"])
def test_a_log_that_cannot_be_read_hides_no_failure(desk, hub, kind):
    hub.fault(operation="start", kind="failed", message="CUDA out of memory")
    hub.fault(operation="logs", kind=kind, times=None)
    desk.lifecycle().create(RUNNING)
    with pytest.raises(NotReadyError, match="CUDA out of memory Its log ends:\n  its log could not be read"):
        desk.ready(RUNNING)


def test_nothing_that_is_told_holds_a_secret_that_the_server_repeats(desk, hub):
    hub.fault(operation="start", kind="failed", message=f"bad key {SECRET} of lab-manage")
    wanted = asked(secrets={"KEY": SECRET})
    desk.lifecycle(wanted.hidden).create(wanted)
    endpoint = hub.endpoint("one")
    endpoint.message = f"waits with {SECRET}"
    endpoint.config["model"]["args"] = [SECRET]
    with pytest.raises(NotReadyError) as failed:
        desk.ready(wanted)
    endpoint.state, endpoint.ready, endpoint.serving, endpoint.loaded_at = "running", 1, endpoint.config, desk.now()
    endpoint.config["model"]["env"] = {"KEY": SECRET}
    with pytest.raises(NotReadyError, match="is not as asked") as other:
        desk.ready(wanted)
    told = f"{desk.text}\n{failed.value}\n{other.value}"
    assert "not-for-your-eyes" not in told
    assert "lab-manage" not in told
    assert "waits with [secret]" in told
    assert "bad key [secret] of [secret]" in told


def test_capacity_that_never_comes_is_given_up_at_the_deadline(desk, hub):
    hub.fault(operation="start", kind="capacity")
    desk.lifecycle().create(RUNNING)
    before = desk.now()
    with pytest.raises(NotReadyError) as late:
        desk.ready(RUNNING, minutes=20)
    assert 20 * 60 <= desk.now() - before < 20 * 60 + 10
    text = str(late.value)
    assert "is not ready after 20 min: pending, Endpoint waiting to be scheduled. It may be billed." in text
    assert "`llm endpoints pause one`" in text
    assert len(ours(hub)) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_who_may_not_ask_reads_which_variable_to_set(desk, hub, status):
    desk.invoke_token = "nobody" if status == 401 else "lab-read"
    desk.lifecycle().create(RUNNING)
    with pytest.raises(NotReadyError) as refused:
        desk.ready(RUNNING)
    assert f"(HTTP {status}): set LLM_LAB_HUB_INVOKE_TOKEN to a token with the permission" in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["https://evil.example", "http://127.0.0.1.evil.example", "http://127.0.0.1@evil.example/", "http://[::1", "\x00"],
)
def test_no_token_goes_to_a_place_that_is_not_trusted(desk, hub, url, monkeypatch):
    monkeypatch.setattr("lab.hub.views.address", lambda *_: url)
    desk.lifecycle().create(RUNNING)
    with pytest.raises(NotReadyError, match=r"no place of Hugging Face's\. Nothing was sent there"):
        desk.ready(RUNNING)
    assert {one.plane for one in hub.requests} == {"control"}


def test_a_redirected_health_check_is_no_health(desk, hub):
    hub.fault(operation="health", kind="status", status=307, times=None)
    desk.lifecycle().create(RUNNING)
    with pytest.raises(NotReadyError, match="running, and not ready yet"):
        desk.ready(RUNNING, minutes=3)


def test_settings_that_the_server_took_otherwise_are_listed_and_nothing_is_green(desk, hub):
    wanted = asked(tags=["a"])
    desk.lifecycle().create(wanted)
    config = finished(hub).config
    config["type"], config["model"]["env"] = "public", {"A": "1"}
    with pytest.raises(NotReadyError) as told:
        desk.ready(wanted)
    text = str(told.value)
    assert "is not as asked, and may be billed" in text
    assert "\n  type: asked 'private', is 'public'\n  model.env: asked {}, is {'A': '1'}\n" in text


def test_one_that_is_gone_or_another_stacks_ends_it(desk, hub):
    with pytest.raises(NotReadyError, match=r"does not exist\. Run refresh"):
        desk.ready(RUNNING)
    desk.lifecycle().create(RUNNING)
    hub.endpoint("one").config["tags"] = [OTHER_OWNER]
    with pytest.raises(NotReadyError, match="is not this stack's any more"):
        desk.ready(RUNNING)


def test_a_token_that_is_withdrawn_ends_it(desk, hub):
    desk.lifecycle().create(RUNNING)
    hub.fault(operation="get", kind=401, skip=3)
    with pytest.raises(RefusedError, match="does not know this token"):
        desk.ready(RUNNING)
