"""`llm policy`, and what policy/stacks.yaml says of a stack: allowed, excused, over."""

from datetime import date, timedelta

import pytest
import yaml
from click.testing import CliRunner
from pulumi.runtime.proto import analyzer_pb2

from blueprint.locks import read_models_lock
from ops.cli import main
from policy.rules import ALL, STACK_RULES
from tests.policy.test_pack import DEPLOYMENT, ask, judge, started
from tests.support import copy_project

PAST, FUTURE = (date.today() + timedelta(days=days) for days in (-1, 1))  # noqa: DTZ011  dates of a file have no zone
REASON = "the new version is being tested"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    copy_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def allow(checkout, **stack):
    (checkout / "policy/stacks.yaml").write_text(yaml.safe_dump({"dev": stack}))


def policy(*words):
    return CliRunner().invoke(main, ["policy", *words])


def excuse(**fields):
    return {
        "rule": "image-from-allowed-registry",
        "resource": "qwen-1-5b-deployment",
        "reason": REASON,
        "until": FUTURE,
        **fields,
    }


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_both_stacks_pass(checkout, stack):
    result = policy("--stack", stack)
    assert result.exit_code == 0, result.output
    assert f"{len(ALL)} rules, " in result.output
    assert "0 refused" in result.output


def test_what_is_refused_is_said_and_fails(checkout):
    allow(checkout, registries=["ghcr.io/team/"])
    result = policy("--stack", "dev")
    assert result.exit_code == 1
    assert "refused   qwen-1-5b-deployment: image-from-allowed-registry: container" in result.output
    assert "add its registry to policy/stacks.yaml" in result.output


def test_an_exception_holds_until_its_day_and_is_told(checkout):
    allow(checkout, registries=["ghcr.io/team/"], exceptions=[excuse(), excuse(resource="qwen-1-5b-download")])
    result = policy("--stack", "dev")
    assert result.exit_code == 0, result.output
    assert f"Excused until {FUTURE}: {REASON}" in result.output
    allow(checkout, registries=["ghcr.io/team/"], exceptions=[excuse(until=PAST)])
    result = policy("--stack", "dev")
    assert result.exit_code == 1
    assert f"Its exception ended on {PAST}: {REASON}" in result.output


def test_an_exception_that_nothing_needs_is_told(checkout):
    allow(checkout, exceptions=[excuse()])
    result = policy("--stack", "dev")
    assert result.exit_code == 0
    assert "nothing of qwen-1-5b-deployment breaks image-from-allowed-registry; remove the exception" in result.output


@pytest.mark.parametrize(
    ("stack", "said"),
    [
        ({"registry": []}, "dev.registry: Extra inputs are not permitted"),
        ({"exceptions": [{"rule": "image-by-digest"}]}, "dev.exceptions.0.until: Field required"),
        ({"exceptions": [excuse(rule="image-by-diggest")]}, "image-by-diggest is no rule. `llm policy --list`"),
        ({"levels": {"image-by-diggest": "mandatory"}}, "dev.levels: image-by-diggest is no rule."),
        ({"levels": {"image-by-digest": "loud"}}, "dev.levels.image-by-digest: Input should be 'mandatory' or"),
        ({"accelerators": ["nvidia-l5"]}, "dev.accelerators: nvidia-l5 is no accelerator. Known: nvidia-t4"),
        ({"endpointMonthlyUsd": 0}, "dev.endpointMonthlyUsd: Input should be greater than 0"),
        ({"exceptions": [excuse(until="soon")]}, "dev.exceptions.0.until: Input should be a valid date"),
        ({"exceptions": [excuse(reason="so")]}, "dev.exceptions.0.reason: String should have at least 10"),
    ],
)
def test_a_mistake_in_the_file_is_said_with_its_key(checkout, stack, said):
    allow(checkout, **stack)
    result = policy("--stack", "dev")
    assert result.exit_code == 1
    assert said in result.output


def test_a_level_of_the_stack_goes_before_that_of_the_rule(checkout):
    allow(checkout, registries=["ghcr.io/team/"], levels={"image-from-allowed-registry": "advisory"})
    result = policy("--stack", "dev")
    assert result.exit_code == 0, result.output
    assert "advised   qwen-1-5b-deployment: image-from-allowed-registry: container" in result.output
    unpinned = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "docker.io/other"}]}}}}
    allow(checkout, levels={"image-by-digest": "mandatory"})
    for stack, level in (("dev", analyzer_pb2.MANDATORY), ("other", analyzer_pb2.ADVISORY)):
        with started(checkout / "policy", checkout, {"PULUMI_STACK": stack}) as stub:
            found = {one.policyName: one.enforcementLevel for one in ask(stub, DEPLOYMENT, unpinned, stack)}
        assert found["image-by-digest"] == level


def test_what_a_stack_costs_is_judged_by_its_own_file(checkout):
    """Prices and budget are the test's own: 1 x 730 x 1 USD for the GPU, 1 x 730 x 2 for the endpoint."""
    stack = checkout / "Pulumi.dev.yaml"
    priced = stack.read_text().replace("{available: 8}", "{available: 8, hourlyUsd: 1}")
    stack.write_text(priced.replace("config:\n", "config:\n  llm-inference:budget: {monthlyUsd: 2189}\n", 1))
    result = policy("--stack", "dev")
    assert result.exit_code == 0, result.output
    assert "advised   qwen-1-5b-endpoint-endpoint: prices-known: nobody says what nvidia-l4/x1 costs" in result.output
    stack.write_text(stack.read_text().replace("api: lab", "api: lab\n    hourlyUsd: {nvidia-l4/x1: 2}"))
    result = policy("--stack", "dev")
    assert result.exit_code == 1
    assert "refused   stack: cost-within-budget: all replicas at their maximum cost 2,190 USD" in result.output
    over = excuse(rule="cost-within-budget", resource="stack")
    allow(checkout, exceptions=[over])
    result = policy("--stack", "dev")
    assert result.exit_code == 0, result.output
    assert "excused   stack: cost-within-budget: all replicas at their maximum cost 2,190 USD" in result.output


def test_licences_are_those_of_the_lock_and_an_unknown_one_is_refused(checkout):
    """The licences are the test's own."""
    lock = checkout / "models.lock.yaml"
    known, sha = lock.read_text(), read_models_lock(lock.read_text()).pin("Qwen/Qwen2.5-1.5B-Instruct", "main").sha
    allow(checkout, licences=["mit"])
    result = policy("--stack", "dev")
    assert result.exit_code == 1
    unknown = f"serves Qwen/Qwen2.5-1.5B-Instruct at {sha[:8]}, whose licence models.lock.yaml does not know"
    assert f"refused   qwen-1-5b-deployment: licence-allowed: Deployment qwen-1-5b {unknown}" in result.output
    assert f"refused   qwen-1-5b-endpoint-endpoint: licence-allowed: it {unknown}" in result.output
    assert "Run `llm lock` where it is not known" in result.output
    lock.write_text(known.replace("    known:", "    licence: mit\n    known:", 1))
    result = policy("--stack", "dev")
    assert result.exit_code == 0, result.output
    lock.write_text(known.replace("    known:", "    licence: mit-0\n    known:", 1))
    assert "whose licence mit-0 is none of mit" in policy("--stack", "dev").output


def test_the_pack_itself_keeps_to_the_file(checkout):
    image = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "docker.io/other@sha256:0"}]}}}}
    allow(checkout, registries=["ghcr.io/team/"], exceptions=[excuse(resource="m")])
    with started(checkout / "policy", checkout) as stub:
        found = judge(stub, DEPLOYMENT, image, stack="dev")
        assert "image-from-allowed-registry" not in found
        assert f"Excused until {FUTURE}" in found["exceptions-in-use"]
        assert "image-from-allowed-registry" not in judge(stub, DEPLOYMENT, image, stack="other")
    allow(checkout, registries=["ghcr.io/team/"], exceptions=[excuse(resource="m", until=PAST)])
    with started(checkout / "policy", checkout) as stub:
        assert f"ended on {PAST}" in judge(stub, DEPLOYMENT, image, stack="dev")["image-from-allowed-registry"]


def test_the_rules_are_listed_with_their_reasons():
    result = policy("--list")
    assert result.exit_code == 0
    for rule in ALL:
        assert rule.name in result.output
        assert rule.why in result.output
    assert f"{len(ALL)} rules, {len(STACK_RULES)} of them about the stack as a whole." in result.output


def test_without_a_stack_it_says_what_to_say():
    result = policy()
    assert result.exit_code == 2
    assert "--stack NAME" in result.output
