"""What .github/workflows may do, and that a person can do the same. What the commands do: test_pipelines.py."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab.tools.build import ensure
from lab.tools.sets import LINT
from ops.cli import COMMANDS
from tests.house.test_pipelines import EXECUTED
from tests.house.workflow_files import FOLDER, NAMES, commands, jobs, steps, words, workflow
from tests.support import PROJECT

GUIDE = (PROJECT.root / "docs/delivery.md").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (PROJECT.root / "Makefile").read_text(), re.MULTILINE))


def test_the_workflows_are_those_that_are_named():
    assert sorted(path.stem for path in FOLDER.glob("workflows/*")) == sorted(NAMES)


def test_actionlint_finds_nothing():
    # Neither is there everywhere: what it finds must not depend on the machine.
    options = ["-shellcheck=", "-pyflakes="]
    subprocess.run([str(ensure(LINT).program("actionlint")), *options], cwd=PROJECT.root, check=True)


def test_zizmor_finds_nothing():
    zizmor = Path(sys.executable).parent / "zizmor"
    subprocess.run([zizmor, "--offline", "--no-progress", ".github"], cwd=PROJECT.root, check=True)


def test_actions_are_pinned_to_a_commit_with_their_version_which_the_guide_lists():
    lines = [line.strip() for path in FOLDER.rglob("*.yml") for line in path.read_text().splitlines()]
    used = {line.partition("uses: ")[2] for line in lines if "uses: " in line}
    for one in used - {"./.github/actions/prepare"}:
        pinned = re.fullmatch(r"([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", one)
        assert pinned, one
        assert f"| {pinned[1]} | {pinned[3]} | `{pinned[2]}` |" in GUIDE


@pytest.mark.parametrize("where", jobs())
def test_each_job_is_bounded_and_has_only_the_rights_that_it_names(where):
    name, job = where.partition("/")[0], jobs()[where]
    assert workflow(name)["permissions"] == {}
    assert job["permissions"]
    assert 1 <= job["timeout-minutes"] <= 240
    assert "concurrency" in job or "concurrency" in workflow(name)
    for step in job["steps"]:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_no_deployment_is_cut_off_and_each_stack_has_one_at_a_time():
    for stack in ("dev", "prod"):
        job = jobs()[f"deploy/{stack}"]
        assert job["concurrency"] == {"group": f"stack-{stack}", "cancel-in-progress": False}
        assert (job["environment"], job["env"]["STACK"]) == (stack, stack)
    deploying = [job for where, job in jobs().items() if where.startswith("deploy/")]
    assert [job["concurrency"]["cancel-in-progress"] for job in deploying] == [False] * 4
    assert "dev" in jobs()["deploy/prod"]["needs"]


def test_pull_requests_of_forks_get_neither_secrets_nor_rights():
    on = workflow("preview")[True]
    assert set(on) == {"pull_request"}
    assert "pull_request_target" not in "".join(path.read_text() for path in FOLDER.rglob("*.yml"))
    for where, job in jobs().items():
        if where.startswith(("preview/", "ci/")) and "head.repo.full_name == github.repository" not in job.get(
            "if", ""
        ):
            assert "secrets." not in yaml.safe_dump(job)
            assert job["permissions"] == {"contents": "read"}


def test_whoever_reads_or_writes_a_state_has_shown_that_it_outlives_the_runner():
    for where, job in jobs().items():
        runs = [step.get("run", "") for step in job["steps"]]
        touching = [index for index, run in enumerate(runs) if re.match(r"make (report|release|drift)\b", run)]
        if touching and "ENGINE=lab" not in runs[touching[0]]:
            assert "make backend" in runs[: touching[0]], where


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_one_that_a_person_can_run(command):
    """One line of a make target, an `llm` command or .ci/run; nothing of an event is pasted into it."""
    assert "\n" not in command
    assert "${{" not in command
    first, *others = words(command)
    named = next(word for word in others if not word.startswith("-")) if others else ""
    assert first == ".ci/run" or (first == "make" and named in TARGETS) or (first, named) in {
        (".venv/bin/llm", name) for name in COMMANDS
    }  # fmt: skip


def test_every_command_is_run_by_a_test_or_named_in_the_guide_with_the_reason():
    table = GUIDE.partition("## What was not run here")[2].partition("\n## ")[0]
    named = {row.replace("\\|", "|") for row in re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)}
    assert named & EXECUTED == set()
    assert named | EXECUTED == commands()
    actions = {step.fields["uses"].partition("@")[0] for step in steps() if "uses" in step.fields}
    for action in actions - {"./.github/actions/prepare"}:
        assert f"| {action} |" in GUIDE


def test_the_cli_of_the_pipelines_is_that_of_the_sdk():
    lock = (PROJECT.root / "uv.lock").read_text()
    (version,) = re.findall(r'^name = "pulumi"\nversion = "([^"]+)"', lock, re.MULTILINE)
    assert f"pulumi-version: {version} #" in (FOLDER / "actions/prepare/action.yml").read_text()
