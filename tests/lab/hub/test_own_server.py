"""Endpoints whose container this project's server can be: a real process answers, and its life follows theirs."""

import time

import httpx2
import pytest
from huggingface_hub import InferenceClient

from lab.cluster.processes import Processes, marked
from lab.hub import ENDPOINTS
from lab.hub.server import HubServer
from tests.lab.conftest import eventually
from tests.lab.hub.support import Caller, sleepy
from tests.server.own_python import PYTHON, needs_server

pytestmark = needs_server

CONTAINER = {
    "model__framework": "custom",
    "model__image": {"custom": {"url": "registry.example.com/team/server:1", "port": 8080, "healthRoute": "/ready"}},
    "model__env": {"MODEL_ID": "/repository", "SERVED_NAME": "ours", "MAX_RUNNING_REQUESTS": "4"},
}
SECONDS = 240
"""Patience with making a model and starting a server, which take 10 on an idle machine."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def hub(home):
    with HubServer(latency=0.4, own_server=(PYTHON, home)) as hub:
        yield hub


@pytest.fixture(scope="module")
def manager(hub):
    caller = Caller(hub, "lab-manage")
    with caller.http:
        yield caller


@pytest.fixture(scope="module")
def url(hub, manager):
    """Of an endpoint that runs."""
    assert manager.create(**CONTAINER, **sleepy()).status_code == 200
    seen = []
    while "running" not in seen:
        assert hub.world.clock.now() < hub.endpoint("one").created_at + SECONDS, seen
        seen.append(manager.state())
        time.sleep(0.05)
    assert set(seen) == {"pending", "initializing", "running"}
    time.sleep(0.2)  # the simulated time of loading
    return manager.status()["url"]


def processes(home):
    running = Processes(home)
    return {name: found for name in running.names(ENDPOINTS) if (found := running.find(name))}


def client(url):
    return InferenceClient(model=url, token="lab-invoke")


def test_it_is_not_running_before_its_process_answers_and_then_that_answers(url, home):
    assert len(processes(home)) == 1
    found = httpx2.get(f"{url}/openapi.json", headers={"authorization": "Bearer lab-invoke"}, trust_env=False)
    assert found.json()["info"]["title"] == "llm-inference server"
    answer = client(url).chat_completion([{"role": "user", "content": "Hello"}], model="ours", max_tokens=7)
    assert 1 <= answer.usage.completion_tokens <= 7
    assert "simulated" not in answer.choices[0].message.content


def test_who_keeps_a_server_keeps_its_engine(url, home):
    """As a start of a lab that runs, which ends what it does not know."""
    (server,) = processes(home).values()
    assert len(server.children()) == 1
    assert Processes(home).sweep(keep=processes(home)) == 0


def test_streams_and_tgis_form_come_through(url):
    asking = client(url)
    # The model's words are learnt from the documents: with each of their changes another text may end at once.
    for number in range(20):
        pieces = list(asking.text_generation(f"{number} times", max_new_tokens=9, stream=True, details=True))
        assert 1 <= pieces[-1].details.generated_tokens <= 9
        assert len(pieces) <= 9
        if len(pieces) > 1:
            break
    assert 1 < pieces[-1].details.generated_tokens <= len(pieces)


def test_refusals_are_the_servers_own_and_the_proxy_asks_for_a_token(url):
    body = {"model": "another", "messages": [{"role": "user", "content": "hi"}]}
    asked = f"{url}/v1/chat/completions"
    assert httpx2.post(asked, json=body, trust_env=False).status_code == 401
    refused = httpx2.post(asked, json=body, headers={"authorization": "Bearer lab-invoke"}, trust_env=False)
    assert refused.status_code == 404
    assert "This server has ours" in refused.json()["error"]["message"]


def test_what_is_not_such_a_container_is_simulated(url, hub, home):
    endpoint = hub.add_endpoint("plain", type="public")
    answer = httpx2.post(
        f"{hub.url}/e/{endpoint.id}/v1/chat/completions",
        json={"messages": [{"role": "user", "content": "hi"}]},
        trust_env=False,
    )
    assert "simulated answer" in answer.text
    assert len(processes(home)) == 1


def test_a_sleeping_endpoint_has_no_process_and_a_call_wakes_it(url, home, manager):
    assert manager.act("scale-to-zero").status_code == 200
    eventually(lambda: not marked(home), seconds=60)  # nor has its engine
    held = InferenceClient(model=url, token="lab-invoke", headers={"X-Scale-Up-Timeout": str(SECONDS)})
    assert 1 <= held.text_generation("Hello", max_new_tokens=3, details=True).details.generated_tokens <= 3
    assert len(processes(home)) == 1


def test_one_whose_container_ends_fails_and_says_so(url, hub, manager):
    wrong = {**CONTAINER, "model__env": {**CONTAINER["model__env"], "MAX_RUNNING_REQUESTS": "none"}}
    manager.create("wrong", **wrong)
    eventually(lambda: manager.state("wrong") == "failed", seconds=60)
    assert "its container has ended" in manager.status("wrong")["message"]


def test_without_an_endpoint_there_is_no_process(url, home, manager):
    """Last: the others share the endpoint."""
    manager.delete("wrong")
    manager.delete()
    eventually(lambda: not processes(home), seconds=60)
