"""Policy packs in Pulumi's real host: the project's own, and one that uses what a pack may use."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import policy
from components.pod.security import CONTAINER, pod_user
from lab.engine.context import Context, DeploymentError, Options
from lab.engine.events import PolicyPack, Violation
from lab.engine.hosts.judge import PolicyJudge
from lab.engine.hosts.policy import Place, PolicyHost
from lab.engine.journal import Journal
from lab.engine.monitor import StackConfig
from lab.engine.registry import Registry
from lab.engine.resources import ResourceState, Snapshot
from lab.engine.values import UNKNOWN, Secret
from lab.errors import LabError

PACKS = Path(__file__).parent / "packs"
SIZES = PACKS / "sizes"
OWN = Path(policy.__file__).parent
STACK = "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev"
PINNED = f"docker.io/vllm/vllm-openai:v0.31.0@sha256:{64 * 'a'}"


@dataclass
class Packs:
    """Packs in hosts that stay for all tests."""

    runner: asyncio.Runner
    hosts: dict[tuple[Path, bool], PolicyHost] = field(default_factory=dict)

    def use(self, pack: Path, work: Callable[[PolicyHost], Awaitable[Any]], *, preview: bool = False) -> Any:
        """Do something with a pack."""

        async def run() -> Any:
            if (pack, preview) not in self.hosts:
                self.hosts[pack, preview] = await start(pack, preview=preview)
            return await work(self.hosts[pack, preview])

        return self.runner.run(run())

    def judge(self, pack: Path, state: ResourceState, *, preview: bool = False) -> tuple[bool, list[Violation]]:
        """Whether the deployment must stop, and why."""
        return self.use(pack, lambda host: judged(host, state), preview=preview)


@pytest.fixture(scope="module")
def packs() -> Iterator[Packs]:
    with asyncio.Runner() as runner:
        packs = Packs(runner)
        yield packs
        for host in packs.hosts.values():
            runner.run(host.close())


def context_telling(told: list[Any], *, preview: bool = False) -> Context:
    before = Snapshot()
    return Context(
        stack="dev",
        project="test",
        root=PACKS,
        options=Options(preview=preview),
        before=before,
        journal=Journal(before, None),
        registry=Registry({}),
        emit=told.append,
        judge=PolicyJudge(print, []),
    )


async def start(pack: Path, *, preview: bool = False, config: Path | None = None) -> PolicyHost:
    place = Place("127.0.0.1:9", "test", "dev", preview, StackConfig({"test:word": "hush"}, ["test:word"]))
    return await PolicyHost.start(pack, place, config_file=config, say=print)


async def judged(host: PolicyHost, state: ResourceState) -> tuple[bool, list[Any]]:
    told: list[Any] = []
    return await PolicyJudge(context_telling(told).emit, [host]).resource(state, None), told


def configured(config: Any, folder: Path, state: ResourceState) -> tuple[bool, list[Any]]:
    """The judgement of a pack with a configuration file."""
    file = folder / "config.json"
    file.write_text(json.dumps(config))

    async def run() -> tuple[bool, list[Any]]:
        host = await start(SIZES, config=file)
        try:
            return await judged(host, state)
        finally:
            await host.close()

    return asyncio.run(run())


def thing(type_: str, name: str = "one", **fields: Any) -> ResourceState:
    return ResourceState(f"urn:pulumi:dev::test::test:index:{type_}::{name}", f"test:index:{type_}", True, **fields)


def pod(**container: Any) -> ResourceState:
    spec = {
        "securityContext": pod_user(1000),
        "containers": [{"name": "engine", "securityContext": CONTAINER, **container}],
    }
    urn = "urn:pulumi:dev::test::kubernetes:core/v1:Pod::engine"
    inputs = {"apiVersion": "v1", "kind": "Pod", "spec": spec}
    return ResourceState(urn, "kubernetes:core/v1:Pod", True, inputs=inputs)


def test_packs_say_who_they_are():
    told: list[Any] = []

    async def judge() -> None:
        config = StackConfig({}, [])
        judge = await PolicyJudge.start(context_telling(told), {OWN: None, SIZES: None}, "127.0.0.1:9", config)
        await judge.close()

    asyncio.run(judge())
    # The version in the pack's file goes before the one that the pack tells.
    assert told == [PolicyPack("llm-inference", "0.1.0", str(OWN)), PolicyPack("sizes", "2.5.0", str(SIZES))]


@pytest.mark.parametrize(
    ("container", "stopped", "violations"),
    [
        ({"image": PINNED}, False, []),
        ({"image": "vllm:latest"}, False, [("image-by-digest", "advisory")]),
        (
            {"image": PINNED, "securityContext": {**CONTAINER, "privileged": True}},
            True,
            [("no-privileged-container", "mandatory"), ("pod-security-restricted", "mandatory")],
        ),
    ],
)
def test_mandatory_violations_stop_the_deployment_and_advisory_ones_do_not(packs, container, stopped, violations):
    state = pod(**container)
    found, told = packs.judge(OWN, state)
    assert found is stopped
    assert [(each.policy, each.level) for each in told] == violations
    assert {(each.urn, each.pack) for each in told} <= {(state.urn, "llm-inference")}


def test_what_a_policy_cannot_know_in_a_preview_is_told_and_does_not_stop_it(packs):
    stopped, (told,) = packs.judge(SIZES, thing("Thing", inputs={"size": UNKNOWN}), preview=True)
    assert (stopped, told.level, told.policy) == (False, "advisory", "largest")
    assert "can't run policy 'largest' from policy pack 'sizes@v0.0.1' during preview" in told.text


def test_what_the_projects_own_pack_cannot_know_it_judges_later(packs):
    assert packs.judge(OWN, pod(image=PINNED, securityContext=UNKNOWN), preview=True) == (False, [])


def test_an_image_that_up_builds_is_no_matter_of_the_preview(packs):
    assert packs.judge(OWN, pod(image=UNKNOWN), preview=True) == (False, [])


def test_secrets_reach_a_policy_bare(packs):
    stopped, (told,) = packs.judge(OWN, pod(image=Secret("vllm:latest")))
    assert (stopped, told.policy) == (False, "image-by-digest")
    assert "vllm:latest" in told.text


def test_a_policy_sees_the_resource_its_options_its_provider_and_the_stack(packs):
    state = thing(
        "Seen",
        inputs={"size": 3, "__internal": {}},
        protect=True,
        ignore_changes=["size"],
        custom_timeouts={"create": 90},
    )
    provider = ResourceState("urn:pulumi:dev::test::pulumi:providers:k::lab", "p", True, inputs={"context": "lab"})
    (told,) = packs.use(SIZES, lambda host: host.analyze(state, provider))
    seen = ["one", 3.0, ["size"], [True, ["size"], 90.0], ["lab", "lab"], ["test", "dev", "hush"]]
    assert told == Violation(state.urn, "sizes", "seen", "advisory", f"Says what it sees.\n{seen!r}")


@pytest.mark.parametrize(
    ("config", "stopped", "levels"),
    [
        ({"largest": {"largest": 20}}, False, []),
        ({"largest": {"largest": 19, "enforcementLevel": "advisory"}}, False, ["advisory"]),
        ({"all": "disabled", "seen": "mandatory"}, False, []),
        ({"all": "disabled", "largest": "remediate"}, True, ["mandatory"]),
    ],
)
def test_a_file_configures_levels_and_settings_of_policies(tmp_path, config, stopped, levels):
    found, told = configured(config, tmp_path, thing("Thing", inputs={"size": 20}))
    assert (found, [each.level for each in told]) == (stopped, levels)


def test_all_mistakes_of_a_configuration_are_told_at_once(tmp_path):
    with pytest.raises(LabError) as raised:
        configured({"largest": {"largest": 0}, "largets": {"largest": 5}}, tmp_path, thing("Thing"))
    assert str(raised.value) == (
        "The configuration of the policy pack sizes is wrong:\n"
        "  largest: largest: 0 is less than the minimum of 1\n"
        "  largets: no policy has this name"
    )


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"largest": "loud"}, "largest: 'loud' is no level. Use one of advisory, mandatory, disabled, remediate."),
        ({"largest": {"enforcementLevel": ""}}, "largest: '' is no level."),
        ({"largest": 5}, "largest: a level (advisory, mandatory, disabled, remediate) or an object is wanted, not 5."),
        ({"environments": ["prod"]}, "environments: the lab's engine has none."),
        ([], "an object is wanted"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, config, complaint):
    with pytest.raises(LabError) as raised:
        configured(config, tmp_path, thing("Thing"))
    assert complaint in str(raised.value)


def test_a_remediating_policy_changes_the_inputs_and_keeps_secrets_secret(packs):
    state = thing("Long", inputs={"text": "abcdef", "password": Secret("xyzzy"), "__internal": {}})
    stopped, told = packs.judge(SIZES, state)
    assert (stopped, told) == (False, [])
    assert state.inputs == {"text": "abc", "password": Secret("xyzzy"), "__internal": {}}


def test_a_remediation_that_cannot_know_yet_is_told_in_a_preview(packs):
    state = thing("Long", inputs={"text": UNKNOWN})
    stopped, (told,) = packs.judge(SIZES, state, preview=True)
    assert (stopped, told.policy, told.level) == (False, "trimmed", "advisory")
    assert "can't run remediation 'trimmed' from policy pack 'sizes@v0.0.1'" in told.text
    assert state.inputs == {"text": UNKNOWN}


def test_policies_about_the_stack_see_all_outputs_and_how_resources_belong_together(packs):
    heads = [thing("Head", name, outputs={"id": name}) for name in ("a", "b")]
    child = thing("Child", parent=heads[0].urn, dependencies=[heads[1].urn])
    told: list[Any] = []
    assert packs.use(SIZES, lambda host: PolicyJudge(context_telling(told).emit, [host]).stack([*heads, child]))
    assert [(each.urn, each.level, each.text) for each in told] == [
        (STACK, "mandatory", "There is one head.\n2 heads with 1 children"),
        (heads[1].urn, "mandatory", "There is one head.\none head too many"),
    ]


def test_a_policy_that_fails_fails_the_deployment_with_its_words(packs):
    state = thing("Strange", inputs={"size": "no key"})
    with pytest.raises(DeploymentError) as raised:
        packs.judge(SIZES, state)
    assert str(raised.value) == f"The policy pack sizes failed on {state.urn}: 'no key'"


@pytest.mark.parametrize(
    ("pack", "complaint"),
    [
        ("broken", "this pack wants a newer Python"),
        ("foreign", "the lab's engine runs packs in Python, not nodejs"),
        ("missing", "missing/PulumiPolicy.yaml"),
    ],
)
def test_a_pack_that_cannot_run_says_why(pack, complaint):
    with pytest.raises(LabError) as raised:
        asyncio.run(start(PACKS / pack))
    assert complaint in str(raised.value)
