"""Endpoints of the real program, from the first up to the last destroy: by the lab's engine, and by the Pulumi CLI."""

import shutil
import subprocess

import httpx2
import pytest

from lab.hub.server import HubServer
from tests.house.endpoint_stacks import INSTALLED, cli_stack, eventually, lab_stack, program_in

PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
SHA = "989aa7980e4cf806f80c7fef2b1adb7bc71aa306"


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
    stack.clean()
    assert planes(stack, before) <= {"control"}
    stack.up("--expect-no-changes")

    stack.write({"qwen": {"scaling": {"max": 2}}})
    assert stack.steps() == {"update qwen-endpoint": 1, "update qwen-ready": 1}
    stack.up()
    assert hub.endpoint("qwen").id == live.id
    assert hub.endpoint("qwen").config["compute"]["scaling"]["maxReplica"] == 2
    assert stack.outputs()["endpoints"]["qwen"]["price"]["usdPerHourMax"] == 1.6

    stack.write({"qwen": {"scaling": {"max": 2}, "state": "paused"}}).up()
    assert hub.endpoint("qwen").state == "paused"
    assert stack.outputs()["endpoints"]["qwen"]["status"] == "paused"
    stack.clean()
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


SCENARIOS = [lives]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_labs_engine(scenario, hub, tmp_path):
    scenario(lab_stack(tmp_path, hub))


@pytest.mark.prove
@pytest.mark.skipif(MISSING != [], reason=f"needs {', '.join(PROGRAMS)} on PATH")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_pulumi_cli(scenario, hub, tmp_path, venv):
    scenario(cli_stack(tmp_path, hub, venv))
