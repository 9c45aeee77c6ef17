"""The request log, and who may read it."""

from tests.lab.hub.support import Caller, body


def test_every_request_is_written_down_without_its_secrets(hub, manager):
    credentials = {"username": "robot", "password": "opensesame"}
    manager.http.post(
        "/v2/endpoint/lab-org",
        json=body(
            model__secrets={"HF_TOKEN": "opensesame", "EMPTY": None},
            model__env={"LEAK": "lab-manage"},
            model__image={"custom": {"url": "x", "credentials": credentials}},
        ),
    )
    manager.list(search="lab-manage")
    with Caller(hub, "nobodys").http as http:
        http.get("/v2/endpoint/lab-org/nobodys")
    with Caller(hub, None).http as http:
        http.get("/api/models/gpt2")
        http.get("/e/123/health")
    create, listed, unknown, nobody, data = hub.requests
    assert (create.method, create.path, create.plane, create.operation) == (
        "POST",
        "/v2/endpoint/lab-org",
        "control",
        "create",
    )
    assert create.token == "manage"
    assert create.body["model"]["secrets"] == {"HF_TOKEN": "***", "EMPTY": None}
    assert create.body["model"]["image"]["custom"]["credentials"]["password"] == "***"
    assert create.body["model"]["repository"] == "Qwen/Qwen2.5-1.5B-Instruct"
    assert listed.query == "search=***"
    assert (unknown.token, unknown.status, unknown.path) == ("unknown", 401, "/v2/endpoint/lab-org/***")
    assert (nobody.token, nobody.plane, nobody.operation, nobody.status) == (None, "hub", "model-info", 200)
    assert (data.plane, data.status) == ("data", 404)
    text = manager.http.get("/_lab/requests").text
    for secret in ("opensesame", "lab-manage", "nobodys"):
        assert secret not in text + repr(hub.requests)


def test_looking_at_the_log_is_not_in_the_log_and_it_can_be_emptied(hub, manager):
    manager.list()
    assert len(manager.http.get("/_lab/requests").json()["requests"]) == 1
    manager.http.delete("/_lab/requests")
    assert hub.requests == []


def test_pages_in_a_browser_cannot_reach_the_control(hub, manager):
    assert manager.http.get("/_lab/requests", headers={"host": "evil.example:80"}).status_code == 403
    assert manager.http.get("/_lab/requests", headers={"origin": "http://evil.example"}).status_code == 403


def test_time_and_switches_move_over_http(hub, manager):
    manager.create()
    assert manager.http.post("/_lab/advance", json={"seconds": 60}).status_code == 200
    assert manager.state() == "running"
    assert manager.http.post("/_lab/advance", json={"seconds": -1}).status_code == 400
    assert manager.http.put("/_lab/switches", json={"put_on_paused": "409"}).json()["put_on_paused"] == "409"
    assert manager.http.put("/_lab/switches", json={"nonsense": 1}).status_code == 400
    manager.act("pause")
    assert manager.put(tags=["x"]).status_code == 409
    shown = manager.http.get("/_lab/state").json()["endpoints"]
    assert [(one["name"], one["state"]) for one in shown] == [("one", "paused")]


def test_real_time_cannot_be_moved(start):
    hub = start(virtual_time=False)
    with Caller(hub, None).http as http:
        assert http.post("/_lab/advance", json={"seconds": 1}).status_code == 400


def test_virtual_time_can_pass_with_each_request(start):
    hub = start(step=20)
    caller = Caller(hub, "lab-manage")
    with caller.http:
        caller.create()
        assert [caller.state() for _ in range(3)] == ["initializing", "running", "running"]
