"""What nobody knows for sure, both ways: each switch changes what it says, and its default is the other."""

import dataclasses

import pytest

from lab.errors import LabError
from lab.hub.clock import Latency
from lab.hub.switches import Switches
from tests.lab.hub.support import Caller, body, changed, sleepy


@pytest.fixture
def both(start):
    """What a question is answered under the default and under another setting of a switch."""

    def both(question, **switch):
        answers = []
        for switches in ({}, switch):
            hub = start(switches=switches)
            caller = Caller(hub, "lab-manage")
            with caller.http:
                answers.append(question(hub, caller))
        return answers

    return both


def status_of_put(state):
    def question(hub, caller):
        reach(hub, caller, state)
        answer = caller.put(tags=["new"])
        return answer.status_code, hub.endpoint("one").state

    return question


def reach(hub, caller, state):
    if state == "failed":
        hub.fault(operation="start", kind="failed")
        caller.create()
        hub.advance(120)
    elif state == "pending":
        caller.create()
    else:
        hub.add_endpoint("one")
        act = {"paused": "pause", "scaledToZero": "scale-to-zero"}.get(state)
        if act:
            caller.act(act)
        if state == "updating":
            caller.put(model__env={"A": "1"})


def after(state, act, read):
    def question(hub, caller):
        reach(hub, caller, state)
        answer = caller.act(act) if act else None
        return read(answer, caller)

    return question


def status_code(answer, _):
    return answer.status_code


def created(read, **changes):
    return lambda _, caller: read(caller.create(**changes))


def echoed(*path):
    def read(answer):
        value = answer.json()
        for key in path:
            value = value.get(key) if isinstance(value, dict) else value
        return value

    return read


PRIVATE_QUOTA = "Quota exceeded: 17 accelerators of nvidia-l4 needed, 16 of 16 left in lab-org"
MANY = {"compute__scaling": {"minReplica": 1, "maxReplica": 17}}


def early_return(hub, caller):
    hub.add_endpoint("one")
    states = [caller.put(model__env={"A": "1"}).json()["status"]["state"], caller.state()]
    hub.advance(3)
    return [*states, caller.state()]


def serves_while_updating(hub, caller):
    endpoint = hub.add_endpoint("one", type="authenticated")
    caller.put(model__env={"A": "1"})
    return caller.http.get(f"/e/{endpoint.id}/health").status_code


def change_of_engine(hub, caller):
    hub.add_endpoint("one")
    return caller.put(model__image={"tgi": {"url": "x"}}).status_code


def change_of_accelerator(hub, caller):
    hub.add_endpoint("one")
    gpu = {"accelerator": "gpu", "instanceType": "nvidia-l4", "instanceSize": "x1"}
    return caller.put(compute=gpu).status_code


def change_to_null(_, caller):
    caller.create(model__args=["--a"])
    return caller.put(model__args=None).json()["model"].get("args")


def change_of_scaling(hub, caller):
    hub.add_endpoint("one")
    return caller.put(compute__scaling={"maxReplica": 2}).json()["status"]["state"]


def asleep(hub, caller):
    endpoint = hub.add_endpoint("one", type="authenticated")
    caller.act("scale-to-zero")
    return caller.http.get(f"/e/{endpoint.id}/health").status_code


def replicas_through_pause(hub, caller):
    hub.add_endpoint("one", compute=changed(body()["compute"], {"scaling": {"minReplica": 2, "maxReplica": 3}}))
    paused = caller.act("pause").json()["compute"]["scaling"]
    resumed = caller.act("resume").json()["compute"]["scaling"]
    return [(one["minReplica"], one["maxReplica"]) for one in (paused, resumed)]


def quota_of_sleepers(hub, caller):
    hub.add_endpoint("one", compute=changed(body()["compute"], {"scaling": {"minReplica": 0, "maxReplica": 4}}))
    rows = caller.http.get("/v2/provider/quotas/lab-org").json()["vendors"]
    (quota,) = [row for row in rows[0]["quotas"] if row["instanceType"] == "nvidia-l4"]
    return quota["usedAccelerators"]


def call_with(token):
    def question(hub, _):
        endpoint = hub.add_endpoint("one", type="authenticated")
        with Caller(hub, token).http as http:
            return http.get(f"/e/{endpoint.id}/health").status_code

    return question


def ask_for_a_model(hub, _):
    endpoint = hub.add_endpoint("one")
    asked = {"model": "dummy", "messages": [{"role": "user", "content": "hi"}]}
    with Caller(hub, "lab-invoke").http as http:
        return http.post(f"/e/{endpoint.id}/v1/chat/completions", json=asked).status_code


def logs_sse(hub, caller):
    hub.add_endpoint("one")
    return caller.http.get("/v3/endpoint/lab-org/one/logs/sse").status_code


def keys_of_a_list(_, caller):
    return sorted(caller.list().json())


def urls(hub, caller):
    caller.create()
    hub.advance(10)
    return "url" in caller.status()


def where_it_leads(hub, caller):
    hub.add_endpoint("one")
    hub.world.endpoints[0].loaded_at += 1
    before = caller.status()["url"].startswith(hub.url)
    hub.advance(1)
    assert caller.status()["url"].startswith(hub.url)
    return before


SECRET = {"model__secrets": {"S": "1"}}
CASES = {
    "create_status": (202, created(lambda answer: answer.status_code), 200, 202),
    "unknown_type": ("400", created(lambda answer: answer.status_code, type="protected"), 200, 400),
    "nulls": ("accept", created(lambda answer: answer.status_code, model__task=None), 422, 200),
    "null_in_put": ("ignore", change_to_null, None, ["--a"]),
    "validation_body": ("message", created(lambda answer: list(answer.json()), type=...), ["error"], ["message"]),
    "name_length": (63, lambda _, caller: caller.create("n" * 50).status_code, 400, 200),
    "unknown_repository": ("400", created(lambda answer: answer.status_code, model__repository="a/b"), 200, 400),
    "timeout_needs_min_zero": (
        False,
        created(lambda answer: answer.status_code, compute__scaling__scaleToZeroTimeout=15),
        400,
        200,
    ),
    "timeout_minutes": ("listed", created(lambda answer: answer.status_code, **sleepy(43)), 200, 400),
    "multi_gpu_needs_parallelism": (
        False,
        created(lambda answer: answer.status_code, compute__instanceSize="x4"),
        400,
        200,
    ),
    "put_on_paused": ("409", status_of_put("paused"), (200, "paused"), (409, "paused")),
    "put_on_failed": ("keep", status_of_put("failed"), (200, "pending"), (200, "failed")),
    "put_on_updating": ("400", status_of_put("updating"), (200, "updating"), (400, "updating")),
    "put_shows_running": (True, early_return, ["updating"] * 3, ["running", "running", "updating"]),
    "engine_change": ("400", change_of_engine, 200, 400),
    "accelerator_change": ("400", change_of_accelerator, 200, 400),
    "scaling_change_restarts": (False, change_of_scaling, "updating", "running"),
    "old_serves_while_updating": (False, serves_while_updating, 200, 503),
    "cache_echoed_at_top": (True, created(echoed("cacheHttpResponses"), cacheHttpResponses=True), None, True),
    "secrets_shown": ("empty", created(echoed("model", "secrets"), **SECRET), {"S": None}, {}),
    "private_service": (
        "shared",
        created(echoed("privateService"), privateService={"accountId": "1", "region": "us-east-1"}),
        {"accountId": "1", "region": "us-east-1"},
        {"accountId": "1"},
    ),
    "network_and_notifications": ("keep", created(echoed("notifications"), notifications={"a": 1}), {}, {"a": 1}),
    "pause_on_paused": ("200", after("paused", "pause", status_code), 400, 200),
    "pause_on_failed": ("400", after("failed", "pause", status_code), 200, 400),
    "pause_shows_pausing": (True, after("running", "pause", lambda _, caller: caller.state()), "paused", "pausing"),
    "pause_rewrites_replicas": (True, replicas_through_pause, [(2, 3), (2, 3)], [(0, 0), (1, 1)]),
    "target_while_paused": (
        "zero",
        after("running", "pause", lambda answer, _: answer.json()["status"]["targetReplica"]),
        1,
        0,
    ),
    "url_while_paused": ("kept", after("running", "pause", lambda _, caller: "url" in caller.status()), False, True),
    "resume_on_scaled_to_zero": ("400", after("scaledToZero", "resume", status_code), 200, 400),
    "resume_on_failed": ("400", after("failed", "resume", status_code), 200, 400),
    "scale_to_zero_on_stopped": ("200", after("paused", "scale-to-zero", status_code), 400, 200),
    "url_appears": ("running", urls, True, False),
    "url_leads": ("nowhere", where_it_leads, True, False),
    "rate_limit": (2, lambda _, caller: [caller.list().status_code for _ in range(3)], [200] * 3, [200, 200, 429]),
    "quota_status": (400, created(lambda answer: answer.status_code, **MANY), 403, 400),
    "quota_text": (
        "no {type}",
        created(lambda answer: answer.json()["error"], **MANY),
        PRIVATE_QUOTA,
        "no nvidia-l4",
    ),
    "quota_counts": ("current", quota_of_sleepers, 4, 1),
    "total_items": (True, keys_of_a_list, ["items"], ["items", "totalItems"]),
    "log_stream": ("stream", logs_sse, 501, 200),
    "sleeping_status": (502, asleep, 503, 502),
    "authenticated_needs_infer": (True, call_with("lab-manage"), 200, 403),
    "model_name": ("served", ask_for_a_model, 200, 404),
}


def test_every_switch_is_tested():
    assert CASES.keys() == {field.name for field in dataclasses.fields(Switches)}


@pytest.mark.parametrize("switch", CASES)
def test_a_switch_changes_what_it_says(both, switch):
    setting, question, usually, otherwise = CASES[switch]
    assert both(question, **{switch: setting}) == [usually, otherwise]


def test_a_pausing_endpoint_is_paused_once_its_replicas_are_gone(start):
    hub = start(switches={"pause_shows_pausing": True})
    hub.add_endpoint("one")
    with (caller := Caller(hub, "lab-manage")).http:
        caller.act("pause")
        hub.advance(5)
        assert (caller.state(), caller.status()["readyReplica"]) == ("paused", 0)


@pytest.mark.parametrize("state", ["paused", "failed", "updating", "pending"])
@pytest.mark.parametrize("rule", ["keep", "restart", "400", "409"])
def test_a_change_of_what_does_not_run_is_kept_starts_it_or_is_refused(start, state, rule):
    if state in ("updating", "pending") and rule == "keep":
        return  # a change of an endpoint on its way has no next start to wait for
    switch = {"pending": "put_on_updating"}.get(state, f"put_on_{state}")
    hub = start(switches={switch: rule})
    with (caller := Caller(hub, "lab-manage")).http:
        reach(hub, caller, state)
        answer = caller.put(model__env={"NEW": "1"})
        now = hub.endpoint("one")
    assert answer.status_code == (int(rule) if rule.isdigit() else 200)
    assert ("NEW" in now.config["model"]["env"]) == (not rule.isdigit())
    restarted = {"updating": "updating"}.get(state, "pending")
    assert now.state == (restarted if rule == "restart" else state)


def test_a_limited_rate_says_when_to_come_back(start):
    hub = start(switches={"rate_limit": 1})
    with (caller := Caller(hub, "lab-manage")).http:
        caller.list()
        hub.advance(20)
        refused = caller.list()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
        with Caller(hub, "colleague-write").http as http:
            assert http.get("/v2/endpoint/lab-org").status_code == 200
        hub.advance(61)
        assert caller.list().status_code == 200


def test_switches_change_while_it_runs_and_come_as_text(hub, manager):
    hub.switch(create_status="202", total_items="true")
    assert manager.create().status_code == 202
    assert manager.list().json()["totalItems"] == 1
    with pytest.raises(LabError, match="There is no switch colour"):
        hub.switch(colour="red")


# -- quota


def test_a_quota_is_counted_at_the_most_replicas_and_not_while_paused(hub, manager):
    hub.world.catalogue.quotas["lab-org", "aws", "nvidia-l4"] = 4
    assert manager.create("one", compute__scaling__maxReplica=3).status_code == 200
    refused = manager.create("two", compute__scaling__maxReplica=2)
    assert refused.status_code == 403
    assert refused.json() == {"error": "Quota exceeded: 2 accelerators of nvidia-l4 needed, 1 of 4 left in lab-org"}
    assert manager.put("one", compute__scaling={"maxReplica": 5}).status_code == 403
    assert manager.put("one", compute__scaling={"maxReplica": 4}).status_code == 200

    manager.act("pause", "one")
    assert manager.create("two", compute__scaling__maxReplica=2).status_code == 200
    assert manager.act("resume", "one").status_code == 403


def test_a_sleeping_endpoint_keeps_its_quota_and_a_deleted_one_until_it_is_gone(hub, manager):
    hub.world.catalogue.quotas["lab-org", "aws", "nvidia-l4"] = 1
    manager.create(**sleepy())
    hub.advance(60)
    manager.act("scale-to-zero")
    assert manager.create("two").status_code == 403
    manager.delete()
    assert manager.create("two").status_code == 403
    hub.advance(2)
    assert manager.create("two").status_code == 200


def test_a_quota_is_a_namespaces_own(hub, manager):
    hub.world.catalogue.quotas["lab-org", "aws", "nvidia-l4"] = 0
    assert manager.create().status_code == 403
    assert manager.create(namespace="lab-user").status_code == 200


def test_latency_is_a_total_or_single_values():
    total = Latency.of(8, virtual=False)
    assert total.pending + total.initializing + total.loading == 8
    assert Latency.of({"pending": 1}, virtual=True).pending == 1
    assert Latency.of(None, virtual=False).initializing < 1


def test_a_real_clock_brings_an_endpoint_up_by_itself(start):
    hub = start(virtual_time=False, latency=0.2)
    with (caller := Caller(hub, "lab-manage")).http:
        caller.create()
        for _ in range(500):
            if caller.state() == "running":
                break
        assert caller.state() == "running"
