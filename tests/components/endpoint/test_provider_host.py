"""The providers of endpoints in Pulumi's real host, against the stand-in: what is checked, compared, looked at."""

import asyncio
import copy
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from pulumi.dynamic.dynamic import serialize_provider

from components.endpoint.provider import EndpointProvider, OwnershipProvider, ReadyProvider
from lab.engine.hosts.dynamic import DynamicProvider
from lab.engine.hosts.processes import HostProcesses
from lab.engine.provider import Operation, ProviderError
from lab.engine.values import UNKNOWN, Secret
from lab.hub.server import HubServer
from tests.support import merged

ROOT = Path(__file__).parents[3]
APPLY = Operation("urn:pulumi:dev::llm-inference::pulumi-python:dynamic/hf:Endpoint::one")
PREVIEW = Operation(APPLY.urn, preview=True)
OURS, THEIRS = "pulumi:llm-inference/dev/0a1b2c3d", "pulumi:llm-inference/dev/ffffffff"
SHA = "989aa7980e4cf806f80c7fef2b1adb7bc71aa306"
BODY = {
    "name": "one",
    "type": "private",
    "provider": {"vendor": "aws", "region": "us-east-1"},
    "compute": {
        "accelerator": "gpu",
        "instanceType": "nvidia-l4",
        "instanceSize": "x1",
        "scaling": {
            "minReplica": 0,
            "maxReplica": 2,
            "scaleToZeroTimeout": 15,
            "measure": {"pendingRequests": 1.5},
        },
    },
    "model": {
        "repository": "Qwen/Qwen2.5-1.5B-Instruct",
        "revision": SHA,
        "framework": "pytorch",
        "task": "text-generation",
        "image": {"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "port": 8000, "healthRoute": "/health"}},
        "command": None,
        "args": ["--max-model-len=8192"],
        "env": {"A": "1"},
    },
    "tags": ["owner:team-search"],
    "route": None,
    "cacheHttpResponses": False,
    "privateService": None,
}


class Host:
    """A host process with the environment that this process has now, and what it says."""

    def __init__(self, runner):
        self._runner = runner
        self.said = []
        hosts = HostProcesses(ROOT, "llm-inference", self.said.append)
        self._provider = DynamicProvider(hosts, {}, lambda _how, text, _urn: self.said.append(text))

    def close(self):
        self._runner.run(self._provider.close())

    def tells(self, *words):
        """Wait until all of the words were said: lines come on another way than answers."""
        until = time.monotonic() + 25
        while not all(word in self.all_said for word in words):
            assert time.monotonic() < until, self.all_said
            self._runner.run(asyncio.sleep(0.02))
        return True

    @property
    def all_said(self):
        return "\n".join(self.said)

    def check(self, news, olds=None, op=APPLY):
        return self._runner.run(self._provider.check(op, olds or {}, news))

    def diff(self, olds, news):
        return self._runner.run(self._provider.diff(APPLY, "lab-org/one", olds, olds, news))

    def create(self, news):
        return self._runner.run(self._provider.create(APPLY, news)).outputs

    def update(self, olds, news):
        return self._runner.run(self._provider.update(APPLY, "id", olds, olds, news))

    def read(self, inputs, outputs):
        return self._runner.run(self._provider.read(APPLY, "lab-org/one", inputs, outputs))

    def delete(self, outputs):
        self._runner.run(self._provider.delete(APPLY, "id", outputs, outputs))


@pytest.fixture(scope="module")
def hub():
    with HubServer(latency=0.2) as hub:
        yield hub


@contextmanager
def a_host(environment):
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        for name, value in environment.items():
            patch.setenv(name, value)
        host = Host(runner)
        yield host
        host.close()


@pytest.fixture(scope="module")
def hosted(hub):
    with a_host(hub.environment) as host:
        yield host


@pytest.fixture(autouse=True)
def _no_endpoints(hub):
    with hub.lock:
        hub.world.endpoints.clear()


@pytest.fixture
def host(hosted):
    hosted.said.clear()
    return hosted


@pytest.fixture
def fresh(hub):
    """A host that has not read the catalogue yet, which it would remember for a minute."""
    with a_host(hub.environment) as host:
        yield host


def asked(name="one", *, provider=EndpointProvider, body=None, **properties):
    """An endpoint's inputs."""
    inputs = {
        "__provider": serialize_provider(provider()),
        "api": "lab",
        "namespace": "lab-org",
        "body": merged(BODY, {"name": name, **(body or {})}),
        "state": "running",
        "owner": OURS,
        "adopt": False,
        "secrets": {},
        "registryPassword": None,
    }
    return {**inputs, **properties}


def set_only(value):
    """Without what is null, which does not travel between engine and host."""
    if isinstance(value, dict):
        return {key: set_only(item) for key, item in value.items() if item is not None}
    return value


def readiness(of, **properties):
    """The inputs of the readiness of an endpoint, from its outputs."""
    kept = {key: of[key] for key in ("api", "namespace", "body", "state", "owner", "accepted")}
    more = {"healthRoute": "/health", "openaiPath": "/v1", "readyMinutes": 1}
    return {"__provider": serialize_provider(ReadyProvider()), **kept, **more, **properties}


def by_hand(hub, method, path, body=None):
    """What a colleague does in the web page."""
    answer = httpx2.request(
        method,
        f"{hub.url}/v2/endpoint/lab-org/{path}",
        json=body,
        headers={"authorization": "Bearer colleague-write"},
    )
    assert answer.status_code == 200, answer.text


def eventually(condition):
    until = time.monotonic() + 25
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def running(hub, host, name, **given):
    """An endpoint of the stack that has come up: its inputs and its outputs."""
    inputs = asked(name, **given)
    outputs = host.create(inputs)
    eventually(lambda: hub.endpoint(name).state == "running")
    return inputs, outputs


# -- what is in the state


@pytest.mark.parametrize("provider", [EndpointProvider, OwnershipProvider, ReadyProvider])
def test_a_provider_is_a_name_in_the_state_and_nothing_else(provider, monkeypatch):
    before = serialize_provider(provider())
    monkeypatch.setenv("LLM_LAB_HUB_TOKEN", "hf_canary")
    monkeypatch.setenv("HF_ENDPOINTS_TOKEN", "hf_canary")
    assert len(before) < 200
    assert serialize_provider(provider()) == before
    assert provider.serialize_as_secret_always is False


def test_the_state_holds_no_token(hub, host):
    _, outputs = running(hub, host, "tokenless")
    text = repr(outputs)
    assert "lab-manage" not in text
    assert "lab-invoke" not in text


def test_secrets_come_back_as_secrets(hub, host):
    image = {"custom": {"url": "u", "port": 80, "healthRoute": "/h", "credentials": {"username": "me"}}}
    given = asked("sealed", secrets={"HF_TOKEN": Secret("hush")}, registryPassword=Secret("xyzzy"))
    given["body"]["model"]["image"] = image
    assert host.check(given).inputs["secrets"] == {"HF_TOKEN": Secret("hush")}
    outputs = host.create(given)
    assert outputs["secrets"] == {"HF_TOKEN": Secret("hush")}
    assert outputs["registryPassword"] == Secret("xyzzy")
    assert hub.endpoint("sealed").secret_digests.keys() == {"HF_TOKEN"}
    seen = host.read(given, outputs)
    assert seen.inputs["secrets"] == {"HF_TOKEN": Secret("hush")}
    assert seen.outputs == outputs
    assert "hush" not in host.all_said


def test_a_server_that_repeats_secrets_tells_neither_todays_nor_those_of_before(hub, host):
    _, outputs = running(hub, host, "telling", secrets={"A": Secret("hush-1")})
    hub.fault(operation="update", kind="status", status=400, message="lab-manage, hush-1 and hush-2 are refused")
    with pytest.raises(ProviderError) as raised:
        host.update(outputs, asked("telling", secrets={"A": Secret("hush-2")}))
    assert "[secret], [secret] and [secret] are refused" in str(raised.value)


# -- check


def test_values_that_are_not_known_survive_check_and_diff(host):
    given = asked(owner=UNKNOWN, secrets={"A": UNKNOWN}, registryPassword=UNKNOWN)
    checked = host.check(given, op=PREVIEW)
    assert (checked.inputs, checked.failures) == (set_only(given), [])
    whole = host.check(asked(body=None) | {"body": UNKNOWN}, op=PREVIEW)
    assert (whole.inputs["body"], whole.failures) == (UNKNOWN, [])
    olds = asked() | {"accepted": "2026-11-25T00:00:00Z"}
    for news in (given, asked() | {"body": UNKNOWN}, asked() | {"body": merged(BODY, {"model": {"env": UNKNOWN}})}):
        diff = host.diff(olds, news)
        assert (diff.changes, list(diff.replaces)) == (True, [])
    ready = readiness(olds)
    assert host.diff(ready, {**ready, "accepted": UNKNOWN}).changes is True


def test_whole_numbers_stay_whole(hub, host):
    _, outputs = running(hub, host, "whole", body={"compute": {"scaling": {"maxReplica": 3}}})
    sent = next(request for request in hub.requests if request.operation == "create" and request.endpoint == "whole")
    scaling = sent.body["compute"]["scaling"]
    assert [type(scaling[key]) for key in ("minReplica", "maxReplica", "scaleToZeroTimeout")] == [int, int, int]
    assert scaling["measure"] == {"pendingRequests": 1.5}
    assert outputs["body"]["compute"]["scaling"]["maxReplica"] == 3
    assert '"3.0"' not in repr(sent.body)


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"compute": {"instanceType": "nvidia-l5"}}, "body.compute", "nvidia-l5 x1 is not in the catalogue. Nearest: "),
        ({"compute": {"instanceType": "nvidia-h100"}}, "body.compute", "nvidia-h100 x1 is deprecated. Nearest: gcp"),
        ({"provider": {"region": "us-west-2"}}, "body.compute", "Nearest: aws us-east-1 nvidia-l4 x1"),
        (
            {"compute": {"scaling": {"maxReplica": 17}}},
            "body.compute.scaling.maxReplica",
            "17 replicas need 17 accelerators",
        ),
    ],
    ids=["unknown", "deprecated", "elsewhere", "quota"],
)
def test_hardware_that_cannot_be_had_is_refused_with_what_can(fresh, change, path, words):
    ((found, reason),) = fresh.check(asked(body=change)).failures
    assert found == path
    assert words in reason


def test_a_name_that_would_be_another_path_is_refused(host):
    ((path, reason),) = host.check(asked("../other-org/theirs")).failures
    assert path == "body.name"
    assert "1 to 32 lower case letters" in reason


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LLM_LAB_HUB": "http://127.0.0.1:1"}, "gave no answer"),
        ({"LLM_LAB_HUB_TOKEN": "nobodys"}, "does not know this token (LLM_LAB_HUB_TOKEN)"),
        ({"LLM_LAB_HUB_TOKEN": ""}, "LLM_LAB_HUB_TOKEN is not set"),
    ],
    ids=["unreachable", "401", "no token"],
)
def test_a_catalogue_that_cannot_be_read_is_told_and_refuses_nothing(hub, environment, words):
    with a_host({**hub.environment, **environment}) as host:
        given = asked(body={"compute": {"instanceType": "nvidia-l5"}})
        assert host.check(given, op=PREVIEW).failures == []
        assert host.tells("one: hardware, quota and price were not checked: ", words)
        assert "Traceback" not in host.all_said
        assert "nobodys" not in host.all_said


def test_an_endpoint_on_hardware_that_is_not_offered_any_more_can_still_be_scaled(hub, fresh):
    old = asked("veteran", body={"compute": {"instanceType": "nvidia-h100", "scaling": {"maxReplica": 1}}})
    new = asked("veteran", body={"compute": {"instanceType": "nvidia-h100", "scaling": {"maxReplica": 3}}})
    assert fresh.check(new, old).failures == []
    too_many = asked("veteran", body={"compute": {"instanceType": "nvidia-h100", "scaling": {"maxReplica": 9}}})
    assert [path for path, _ in fresh.check(too_many, old).failures] == ["body.compute.scaling.maxReplica"]


def test_a_quota_that_this_endpoint_uses_up_is_its_own(hub, fresh):
    """Whether the state knows it, or has lost it with a run that was killed after it was accepted."""
    large = {"compute": {"instanceType": "nvidia-a100", "scaling": {"maxReplica": 8}}}
    _, outputs = running(hub, fresh, "large", body=large)
    elsewhere = merged(large, {"provider": {"region": "eu-west-1"}})
    try:
        with a_host(hub.environment) as later:
            assert later.check(asked("large", body=large)).failures == []  # by a state that lost it
            assert later.check(asked("large", body=elsewhere), asked("large", body=large)).failures == []
            assert later.check(asked("large", body=elsewhere)).failures == []  # its successor, once it is deleted
            ((path, reason),) = later.check(asked("second", body=large)).failures
            assert path == "body.compute.scaling.maxReplica"
            assert "0 of the quota of 8 are left" in reason
            assert len(later.check(asked("large", body=large, owner=THEIRS)).failures) == 1
    finally:
        fresh.delete(outputs)


def test_accelerators_of_one_type_do_not_make_room_for_another(fresh):
    old = asked(body={"compute": {"scaling": {"maxReplica": 8}}})
    new = asked(body={"compute": {"instanceType": "nvidia-a100", "scaling": {"maxReplica": 9}}})
    assert [path for path, _ in fresh.check(new, old).failures] == ["body.compute.scaling.maxReplica"]


# -- diff

ACCEPTED = {"accepted": "2026-11-25T00:00:00Z", "revision": SHA, "price": None}
VLLM = BODY["model"]["image"]["vLLM"]


@pytest.mark.parametrize(
    ("change", "others"),
    [
        ({"compute": {"scaling": {"maxReplica": 4}}}, {}),
        ({"compute": {"scaling": {"scaleToZeroTimeout": None, "minReplica": 1}}}, {}),
        ({"compute": {"instanceType": "nvidia-a10g"}}, {}),
        ({"compute": {"instanceSize": "x4"}}, {}),
        ({"model": {"revision": "0" * 40}}, {}),
        ({"model": {"repository": "lab-org/tiny"}}, {}),
        ({"model": {"args": []}}, {}),
        ({"model": {"env": {"B": "2"}}}, {}),
        ({"model": {"image": {"vLLM": {"url": "vllm/vllm-openai:v0.24.0"}}}}, {}),
        ({"type": "public"}, {}),
        ({"tags": []}, {}),
        ({"cacheHttpResponses": True}, {}),
        ({}, {"state": "paused"}),
        ({}, {"secrets": {"A": Secret("1")}}),
        ({}, {"registryPassword": Secret("1")}),
        ({}, {"owner": THEIRS}),
    ],
    ids=str,
)
def test_what_is_changed_in_place(host, change, others):
    diff = host.diff(asked() | ACCEPTED, asked(body=change, **others))
    assert (diff.changes, list(diff.replaces), diff.delete_before_replace) == (True, [], False)


@pytest.mark.parametrize(
    ("given", "live"),
    [
        (lambda body: body["compute"]["scaling"], "measure"),
        (lambda body: body["model"], "args"),
        (lambda body: body["model"], "command"),
        (lambda body: body, "route"),
    ],
    ids=["measure", "args", "command", "route"],
)
def test_what_is_not_set_any_more_is_cleared(hub, host, given, live):
    """Nulls get lost between engine and provider; what was there must go all the same."""
    before = {"model": {"command": ["run"]}, "route": {"domain": "llm.example.com", "path": "/v1"}}
    inputs, outputs = running(hub, host, "cleared", body=before)
    empty = (None, [], {"hardwareUsage": None})
    assert given(hub.endpoint("cleared").config).get(live) not in empty
    news = copy.deepcopy(inputs)
    given(news["body"])[live] = None
    assert host.diff(outputs, news).changes is True
    mended = host.update(outputs, news)
    assert given(hub.endpoint("cleared").config).get(live) in empty
    eventually(lambda: hub.endpoint("cleared").state == "running")
    assert host.diff(host.read(news, mended).outputs, news).changes is False


def test_an_endpoint_that_shall_not_sleep_any_more_does_not(hub, host):
    _, outputs = running(hub, host, "sleepless")
    news = asked("sleepless", body={"compute": {"scaling": {"minReplica": 1, "scaleToZeroTimeout": None}}})
    mended = host.update(outputs, news)
    eventually(lambda: hub.endpoint("sleepless").state == "running")
    scaling = hub.endpoint("sleepless").config["compute"]["scaling"]
    assert (scaling["minReplica"], scaling["scaleToZeroTimeout"]) == (1, None)
    assert host.diff(host.read(news, mended).outputs, news).changes is False


@pytest.mark.parametrize(
    ("change", "others", "path", "why"),
    [
        ({"provider": {"region": "eu-west-1"}}, {}, "body.provider.region", "stays in its region"),
        ({"provider": {"vendor": "gcp"}}, {}, "body.provider.vendor", "stays in its cloud"),
        ({"compute": {"accelerator": "cpu"}}, {}, "body.compute.accelerator", "does not move"),
        ({"privateService": {"accountId": "1"}}, {}, "body.privateService", "private link"),
        ({"model": {"image": {"vLLM": VLLM, "tgi": VLLM}}}, {}, "body.model.image", "keeps its engine"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("body") else "",
)
def test_what_takes_another_endpoint_is_an_outage_when_the_name_is_kept(host, change, others, path, why):
    diff = host.diff(asked() | ACCEPTED, asked(body=change, **others))
    assert (diff.changes, list(diff.replaces), diff.delete_before_replace) == (True, [path], True)
    assert host.tells("one: is replaced", path, why, "nothing answers until the new one is ready", "url is another")


@pytest.mark.parametrize(
    ("news", "replaces"),
    [
        (asked("two"), ["body.name"]),
        (asked("two", body={"provider": {"region": "eu-west-1"}}), ["body.name", "body.provider.region"]),
        (asked(namespace="other-org"), ["namespace"]),
    ],
    ids=["name", "name and region", "namespace"],
)
def test_with_another_name_the_successor_comes_first_and_both_are_billed(host, news, replaces):
    diff = host.diff(asked() | ACCEPTED, news)
    assert (list(diff.replaces), diff.delete_before_replace) == (replaces, False)
    assert host.tells("is replaced", "both are billed, and count against the quota")


def test_what_is_the_same_is_no_change(host):
    again = copy.deepcopy(asked(secrets={"A": Secret("1")}))
    olds = again | ACCEPTED
    assert host.diff(olds, again).changes is False
    assert host.diff(olds, again | {"adopt": True}).changes is False
    assert host.said == []


def test_an_uncertain_endpoint_is_looked_for_again(host):
    assert host.diff(asked() | ACCEPTED | {"accepted": ""}, asked()).changes is True


def owning(**properties):
    given = {"project": "p", "stack": "dev", "api": "lab", "namespace": "lab-org"}
    return {"__provider": serialize_provider(OwnershipProvider()), **given, **properties}


def test_the_word_of_a_stack_stays_whatever_the_stack_is_called(host):
    outputs = host.create(owning())
    assert outputs["tag"].startswith("pulumi:p/dev/")
    assert host.create(owning())["tag"] != outputs["tag"]
    assert host.diff(outputs, owning(stack="renamed", project="q")).changes is False
    assert host.read(owning(), outputs).outputs["tag"] == outputs["tag"]
    moved = owning(namespace="lab-user")
    assert host.diff(outputs, moved).changes is True
    assert host.update(outputs, moved) == {**moved, "tag": outputs["tag"]}


def test_the_word_of_a_stack_is_not_forgotten_while_an_endpoint_carries_it(hub, host):
    """One that a run made which was killed before it knew: the CLI's destroy does not know of it."""
    word = host.create(owning())
    _, outputs = running(hub, host, "orphan", owner=word["tag"])
    running(hub, host, "neighbour")
    with pytest.raises(ProviderError, match="orphan: made by this stack, and not in its state") as raised:
        host.delete(word)
    assert "Run up, which takes it into the state, then destroy" in str(raised.value)
    assert "Traceback" not in str(raised.value)
    host.delete(outputs)
    host.delete(word)
    assert hub.endpoint("neighbour").state == "running"


def test_the_word_of_a_stack_can_be_forgotten_where_nobody_can_look(hub):
    with a_host({**hub.environment, "LLM_LAB_HUB_TOKEN": "nobodys"}) as host:
        host.delete(owning(tag=OURS))
        assert host.tells("whether endpoints of this stack are left over was not checked: HTTP 401")


# -- read


def test_a_branch_is_no_change_when_the_api_names_its_commit(hub, host):
    inputs, outputs = running(hub, host, "branch", body={"model": {"revision": "main"}})
    assert len(outputs["revision"]) == 40
    seen = host.read(inputs, outputs)
    assert seen.inputs["body"]["model"]["revision"] == "main"
    assert host.diff(seen.outputs, inputs).changes is False


def test_replicas_and_sleep_come_and_go(hub, host):
    inputs, outputs = running(hub, host, "elastic")
    with hub.lock:
        hub.endpoint("elastic").ready = hub.endpoint("elastic").target = 2
    scaled = host.read(inputs, outputs)
    assert scaled.outputs == outputs
    by_hand(hub, "POST", "elastic/scale-to-zero")
    asleep = host.read(inputs, outputs)
    assert hub.endpoint("elastic").state == "scaledToZero"
    for seen in (scaled, asleep):
        assert (seen.id, seen.inputs["state"]) == ("lab-org/elastic", "running")
        assert host.diff(seen.outputs, inputs).changes is False
        assert set_only(seen.inputs) == set_only(inputs)
    assert asleep.outputs == outputs


@pytest.mark.parametrize(
    ("act", "changed"),
    [
        (("POST", "drifting/pause"), ("state", "paused")),
        (("PUT", "drifting", {"type": "public"}), ("type", "public")),
        (("PUT", "drifting", {"compute": {"scaling": {"maxReplica": 5}}}), ("maxReplica", 5)),
        (("PUT", "drifting", {"model": {"args": ["--x"]}}), ("args", ["--x"])),
        (("PUT", "drifting", {"model": {"command": ["x"]}}), ("command", ["x"])),
        (("PUT", "drifting", {"tags": [OURS, "mine"]}), ("tags", ["mine"])),
    ],
    ids=["paused", "public", "more replicas", "arguments", "command", "tags"],
)
def test_what_somebody_changed_by_hand_is_seen_and_put_back(hub, host, act, changed):
    name = "drifting"
    inputs, outputs = running(hub, host, name)
    by_hand(hub, *act)
    seen = host.read(inputs, outputs)
    found = {
        "state": seen.outputs["state"],
        **seen.outputs["body"],
        **seen.outputs["body"]["model"],
        **seen.outputs["body"]["compute"]["scaling"],
    }
    assert found[changed[0]] == changed[1]
    diff = host.diff(seen.outputs, inputs)
    assert (diff.changes, list(diff.replaces)) == (True, [])
    mended = host.update(seen.outputs, inputs)
    eventually(lambda: hub.endpoint(name).state == "running")
    assert host.diff(host.read(inputs, mended).outputs, inputs).changes is False
    assert (set_only(mended["body"]), mended["state"]) == (set_only(inputs["body"]), "running")


def test_a_deleted_endpoint_and_somebody_elses_are_gone(hub, host):
    inputs, outputs = running(hub, host, "taken")
    for_ready = readiness(outputs)
    host.delete(outputs)
    assert hub.endpoint("taken") is None
    assert host.read(inputs, outputs).id == ""
    hub.add_endpoint("taken")
    assert host.read(inputs, outputs).id == ""
    assert host.read(for_ready, for_ready).id == ""
    host.delete(outputs)
    assert host.tells("taken: is not this stack's (any more), and is left alone.")
    assert hub.endpoint("taken").state == "running"


def test_looking_never_wakes_an_endpoint(hub, host):
    inputs, outputs = running(hub, host, "quiet")
    ready = readiness(outputs)
    awake = host.create(ready)
    by_hand(hub, "POST", "quiet/scale-to-zero")
    before = len(hub.requests)
    host.check(inputs)
    host.check(inputs, op=PREVIEW)
    host.read(inputs, outputs)
    host.read(ready, awake)
    host.diff(outputs, inputs)
    host.diff(awake, ready)
    assert {request.plane for request in hub.requests[before:]} == {"control"}
    assert {request.method for request in hub.requests[before:]} == {"GET"}
    assert hub.endpoint("quiet").state == "scaledToZero"


# -- readiness


def test_readiness_tells_where_to_ask(hub, host):
    _, outputs = running(hub, host, "told")
    ready = host.create(readiness(outputs))
    assert ready["status"] == "running"
    assert ready["url"].startswith(f"{hub.url}/e/")
    assert ready["openaiUrl"] == f"{ready['url']}/v1"
    assert ready["resolvedRevision"] == SHA
    assert host.diff(ready, readiness(outputs)).changes is False
    assert host.diff(ready, readiness(outputs, accepted="later")).changes is True
    assert host.diff(ready, readiness(outputs, readyMinutes=2)).changes is False


def test_readiness_of_a_start_that_failed_has_the_servers_words_and_the_log(hub, host):
    hub.fault(operation="start", kind="failed", endpoint="broken", message="CUDA out of memory")
    outputs = host.create(asked("broken"))
    with pytest.raises(ProviderError) as raised:
        host.create(readiness(outputs))
    assert "Endpoint broken is failed: CUDA out of memory" in str(raised.value)
    assert "  | " in str(raised.value)
    # Refreshed, it is not there: the next up waits anew, and has it started again.
    assert host.read(readiness(outputs), readiness(outputs)).id == ""
    ready = host.create(readiness(outputs))
    assert ready["status"] == "running"
    assert hub.endpoint("broken").state == "running"


def test_an_update_of_what_is_gone_says_what_to_do(hub, host):
    _, outputs = running(hub, host, "vanished")
    by_hand(hub, "DELETE", "vanished")
    eventually(lambda: hub.endpoint("vanished") is None)
    with pytest.raises(ProviderError, match="vanished is gone; somebody deleted it"):
        host.update(outputs, asked("vanished", body={"compute": {"scaling": {"maxReplica": 1}}}))
