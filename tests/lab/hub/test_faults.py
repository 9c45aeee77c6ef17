"""Faults: every kind, before and after the request took effect, as an httpx2 client sees them."""

import time

import httpx2
import pytest

from lab.errors import LabError
from lab.hub.operations import OPERATIONS
from tests.lab.hub.support import ORG, Caller

STATUSES = [400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("status", STATUSES)
def test_an_answer_can_be_an_error_although_the_request_took_effect(hub, manager, status, moment):
    hub.fault(operation="create", kind=status, moment=moment, message="out of order")
    answer = manager.create()
    assert (answer.status_code, answer.json()) == (status, {"error": "out of order"})
    assert (hub.endpoint("one") is not None) == (moment == "after")
    recorded = hub.requests[-1]
    assert (recorded.status, recorded.fault, recorded.operation, recorded.endpoint) == (
        status,
        "status",
        "create",
        "one",
    )


@pytest.mark.parametrize(
    ("layout", "content"),
    [
        ("json", b'{"error": "busy"}'),
        ("message", b'{"message": "busy"}'),
        ("html", b"<html><head><title>503</title></head><body><h1>busy</h1></body></html>"),
        ("text", b"busy"),
        ("empty", b""),
    ],
)
def test_an_error_has_one_of_five_bodies(hub, manager, layout, content):
    hub.fault(operation="get", kind=503, body=layout, message="busy")
    answer = manager.get()
    assert (answer.status_code, answer.content) == (503, content)


def test_too_many_requests_says_when_to_come_back(hub, manager):
    hub.fault(operation="list", kind=429, retry_after=55)
    answer = manager.list()
    assert answer.headers["retry-after"] == "55"
    assert answer.headers["ratelimit"] == '"api";r=0;t=55'
    hub.fault(operation="list", kind=503, retry_after=2)
    assert manager.list().headers["retry-after"] == "2"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", httpx2.ReadError),
        ("close", httpx2.RemoteProtocolError),
        ("truncated", httpx2.RemoteProtocolError),
        ("hang", httpx2.ReadTimeout),
    ],
)
def test_an_answer_may_not_arrive_although_the_request_took_effect(hub, manager, kind, error, moment):
    hub.fault(operation="create", kind=kind, moment=moment)
    manager.http.timeout = 1
    with pytest.raises(error) as raised:
        manager.create()
    assert isinstance(raised.value, httpx2.TransportError)
    manager.http.timeout = 10
    assert (hub.endpoint("one") is not None) == (moment == "after")
    assert hub.requests[-1].fault == kind


def test_a_reset_is_a_reset_of_the_connection(hub, manager):
    hub.fault(operation="get", kind="reset")
    with pytest.raises(httpx2.ReadError, match="Connection reset by peer"):
        manager.get()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", ["not-json", "invalid"])
def test_a_success_can_be_no_endpoint(hub, manager, kind, moment):
    hub.fault(operation="create", kind=kind, moment=moment)
    answer = manager.create()
    assert answer.status_code == 200
    assert "status" not in answer.text
    assert (hub.endpoint("one") is not None) == (moment == "after")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_an_answer_can_be_late_and_right(hub, manager, kind, moment):
    hub.fault(operation="create", kind=kind, moment=moment, seconds=0.3)
    began = time.monotonic()
    answer = manager.create()
    assert time.monotonic() - began >= 0.25
    assert answer.json()["name"] == "one"
    assert hub.requests[-1].status == 200


def test_others_are_answered_while_one_waits(hub, manager):
    hub.fault(operation="get", kind="hang", seconds=2)
    manager.http.timeout = 0.2
    with pytest.raises(httpx2.ReadTimeout):
        manager.get()
    with Caller(hub, "lab-manage").http as http:
        assert http.get(f"/v2/endpoint/{ORG}").status_code == 200


def test_a_hang_ends_by_itself(hub, manager):
    hub.fault(operation="get", kind="hang", seconds=0.2)
    with pytest.raises(httpx2.RemoteProtocolError):
        manager.get()


def test_a_fault_happens_as_often_as_it_is_told(hub, manager):
    fault = hub.fault(operation="list", kind=503, times=2, skip=1)
    assert [manager.list().status_code for _ in range(4)] == [200, 503, 503, 200]
    assert fault.hits == 2
    hub.fault(operation="list", kind=500, times=None)
    assert [manager.list().status_code for _ in range(3)] == [500] * 3


def test_a_fault_can_be_about_one_endpoint(hub, manager):
    hub.add_endpoint("one")
    hub.add_endpoint("two")
    hub.fault(operation="get", kind=500, endpoint="two")
    assert manager.get("one").status_code == 200
    assert manager.get("two").status_code == 500


REQUESTS = {
    "create": ("POST", "/v2/endpoint/lab-org"),
    "list": ("GET", "/v2/endpoint/lab-org"),
    "get": ("GET", "/v2/endpoint/lab-org/one"),
    "update": ("PUT", "/v2/endpoint/lab-org/one"),
    "delete": ("DELETE", "/v2/endpoint/lab-org/one"),
    "pause": ("POST", "/v2/endpoint/lab-org/one/pause"),
    "resume": ("POST", "/v2/endpoint/lab-org/one/resume"),
    "scale-to-zero": ("POST", "/v2/endpoint/lab-org/one/scale-to-zero"),
    "replicas": ("GET", "/v2/endpoint/lab-org/one/replica"),
    "metrics": ("GET", "/v2/endpoint/lab-org/one/open-metrics"),
    "logs": ("GET", "/v3/endpoint/lab-org/one/logs"),
    "quotas": ("GET", "/v2/provider/quotas/lab-org"),
    "hardware": ("GET", "/v2/provider/lab-org"),
    "catalog-list": ("GET", "/api/v1/catalog/list"),
    "catalog-deploy": ("POST", "/api/v1/catalog/model/gpt2/deploy"),
    "whoami": ("GET", "/api/whoami-v2"),
    "refs": ("GET", "/api/models/lab-org/tiny/refs"),
    "tree": ("GET", "/api/models/lab-org/tiny/tree/main"),
    "paths-info": ("POST", "/api/models/lab-org/tiny/paths-info/main"),
    "model-info": ("GET", "/api/models/lab-org/tiny/revision/main"),
    "resolve": ("HEAD", "/lab-org/tiny/resolve/main/config.json"),
    "download": ("GET", "/_cdn/0"),
    "health": ("GET", "/e/ID/health"),
    "chat": ("POST", "/e/ID/v1/chat/completions"),
    "completions": ("POST", "/e/ID/v1/completions"),
    "generate": ("POST", "/e/ID/generate_stream"),
    "embed": ("POST", "/e/ID/embed"),
    "models": ("GET", "/e/ID/v1/models"),
    "other": ("GET", "/v2/nowhere"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_can_fail(hub, manager, operation):
    hub.add_endpoint("one")
    hub.fault(operation=operation, kind=504)
    method, path = REQUESTS[operation]
    answer = manager.http.request(method, path.replace("ID", hub.endpoint("one").id))
    assert answer.status_code == 504
    assert hub.requests[-1].operation == operation


def test_everything_can_fail_at_once(hub, manager):
    hub.fault(operation="*", kind="reset", times=None)
    for path in ("/v2/endpoint/lab-org", "/api/whoami-v2"):
        with pytest.raises(httpx2.ReadError):
            manager.http.get(path)


def test_a_stream_can_break_off(hub, invoker):
    url = f"/e/{hub.add_endpoint('one').id}/v1/chat/completions"
    hub.fault(operation="chat", kind="truncated", moment="after")
    question = {"messages": [{"role": "user", "content": "hello"}], "stream": True}
    pieces = []
    with invoker.http.stream("POST", url, json=question) as answer, pytest.raises(httpx2.RemoteProtocolError):
        pieces.extend(answer.iter_bytes())
    received = b"".join(pieces)
    assert received.startswith(b"data: ")
    assert b"[DONE]" not in received


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"operation": "craete", "kind": 500}, "There is no operation 'craete'"),
        ({"operation": "create", "kind": "explode"}, "There is no fault 'explode'"),
        ({"operation": "create", "kind": "failed"}, "failed cannot happen to create"),
        ({"operation": "start", "kind": 500}, "status cannot happen to start"),
        ({"operation": "create", "kind": 500, "moment": "during"}, "before or after"),
        ({"operation": "create", "kind": "hang", "seconds": 100000}, "at most 120"),
        ({"operation": "create", "kind": 500, "colour": "red"}, "colour"),
    ],
)
def test_a_fault_that_is_none_is_refused(hub, settings, complaint):
    with pytest.raises(LabError, match=complaint):
        hub.fault(**settings)


def test_faults_can_be_armed_over_http(hub, manager):
    armed = manager.http.post("/_lab/faults", json={"operation": "list", "kind": "503", "body": "empty"})
    assert armed.json()["status"] == 503
    assert manager.list().status_code == 503
    assert manager.http.get("/_lab/faults").json()["faults"][0]["hits"] == 1
    assert manager.http.post("/_lab/faults", json={"operation": "x", "kind": "503"}).status_code == 400
    manager.http.post("/_lab/faults", json={"operation": "list", "kind": "503"})
    manager.http.delete("/_lab/faults")
    assert manager.list().status_code == 200
