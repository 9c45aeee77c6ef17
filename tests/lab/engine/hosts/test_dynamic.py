"""Dynamic providers in Pulumi's real host."""

import asyncio
import importlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from pulumi.dynamic.dynamic import serialize_provider

from lab.engine.events import Severity
from lab.engine.hosts.dynamic import DynamicProvider
from lab.engine.hosts.processes import HostProcesses
from lab.engine.provider import Operation, OutcomeUnknownError, ProviderError
from lab.engine.values import UNKNOWN, Secret

PROGRAM = Path(__file__).parent / "program"
URN = "urn:pulumi:dev::project::pulumi-python:dynamic/test:Thing::one"
APPLY = Operation(URN)
PREVIEW = Operation(URN, preview=True)


@dataclass
class Things:
    """A folder of things, and the provider that makes them, in a host that stays for all tests."""

    folder: Path
    pickled: str
    runner: asyncio.Runner
    provider: DynamicProvider
    told: list[tuple[Severity, str, str]]

    def use(self, work: Callable[[DynamicProvider], Awaitable[Any]]) -> Any:
        return self.runner.run(work(self.provider))

    def inputs(self, **properties: Any) -> dict[str, Any]:
        return {"__provider": self.pickled, "folder": str(self.folder), "name": "one", "size": 1, **properties}

    def live(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())


def provider_telling(told: list[Any]) -> DynamicProvider:
    config = {"project:owner": "team-search", "hub:token": Secret("hush")}
    hosts = HostProcesses(PROGRAM, "project", lambda line: told.append((Severity.INFO, line, "")))
    return DynamicProvider(hosts, config, lambda *said: told.append(said))


@pytest.fixture(scope="module")
def hosted() -> Iterator[tuple[asyncio.Runner, DynamicProvider, list[Any]]]:
    told: list[Any] = []
    with asyncio.Runner() as runner:
        provider = provider_telling(told)
        yield runner, provider, told
        runner.run(provider.close())


@pytest.fixture
def things(hosted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Things:
    monkeypatch.syspath_prepend(str(PROGRAM))
    pickled = serialize_provider(importlib.import_module("things").Things())
    runner, provider, told = hosted
    told.clear()
    return Things(tmp_path, pickled, runner, provider, told)


def test_a_resource_lives_from_create_to_delete(things):
    async def life(provider):
        inputs = (await provider.check(APPLY, {}, things.inputs())).inputs
        created = await provider.create(APPLY, inputs)
        assert (created.id, things.live("one")["size"]) == ("one", 1)
        larger = {**inputs, "size": 2}
        outputs = await provider.update(APPLY, "one", inputs, created.outputs, larger)
        assert (outputs["size"], things.live("one")["size"]) == (2, 2)
        (things.folder / "one").write_text(json.dumps({"size": 3}))
        read = await provider.read(APPLY, "one", larger, outputs)
        assert (read.id, read.inputs["size"], read.outputs["size"]) == ("one", 3, 3)
        await provider.delete(APPLY, "one", larger, outputs)
        assert not list(things.folder.iterdir())
        assert (await provider.read(APPLY, "one", larger, outputs)).id == ""

    things.use(life)


def test_providers_are_configured_with_the_stacks_configuration_and_its_secrets(things):
    outputs = things.use(lambda provider: provider.create(APPLY, things.inputs())).outputs
    assert (outputs["owner"], outputs["token"]) == ("team-search", "hush")


@pytest.mark.parametrize(
    ("news", "changes", "replaces"),
    [
        ({}, False, []),
        ({"size": 2}, True, []),
        ({"name": "two"}, True, ["name"]),
        ({"size": 2, "undecided": True}, None, []),
    ],
)
def test_what_the_provider_says_of_a_change_is_told_as_it_says_it(things, news, changes, replaces):
    outputs = things.inputs()
    diff = things.use(lambda provider: provider.diff(APPLY, "one", outputs, outputs, things.inputs(**news)))
    assert (diff.changes, list(diff.replaces)) == (changes, replaces)
    assert diff.delete_before_replace is (changes is not None)


def test_bad_inputs_are_told_by_property(things):
    checked = things.use(lambda provider: provider.check(APPLY, {}, things.inputs(size=-1)))
    assert checked.failures == [("size", "must not be negative")]


def test_values_that_are_not_known_reach_the_check_of_a_preview_as_such(things):
    inputs = things.use(lambda provider: provider.check(PREVIEW, {}, things.inputs(size=UNKNOWN))).inputs
    assert (inputs["size"], inputs["checked"]) == (UNKNOWN, "Unknown")


def test_a_preview_shows_inputs_and_makes_nothing(things):
    inputs = things.inputs(size=UNKNOWN)
    created = things.use(lambda provider: provider.create(PREVIEW, inputs))
    updated = things.use(lambda provider: provider.update(PREVIEW, "one", things.inputs(), things.inputs(), inputs))
    assert (created.id, created.outputs, updated) == ("", inputs, inputs)
    assert not list(things.folder.iterdir())


def test_secret_inputs_reach_the_provider_bare_and_come_back_secret(things):
    async def make(provider):
        given = things.inputs(__provider=Secret(things.pickled), password=Secret("xyzzy"))
        checked = await provider.check(APPLY, {}, given)
        return checked.inputs, (await provider.create(APPLY, checked.inputs)).outputs

    inputs, outputs = things.use(make)
    assert things.live("one")["password"] == "xyzzy"
    for properties in (inputs, outputs):
        assert properties["password"] == Secret("xyzzy")
        assert properties["__provider"] == Secret(things.pickled)
        assert properties["size"] == 1


def test_a_part_of_an_input_that_is_secret_makes_that_part_secret(things):
    inputs = things.inputs(login={"user": "me", "password": Secret("xyzzy")}, tags=[Secret("a"), "b"])
    outputs = things.use(lambda provider: provider.create(APPLY, inputs)).outputs
    assert outputs["login"] == {"user": "me", "password": Secret("xyzzy")}
    assert outputs["tags"] == Secret(["a", "b"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("refused", "one: the quota of 3 things is used up:\n  ask for more"),
        ("defective", "one: KeyError: 'size'"),
    ],
)
def test_what_a_provider_raises_is_told_without_a_traceback(things, name, text):
    with pytest.raises(ProviderError) as raised:
        things.use(lambda provider: provider.create(APPLY, things.inputs(name=name)))
    assert (str(raised.value), type(raised.value)) == (text, ProviderError)
    traceback = [said for severity, said, urn in things.told if severity is Severity.DEBUG and urn == URN]
    assert "things.py" in traceback[0]


def test_a_host_that_dies_while_it_creates_leaves_the_outcome_unknown(things):
    async def make() -> None:
        provider = provider_telling([])
        try:
            await provider.create(APPLY, things.inputs(name="deadly"))
        finally:
            await provider.close()

    with pytest.raises(OutcomeUnknownError, match="one: the host of dynamic providers ended during create"):
        asyncio.run(make())


def test_a_create_without_an_id_leaves_the_outcome_unknown(things):
    with pytest.raises(OutcomeUnknownError, match="one: the dynamic provider created something and gave it no id"):
        things.use(lambda provider: provider.create(APPLY, things.inputs(name="")))


def test_a_host_that_does_not_start_says_why(things):
    (things.folder / "pulumi.py").write_text("raise ImportError('this environment is half installed')")
    provider = DynamicProvider(HostProcesses(things.folder, "project", print), {}, lambda *_said: None)

    async def ask() -> None:
        try:
            await provider.delete(APPLY, "one", things.inputs(), things.inputs())
        finally:
            await provider.close()

    with pytest.raises(ProviderError, match="this environment is half installed"):
        asyncio.run(ask())


def test_a_dynamic_resource_cannot_be_imported(things):
    with pytest.raises(ProviderError, match="one: a dynamic resource cannot be imported"):
        things.use(lambda provider: provider.read(APPLY, "one", {}, {}))


def test_what_a_provider_prints_is_shown(things):
    things.use(lambda provider: provider.create(APPLY, things.inputs(name="talkative")))
    assert (Severity.INFO, "a thing is on its way", "") in things.told


def test_operations_run_at_the_same_time_in_one_host_that_ends_with_the_provider(things):
    before = psutil.Process().children()

    async def make() -> list[psutil.Process]:
        provider = provider_telling([])
        await asyncio.gather(*(provider.create(APPLY, things.inputs(name=f"thing-{n}")) for n in range(8)))
        hosts = [child for child in psutil.Process().children() if child not in before]
        await provider.close()
        return hosts

    (host,) = asyncio.run(make())
    assert len(list(things.folder.iterdir())) == 8
    assert not host.is_running()


ENGINE = """
import asyncio, json, sys
from pathlib import Path
import psutil
from lab.engine.hosts.dynamic import DynamicProvider
from lab.engine.hosts.processes import HostProcesses
from lab.engine.provider import Operation

async def main(root, inputs):
    provider = DynamicProvider(HostProcesses(Path(root), "project", print), {}, print)
    await provider.create(Operation("urn:pulumi:dev::project::test::one"), json.loads(inputs))
    print(psutil.Process().children()[0].pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


def test_an_engine_that_is_killed_leaves_no_host(things):
    command = [sys.executable, "-c", ENGINE, str(PROGRAM), json.dumps(things.inputs())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as engine:
        host = psutil.Process(int(engine.stdout.readline()))
        engine.kill()
    assert not psutil.wait_procs([host], timeout=50)[1]


def test_what_a_create_made_whose_end_nobody_saw_is_found_by_its_inputs(things):
    inputs = things.inputs(name="lost", password=Secret("hush"))
    assert things.use(lambda provider: provider.recover(APPLY, inputs, "")) is None
    things.use(lambda provider: provider.create(APPLY, inputs))
    found = things.use(lambda provider: provider.recover(APPLY, inputs, ""))
    assert found.id == "lost"
    assert found.outputs["password"] == Secret("hush")


def test_hosts_started_ahead_are_used_and_those_that_nobody_takes_end():
    async def work():
        hosts = HostProcesses(PROGRAM, "project", print)
        hosts.warm(2)
        host = await hosts.host({})
        running = len(psutil.Process().children())
        await hosts.close()
        await host.close()
        return running

    before = len(psutil.Process().children())
    assert asyncio.run(work()) == before + 2
    assert len(psutil.Process().children()) == before
