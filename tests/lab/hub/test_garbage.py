"""Whatever is sent, the stand-in answers, and never with an error of its own."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.hub.server import HubServer
from tests.lab.hub.support import Caller, body

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WHOLE = body(
    tags=["a"],
    route={"domain": "d", "path": "/"},
    privateService={"accountId": "1"},
    experimentalFeatures={},
    customRouter={},
    model__env={"A": "1"},
    model__secrets={"A": "1"},
    model__args=["a"],
    compute__scaling__measure={"pendingRequests": 1},
)


def paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    return {**value, path[0]: replaced(value[path[0]], path[1:], new)}


@pytest.fixture(scope="module")
def caller():
    with HubServer(virtual_time=True) as hub, (one := Caller(hub, "lab-manage")).http:
        hub.add_endpoint("kept")
        yield one


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(list(paths(WHOLE))), value=JSON)
def test_no_body_breaks_it(caller, path, value):
    content = json.dumps(replaced(WHOLE, path, value)).encode()
    for method, where in (("POST", "/v2/endpoint/lab-org"), ("PUT", "/v2/endpoint/lab-org/kept")):
        answer = caller.http.request(method, where, content=content)
        assert answer.status_code in (200, 400, 403, 422)
    for name in ("one", value):
        if isinstance(name, str) and caller.hub.endpoint(name):
            caller.http.delete(f"/v2/endpoint/lab-org/{name}")
    caller.hub.advance(10)
    assert caller.list().status_code == 200
    assert caller.http.get("/_lab/requests").status_code == 200
    caller.http.delete("/_lab/requests")


QUESTION = {
    "model": "x",
    "messages": [{"role": "user", "content": "hi"}],
    "prompt": "hi",
    "inputs": "hi",
    "input": "hi",
    "max_tokens": 3,
    "stop": ["x"],
    "stream": True,
    "stream_options": {"include_usage": True},
    "parameters": {"max_new_tokens": 3, "stop": ["x"], "details": True},
}
ROUTES = ["/v1/chat/completions", "/v1/completions", "/generate", "/generate_stream", "/", "/embed", "/v1/embeddings"]


@pytest.mark.parametrize("route", ROUTES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(list(paths(QUESTION))), value=JSON, stream=st.booleans())
def test_no_question_breaks_an_engine(caller, route, path, value, stream):
    model = {"repository": "gpt2", "framework": "custom", "image": {"custom": {"url": "x"}}}
    endpoint = caller.hub.endpoint("any") or caller.hub.add_endpoint("any", type="public", model=model)
    content = json.dumps(replaced({**QUESTION, "stream": stream}, path, value)).encode()
    answer = caller.http.post(f"/e/{endpoint.id}{route}", content=content)
    assert answer.status_code in (200, 400, 422)
