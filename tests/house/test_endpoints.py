"""Endpoints of the real program, from the first up to the last destroy: by the lab's engine, and by the Pulumi CLI."""

import json
import shutil
import subprocess
import time

import httpx2
import pytest

from lab.hub.server import HubServer
from lab.hub.world import INFER, Token
from lab.hub.world import MANAGE as MANAGES
from tests.house.endpoint_stacks import DROP, INSTALLED, Spy, cli_stack, eventually, lab_stack, program_in

PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
SHA = "989aa7980e4cf806f80c7fef2b1adb7bc71aa306"

# Words that nothing else contains.
SECRET = "s3cr3t-canary"
MANAGE = Token(
    id="LLM_LAB_HUB_TOKEN", value="m4nage-canary", account="lab-user", scopes={"lab-org": frozenset([MANAGES])}
)
INVOKE = Token(
    id="LLM_LAB_HUB_INVOKE_TOKEN", value="1nvoke-canary", account="lab-user", scopes={"lab-org": frozenset([INFER])}
)
CANARIES = (SECRET, MANAGE.value, INVOKE.value)


@pytest.fixture
def hub():
    with HubServer(latency=0.4) as hub:
        yield hub


@pytest.fixture(scope="session")
def venv(tmp_path_factory):
    """An environment for the CLI's copies of the program; this one's must not be changed by it."""
    root = tmp_path_factory.mktemp("venv") / "project"
    program_in(root, *INSTALLED)
    subprocess.run(["uv", "sync", "--frozen", "--quiet", "--compile-bytecode"], cwd=root, check=True)
    return root / ".venv"


def by_hand(hub, method, path, body=None):
    """What a colleague does in the web page."""
    headers = {"authorization": "Bearer colleague-write"}
    answer = httpx2.request(method, f"{hub.url}/v2/endpoint/lab-org/{path}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


def planes(stack, number):
    return {request.plane for request in stack.requests_since(number)}


def lives(stack):
    """Up, up again, changed in place, paused, resumed, paused by somebody else, asleep, destroyed."""
    hub = stack.hub
    stack.write({"qwen": {}}).up()
    live = hub.endpoint("qwen")
    assert live.state == "running"
    outputs = stack.outputs()
    shown = outputs["endpoints"]["qwen"]
    assert outputs["models"] == {"qwen": f"{hub.url}/e/{live.id}"}
    assert shown["url"] == f"{hub.url}/e/{live.id}"
    assert shown["openaiUrl"] == f"{shown['url']}/v1"
    assert (shown["revision"], shown["status"]) == (SHA, "running")
    price = shown["price"]
    assert (price["usdPerHourMin"], price["usdPerHourMax"]) == (0, 0.8)
    assert price["source"] == f"{hub.url}/v2/provider/lab-org"
    assert price["time"].startswith("20")

    before = len(hub.requests)
    stack.up("--expect-no-changes")
    assert planes(stack, before) <= {"control"}

    stack.write({"qwen": {"scaling": {"max": 2}}})
    assert stack.steps() == {"update qwen-endpoint": 1, "update qwen-ready": 1}
    stack.up()
    assert hub.endpoint("qwen").id == live.id
    assert hub.endpoint("qwen").config["compute"]["scaling"]["maxReplica"] == 2
    assert stack.outputs()["endpoints"]["qwen"]["price"]["usdPerHourMax"] == 1.6

    stack.write({"qwen": {"scaling": {"max": 2}, "state": "paused"}}).up()
    assert hub.endpoint("qwen").state == "paused"
    assert stack.outputs()["endpoints"]["qwen"]["status"] == "paused"
    stack.write({"qwen": {"scaling": {"max": 2}}}).up()
    assert hub.endpoint("qwen").state == "running"

    by_hand(hub, "POST", "qwen/pause")
    stack.refresh()
    assert stack.steps() == {"update qwen-endpoint": 1, "update qwen-ready": 1}
    stack.up()
    assert hub.endpoint("qwen").state == "running"

    by_hand(hub, "POST", "qwen/scale-to-zero")
    before = len(hub.requests)
    stack.refresh()
    stack.clean()
    assert planes(stack, before) == {"control"}
    assert {request.method for request in stack.requests_since(before)} == {"GET"}
    assert hub.endpoint("qwen").state == "scaledToZero"

    stack.destroy()
    assert hub.endpoint("qwen") is None
    # Deleted, and then seen to be gone.
    asked = [request for request in hub.requests if request.endpoint == "qwen"]
    assert (asked[-1].operation, asked[-1].status) == ("get", 404)
    assert stack.resources() == {}


def repriced(stack):
    """A price that changes after the preview counted with it is said by up; so is one of a stack that is up."""
    hub = stack.hub
    counted = {"namespace": "lab-org", "api": "lab", "hourlyUsd": {"nvidia-l4/x1": 0.8}}
    stack.write({"qwen": {}}, huggingface=counted)
    assert "catalogue" not in stack.run("preview")
    with hub.lock:
        hub.world.catalogue.change("aws-us-east-1-nvidia-l4-x1", price=0.9)
    told = stack.up()
    assert "qwen: at its most replicas it costs $0.90 an hour by the catalogue of 20" in told
    assert "$657.00 a month of 730 hours: dearer than the $0.80 an hour that the stack file counts with." in told
    assert "Set huggingface.hourlyUsd.nvidia-l4/x1 to 0.9;" in told
    assert "dearer" in stack.run("preview", "--expect-no-changes")

    counted["hourlyUsd"] = {"nvidia-l4/x1": 0.9}
    stack.write({"qwen": {}}, huggingface=counted)
    assert "catalogue" not in stack.run("preview", "--expect-no-changes")
    with hub.lock:
        hub.world.catalogue.change("aws-us-east-1-nvidia-l4-x1", price=0.7)
    stack.refresh()
    assert "cheaper than the $0.90" in stack.run("preview")
    stack.destroy()


def replaced(stack):
    """What only another endpoint can have is said before it happens: why, and what it costs."""
    hub = stack.hub
    stack.write({"qwen": {}}).up()
    first = hub.endpoint("qwen").id

    stack.write({"qwen": {"engine": {"name": "huggingface", "maxModelLen": DROP}}})
    assert "body.model.image: an endpoint keeps its engine" in stack.run("preview")

    elsewhere = {"instance": {"region": "eu-west-1"}}
    stack.write({"qwen": elsewhere})
    told = stack.run("preview")
    assert "qwen: is replaced (body.provider.region: an endpoint stays in its region)." in told
    assert "nothing answers until the new one is ready, and its url is another" in told
    assert stack.steps().keys() >= {"replace qwen-endpoint", "update qwen-ready"}
    before = len(hub.requests)
    stack.up()
    assert changes(stack, before) == [("delete", "qwen"), ("create", "qwen")]
    second = hub.endpoint("qwen")
    assert second.id != first
    assert second.config["provider"]["region"] == "eu-west-1"
    assert stack.outputs()["models"]["qwen"].endswith(second.id)

    stack.write({"qwen": {"endpointName": "qwen-us"}})
    told = stack.run("preview")
    assert "qwen -> qwen-us: is replaced (body.name: an endpoint cannot be renamed; body.provider.region:" in told
    assert "both are billed, and count against the quota, until the old one is deleted" in told
    before = len(hub.requests)
    stack.up()
    # Ready before the old one goes.
    assert changes(stack, before) == [("create", "qwen-us"), ("delete", "qwen")]
    asked = list(stack.requests_since(before))
    answered = next(n for n, request in enumerate(asked) if request.plane == "data" and request.status == 200)
    assert asked[answered].endpoint == "qwen-us"
    assert answered < next(n for n, request in enumerate(asked) if request.operation == "delete")
    stack.destroy()
    assert endpoints(hub) == []


def renamed_and_protected(stack):
    """A model's new name is no new endpoint; a protected one is neither deleted nor replaced."""
    hub = stack.hub
    stack.write({"qwen": {}}).up()
    first = hub.endpoint("qwen").id
    stack.write({"answers": {"formerly": ["qwen"]}})
    assert {step.partition(" ")[0] for step in stack.steps()} <= {"update"}
    before = len(hub.requests)
    stack.up()
    # The name by which callers ask for the model follows the model's: an argument of the engine.
    assert {operation for operation, _ in changes(stack, before)} <= {"update"}
    assert hub.endpoint("qwen").id == first
    assert "answers-endpoint" in stack.resources()
    before = len(hub.requests)

    stack.write({"answers": {"formerly": ["qwen"]}}, deletion={"protect": True}).up()
    assert "protect" in stack.destroy(succeeds=False)
    moved = {"formerly": ["qwen"], "instance": {"region": "eu-west-1"}}
    stack.write({"answers": moved}, deletion={"protect": True})
    assert "protect" in stack.up(succeeds=False)
    assert changes(stack, before) == []
    assert hub.endpoint("qwen").id == first


def secret(stack):
    """Missing ones are named; they reach the server, and nothing else: no state, output, URL or process shows them."""
    hub = stack.hub
    model = {"secrets": {"HF_TOKEN": "hub-read", "OTHER": "spare"}}
    stack.write({"qwen": model})
    told = stack.run("preview", succeeds=False)
    for name in ("hub-read", "spare"):
        assert f"llm-inference-secrets:{name} is missing; `pulumi config set --secret" in told
    for token in MANAGE, INVOKE:
        stack.environment |= {token.id: token.value}
        hub.world.add_token(token)
    stack.set_secret("hub-read", SECRET)
    stack.set_secret("spare", "sp4re-" + SECRET)
    assert SECRET not in stack.file.read_text()
    with Spy(CANARIES) as spy:
        debug = ["--debug"] if stack.is_cli else []
        stack.up("--diff", *debug, environment={"HF_DEBUG": "1"})
        live = hub.endpoint("qwen")
        assert live.secret_digests == {"HF_TOKEN": live.digest(SECRET), "OTHER": live.digest("sp4re-" + SECRET)}
        stack.run("preview", "--diff", *debug, "--expect-no-changes")
        stack.set_secret("hub-read", "another-" + SECRET)
        stack.run("preview", "--json")
        stack.up("--json", *([] if not stack.is_cli else ["--yes"]))
        assert hub.endpoint("qwen").secret_digests["HF_TOKEN"] == live.digest("another-" + SECRET)
        stack.refresh()
        # A server that repeats what it was told.
        words = f"token {MANAGE.value} and {INVOKE.value} with another-{SECRET}"
        hub.fault(operation="update", kind="status", status=400, message=words, times=2)
        stack.write({"qwen": {**model, "scaling": {"max": 3}}})
        assert "[secret]" in stack.up("--diff", succeeds=False, environment={"HF_DEBUG": "1"})
        stack.run("export" if not stack.is_cli else "stack export")
        stack.outputs()
        stack.destroy()
    assert spy.seen == []
    sealed = [text for text in stack.files() if '"ciphertext"' in text]
    assert sealed != []
    for canary in CANARIES:
        assert not [text for text in (*stack.files(), *stack.said) if canary in text], canary
        assert not [request for request in hub.requests if canary in f"{request.path}?{request.query}"]


def failed(stack):
    """A start that failed fails the up with the server's words; the next one tries again, and waits."""
    hub = stack.hub
    hub.fault(operation="start", kind="failed", message="CUDA out of memory", times=None)
    stack.write({"qwen": {}})
    for _ in range(2):
        told = stack.up(succeeds=False)
        assert "Endpoint qwen is failed: CUDA out of memory" in told
        assert "| " in told.partition("Its log ends:")[2]
        assert hub.endpoint("qwen").state == "failed"
        assert {"qwen-endpoint"} <= stack.resources().keys()
        assert "qwen-ready" not in stack.resources()
    with hub.lock:
        hub.world.faults.clear()
    stack.up()
    assert hub.endpoint("qwen").state == "running"
    assert stack.outputs()["endpoints"]["qwen"]["status"] == "running"
    assert hub.world.created == 1
    stack.clean()


def endpoints(hub):
    with hub.lock:
        return [one.name for one in hub.world.of("lab-org")]


def changes(stack, number):
    """What the API was asked to change since, without what it did not do."""
    return [
        (request.operation, request.endpoint)
        for request in stack.requests_since(number)
        if request.method != "GET" and request.status == 200
    ]


SCENARIOS = [lives, repriced, replaced, renamed_and_protected, secret, failed]


SLOW = (repriced, replaced, renamed_and_protected, secret)


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(one, marks=[pytest.mark.prove] if one in SLOW else [], id=one.__name__) for one in SCENARIOS],
)
def test_the_labs_engine(scenario, hub, tmp_path):
    scenario(lab_stack(tmp_path, hub))


@pytest.mark.prove
@pytest.mark.skipif(MISSING != [], reason=f"needs {', '.join(PROGRAMS)} on PATH")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_pulumi_cli(scenario, hub, tmp_path, venv):
    scenario(cli_stack(tmp_path, hub, venv))


MOMENTS = {
    "asked, and not yet accepted": (
        lambda stack: stack.hub.fault(operation="create", kind="slow", seconds=2),
        lambda stack: any(request.operation == "create" for request in stack.hub.requests),
    ),
    "accepted, the answer on its way": (
        lambda stack: stack.hub.fault(operation="create", kind="slow", moment="after", seconds=2),
        lambda stack: stack.hub.endpoint("qwen") is not None,
    ),
    "in the state": (
        lambda _stack: None,
        lambda stack: "qwen-endpoint" in stack.resources(),
    ),
    "waited for": (
        lambda _stack: None,
        lambda stack: any(
            item["resource"]["urn"].endswith("qwen-ready") for item in stack.latest().get("pending_operations", [])
        ),
    ),
    "ready, and not yet seen to be": (
        lambda _stack: None,
        lambda stack: any(request.operation == "health" for request in stack.hub.requests),
    ),
}
UNNOTED = ("asked, and not yet accepted", "accepted, the answer on its way")
QUICK = (("accepted, the answer on its way", "destroy"), ("waited for", "up"))


def killed(stack, moment, then):
    """Killed without warning between the request and the end of the wait; nothing is left that nobody knows."""
    hub = stack.hub
    prepare, condition = MOMENTS[moment]
    prepare(stack)
    stack.write({"qwen": {}})
    stack.killed_when(lambda: condition(stack))
    if stack.is_cli:
        stack.run("cancel", "--yes", succeeds=None)  # it holds a lock that its owner did not let go
    # What is on its way arrives, whoever waits for the answer.
    eventually(lambda: all(request.status for request in hub.requests if request.operation == "create"))
    if then == "up":
        stack.up()
        assert hub.endpoint("qwen").state == "running"
        assert (endpoints(hub), hub.world.created) == (["qwen"], 1)
        assert stack.outputs()["endpoints"]["qwen"]["status"] == "running"
        stack.clean()
    elif stack.is_cli and moment in UNNOTED:
        # The CLI forgets a create that it did not see the end of; the stack's word does not go without its endpoints.
        assert "qwen: made by this stack, and not in its state" in stack.destroy(succeeds=False)
        stack.up()
        assert hub.world.created == 1
    stack.destroy()
    eventually(lambda: endpoints(hub) == [])
    assert stack.resources() == {}


def every_moment():
    return [
        pytest.param(moment, then, marks=() if (moment, then) in QUICK else pytest.mark.prove)
        for moment in MOMENTS
        for then in ("up", "destroy")
    ]


@pytest.mark.parametrize(("moment", "then"), every_moment())
def test_after_a_kill_the_labs_engine_knows(moment, then, tmp_path):
    with HubServer(latency=4.0) as hub:
        killed(lab_stack(tmp_path, hub), moment, then)


@pytest.mark.prove
@pytest.mark.skipif(MISSING != [], reason=f"needs {', '.join(PROGRAMS)} on PATH")
@pytest.mark.parametrize("then", ["up", "destroy"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_the_pulumi_cli_knows(moment, then, tmp_path, venv):
    with HubServer(latency=4.0) as hub:
        killed(cli_stack(tmp_path, hub, venv), moment, then)


def timed_up(stack, count):
    stack.write({f"m{number}": {} for number in range(count)})
    began = time.monotonic()
    stack.up()
    return time.monotonic() - began


def seconds_for(count, stack_of):
    """How long an up of so many endpoints takes when each answers 5 s after it was asked for."""
    with HubServer(latency=5.0) as hub:
        stack = stack_of(hub).write({f"m{number}": {} for number in range(count)})
        began = time.monotonic()
        stack.up()
        seconds = time.monotonic() - began
        assert [hub.endpoint(f"m{number}").state for number in range(count)] == ["running"] * count
    print(f"{count} at once, by {' '.join(stack.command[-2:])}: {seconds:.1f} s")  # noqa: T201  the figure is the point
    return seconds


def test_eight_endpoints_do_not_wait_for_one_another(tmp_path):
    assert seconds_for(8, lambda hub: lab_stack(tmp_path, hub)) < 8 * 5


@pytest.mark.prove
def test_eight_endpoints_take_little_longer_than_one(tmp_path):
    one = seconds_for(1, lambda hub: lab_stack(tmp_path / "one", hub))
    assert seconds_for(8, lambda hub: lab_stack(tmp_path / "eight", hub)) < 2 * one + 5


@pytest.mark.prove
@pytest.mark.skipif(MISSING != [], reason=f"needs {', '.join(PROGRAMS)} on PATH")
def test_eight_endpoints_take_little_longer_than_one_by_the_pulumi_cli(tmp_path, venv):
    one = seconds_for(1, lambda hub: cli_stack(tmp_path / "one", hub, venv))
    assert seconds_for(8, lambda hub: cli_stack(tmp_path / "eight", hub, venv)) < 2 * one + 5


def stuck(stack):
    """Four endpoints that wait for ever take all threads of a provider host; a fifth is accepted all the same."""
    hub = stack.hub
    for number in range(4):
        hub.fault(operation="start", kind="capacity", endpoint=f"m{number}", times=None)
    stack.write({f"m{number}": {} for number in range(4)})
    waits = lambda: len(pending(stack, "-ready")) == 4  # noqa: E731
    stack.killed_when(waits)
    if stack.is_cli:
        stack.run("cancel", "--yes", succeeds=None)
    stack.write({f"m{number}": {} for number in range(5)})
    stack.killed_when(lambda: "m4-endpoint" in stack.resources() and waits_for_more(stack))
    assert hub.endpoint("m4") is not None


def pending(stack, suffix):
    operations = stack.latest().get("pending_operations", [])
    return [item["resource"]["urn"] for item in operations if item["resource"]["urn"].endswith(suffix)]


def waits_for_more(stack):
    return len(pending(stack, "-ready")) >= 4


def test_endpoints_that_never_become_ready_keep_no_other_from_being_accepted(hub, tmp_path):
    stuck(lab_stack(tmp_path, hub))


@pytest.mark.prove
@pytest.mark.skipif(MISSING != [], reason=f"needs {', '.join(PROGRAMS)} on PATH")
def test_endpoints_that_never_become_ready_keep_no_other_from_being_accepted_by_the_pulumi_cli(hub, tmp_path, venv):
    stuck(cli_stack(tmp_path, hub, venv))


@pytest.mark.prove
@pytest.mark.skipif(MISSING != [], reason=f"needs {', '.join(PROGRAMS)} on PATH")
def test_both_engines_leave_the_same_state_and_take_over_each_others(tmp_path, venv):
    model = {"qwen": {"secrets": {"HF_TOKEN": "hub-read"}}}
    seen = []
    with HubServer(latency=0.4) as hub:
        cli = cli_stack(tmp_path, hub, venv)
        cli.write(model).set_secret("hub-read", SECRET)
        lab = lab_stack(tmp_path, hub, state=cli.state)
        shutil.copy(cli.file, lab.file)
        for first, second in ((cli, lab), (lab, cli)):
            first.up()
            seen.append(normalised(first))
            second.clean()
            second.refresh()
            first.clean()
            second.destroy()
            assert endpoints(hub) == []
    assert seen[0] == seen[1]


def normalised(stack):
    """The state without what differs from run to run: times, ids of endpoints and providers, ciphertexts."""
    dropped = ("created", "modified", "sourcePosition", "stackTrace", "hideDiff", "accepted", "time", "tag", "owner")
    dropped = (*dropped, "url", "openaiUrl", "ciphertext", "models")

    def without(value):
        if isinstance(value, dict):
            return {key: without(item) for key, item in value.items() if key not in dropped}
        return sorted(map(without, value), key=str) if isinstance(value, list) else value

    text = json.dumps({name: without(item) for name, item in stack.resources().items()}, sort_keys=True)
    for item in stack.resources().values():
        if item["type"].startswith(("pulumi:providers:", "pulumi-python:dynamic/hf:Ownership")):
            text = text.replace(item["id"], f"(id of {item['type']})")
    return json.loads(text)
