"""The commands of the workflows, as the workflows have them, in a checkout of their own with a lab of its own.

GitHub's API is a stand-in, the shared repository a real one beside the checkout. The rest is real: make, git, the
lab's engine, its API server.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.lab.conftest import eventually
from tests.ops.github_stand_in import github_stand_in
from tests.support import PROJECT, copy_project

EXECUTED = {
    '.venv/bin/llm promote "$MODEL" --stack "$STACK" --to "$REVISION" --no-apply',
    '.venv/bin/llm propose --branch "model-version/$STACK" --title "$STACK, $MODEL, $ACTION $REVISION"',
    '.venv/bin/llm propose --branch pin/server --title "Pin the server\'s image"',
    '.venv/bin/llm rollback "$MODEL" --stack "$STACK" --no-apply',
    '.venv/bin/llm rollback "$MODEL" --stack "$STACK" --to "$REVISION" --no-apply',
    ".venv/bin/llm space check",
    "make release",
    '.venv/bin/llm propose --branch "return/$STACK" --title "Return $STACK to its last good files"',
    '.venv/bin/llm push-good --stack "$STACK"',
    'make --silent server-revision >> "$GITHUB_OUTPUT"',
    "make backend",
    "make drift ISSUE=1",
    "make kubeconfig",
    "make report",
    'make report ENGINE=lab REPORT="$GITHUB_STEP_SUMMARY"',
    "make setup",
    "make status",
}  # fmt: skip
"""What `runner` is asked to run below; each run is checked to be among these."""


class Runner:
    """A job's machine: its commands by bash, its environment without anything of this machine's pipelines."""

    def __init__(self, root: Path, folder: Path, github):
        self.root, self.github = root, github
        self.summary, self.output = folder / "summary.md", folder / "output"
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "PULUMI_"))
        } | {
            **github.environment,
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
            "KUBECONFIG": str(root / ".lab/kubeconfig"),
            "STACK": "dev",
            "ENGINE": "lab",
            # As a workflow makes of variables and secrets that are not set.
            "PULUMI_BACKEND_URL": "",
            "PULUMI_CONFIG_PASSPHRASE": "",
            # The environment belongs to the checkout that the tests run in.
            "UV_NO_SYNC": "1",
        }  # fmt: skip

    def __call__(self, command: str, *, code: int = 0, **environment: str) -> str:
        assert command in EXECUTED
        return self.anything(command, code=code, **environment)

    def anything(self, command: str, *, code: int = 0, **environment: str) -> str:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def edit(self, old: str, new: str) -> None:
        stack = self.root / "Pulumi.dev.yaml"
        assert old in stack.read_text()
        stack.write_text(stack.read_text().replace(old, new, 1))

    def kubectl(self, *arguments: str) -> str:
        command = [str(self.root / ".lab/kubectl"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runner")
    root = folder / "project"
    copy_project(root)
    (root / ".venv").symlink_to(PROJECT.root / ".venv")
    for name in ("pyproject.toml", "uv.lock"):
        os.utime(root / name, (0, 0))  # older than the environment: there is nothing to install
    with github_stand_in() as github:
        runner = Runner(root, folder, github)
        runner.git("init", "--quiet", "--initial-branch=main")
        for key, value in (("user.name", "a person"), ("user.email", "person@example.com")):
            runner.git("config", key, value)
        runner.git("add", "--all")
        runner.git("commit", "--quiet", "--message", "all")
        runner.git("init", "--quiet", "--bare", "--initial-branch=main", str(folder / "origin.git"))
        runner.git("remote", "add", "origin", str(folder / "origin.git"))
        runner.git("push", "--quiet", "origin", "main")
        yield runner
        runner.anything(".venv/bin/python -m lab.cluster down --delete")


@pytest.mark.prove
def test_before_anything_is_there(runner):
    """preview.yml for a fork, and the steps before a deployment."""
    runner("make setup")
    assert "is the lab's" in runner("make backend")
    runner("make backend", code=2, STACK="prod")
    for stack in ("dev", "prod"):
        runner('make report ENGINE=lab REPORT="$GITHUB_STEP_SUMMARY"', STACK=stack)
        head, *_, judged = runner.summary.read_text().split("\n\n")[:2]
        assert f"## Stack `{stack}`: " in head
        assert "to be created" in head
        assert "0 refused" in judged
    runner('make --silent server-revision >> "$GITHUB_OUTPUT"')
    assert runner.output.read_text().startswith("revision=")


@pytest.mark.prove
def test_a_change_is_reported_and_what_was_done_by_hand_is_found_and_closed(runner):
    """preview.yml's comment and drift.yml's issue about a stack that runs."""
    assert "good/dev names it now" in runner("make release")
    assert "qwen-1-5b" in runner("make status")
    runner.edit("maxModelLen: 8192", "maxModelLen: 4096")
    runner("make report", PULL_REQUEST="7")
    (comment,) = runner.github.comments[7]
    assert "## Stack `dev`: 1 to be updated" in comment["body"]
    assert "`--max-model-len=8192` → `--max-model-len=4096`" in comment["body"]
    runner.edit("maxModelLen: 4096", "maxModelLen: 8192")
    runner("make report", PULL_REQUEST="7")
    assert [item["body"].count("nothing changes") for item in runner.github.comments[7]] == [1]

    runner("make drift ISSUE=1")
    assert runner.github.issues == []
    runner.kubectl("delete", "service", "qwen-1-5b", "--namespace=llm")
    runner.kubectl("label", "deployment", "qwen-1-5b", "--namespace=llm", "--overwrite", "app.kubernetes.io/name=x")
    runner("make drift ISSUE=1", code=2)
    (issue,) = runner.github.issues
    assert "create `qwen-1-5b-service` (Service)" in issue["body"]
    assert '`metadata.labels["app.kubernetes.io/name"]`: `x` → ' in issue["body"]
    # To look changed nothing in the cluster; what the issue advises does.
    assert "NotFound" in runner.anything(".lab/kubectl get svc qwen-1-5b -n llm 2>&1 || true")
    assert "`make refresh STACK=dev` and `make up STACK=dev`" in issue["body"]
    runner.anything("make refresh && make up")
    runner("make drift ISSUE=1")
    assert [item["state"] for item in runner.github.issues] == ["closed"]


@pytest.mark.prove
def test_a_return_goes_to_a_branch_and_a_pull_request(runner):
    """The last steps of deploy.yml. That a release goes back by itself: tests/ops/test_delivery.py."""
    runner.git("tag", "--force", "good/dev")
    runner('.venv/bin/llm push-good --stack "$STACK"')
    runner.edit("maxModelLen: 8192", "maxModelLen: 512")
    runner.git("commit", "--quiet", "--all", "--message", "bad")
    runner.edit("maxModelLen: 512", "maxModelLen: 8192")
    runner('.venv/bin/llm propose --branch "return/$STACK" --title "Return $STACK to its last good files"')
    (pull,) = runner.github.pulls
    assert (pull["head"], pull["title"]) == ("return/dev", "Return dev to its last good files")
    proposed = runner.git("ls-remote", "origin", "refs/heads/return/dev").split()[0]
    assert runner.git("diff", "--name-only", "good/dev", proposed) == ""
    assert runner.output.read_text().splitlines()[-1] == f"commit={proposed}"


def propose_version(runner, action):
    runner(
        '.venv/bin/llm propose --branch "model-version/$STACK" --title "$STACK, $MODEL, $ACTION $REVISION"',
        **action,
    )
    commit = runner.git("ls-remote", "origin", "refs/heads/model-version/dev").split()[0]
    return commit, [pull["title"] for pull in runner.github.pulls if pull["head"] == "model-version/dev"]


def test_a_model_goes_to_a_revision_and_back_as_pull_requests(runner):
    """model-version.yml. The revision is one that the lock has had: the Hub is not asked."""
    lock = runner.root / "models.lock.yaml"
    before = lock.read_text()
    now = {"MODEL": "qwen-1-5b", "ACTION": "deploy", "REVISION": "v2"}
    known = "{how: published, source: a test, date: 2026-11-30}"
    lock.write_text(f"{before}  Qwen/Qwen2.5-1.5B-Instruct@v2: {{sha: {'a' * 40}, known: {known}}}\n")
    runner.git("commit", "--quiet", "--all", "--message", "v2")
    lock.write_text(before)
    runner.git("commit", "--quiet", "--all", "--message", "no v2")

    runner('.venv/bin/llm promote "$MODEL" --stack "$STACK" --to "$REVISION" --no-apply', **now)
    commit, titles = propose_version(runner, now)
    assert titles == ["dev, qwen-1-5b, deploy v2"]
    assert runner.git("diff", "--name-only", "HEAD", commit).split() == ["Pulumi.dev.yaml", "models.lock.yaml"]
    runner.git("commit", "--quiet", "--all", "--message", "merged")

    back = {"MODEL": "qwen-1-5b", "ACTION": "rollback", "REVISION": ""}
    runner('.venv/bin/llm rollback "$MODEL" --stack "$STACK" --no-apply', **back)
    commit, titles = propose_version(runner, back)
    assert titles == ["dev, qwen-1-5b, rollback "]
    assert runner.git("diff", "--name-only", commit, "HEAD~1", "--", "Pulumi.dev.yaml") == ""
    runner.git("commit", "--quiet", "--all", "--message", "merged")

    runner('.venv/bin/llm rollback "$MODEL" --stack "$STACK" --to "$REVISION" --no-apply', **{**back, "REVISION": "v2"})
    runner.git("restore", ".")
    runner(".venv/bin/llm space check")


def test_without_another_digest_the_commit_that_is_deployed_is_the_pushed_one(runner):
    runner('.venv/bin/llm propose --branch pin/server --title "Pin the server\'s image"')
    assert runner.output.read_text().splitlines()[-1] == f"commit={runner.git('rev-parse', 'HEAD')}"


def test_a_kubeconfig_comes_from_the_environment_and_replaces_none(runner, tmp_path):
    text = 'contexts: []\nnote: "a  b $HOME"\n'
    runner("make kubeconfig", HOME=str(tmp_path), KUBECONFIG_DATA=text)
    written = tmp_path / ".kube/config"
    assert written.read_text() == f"{text}\n"
    assert written.stat().st_mode & 0o777 == 0o600
    runner("make kubeconfig", code=2, HOME=str(tmp_path), KUBECONFIG_DATA=text)
    runner("make kubeconfig", code=2, HOME=str(tmp_path / "other"))


ROLES = PROJECT.root / "deploy/pipeline-roles.yaml"


@pytest.fixture(scope="module")
def accounts(runner):
    """By account of the manifest a kubeconfig with its token, for the stack that runs."""
    runner.anything("make up")
    runner.kubectl("apply", f"--filename={ROLES}")
    found = {}
    for name in ("preview", "drift"):
        config = yaml.safe_load((runner.root / ".lab/kubeconfig").read_text())
        token = runner.kubectl("create", "token", name, "--namespace=llm-pipelines").strip()
        for user in config["users"]:
            user["user"] = {"token": token}
        found[name] = runner.root / f".lab/{name}"
        found[name].write_text(yaml.safe_dump(config))
    # API servers hear of a new admission policy some seconds later (docs/delivery.md).
    early = ("create", "configmap", "early", "--as=system:serviceaccount:llm-pipelines:preview")
    eventually(lambda: "forbidden" in asked(runner.root / ".lab/kubeconfig", *early).stderr)
    runner.kubectl("delete", "configmap", "early", "--namespace=llm", "--ignore-not-found")
    yield found
    runner.kubectl("delete", f"--filename={ROLES}")


def asked(kubeconfig, *arguments):
    kubectl = shutil.which("kubectl") or "kubectl"
    return subprocess.run(
        [kubectl, f"--kubeconfig={kubeconfig}", "--namespace=llm", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.prove
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs a kubectl that takes any kubeconfig")
def test_the_preview_account_sees_what_a_preview_needs_and_changes_nothing(runner, accounts):
    preview = accounts["preview"]
    for refused in (
        ("create", "configmap", "x"),
        ("delete", "deployment", "qwen-1-5b"),
        ("scale", "deployment", "qwen-1-5b", "--replicas=2"),
        ("annotate", "deployment", "qwen-1-5b", "a=b"),
        ("get", "secrets"),
        ("create", "secret", "generic", "x", "--dry-run=server"),
        ("create", "token", "drift", "--namespace=llm-pipelines"),
    ):
        answer = asked(preview, *refused)
        assert (answer.returncode, "forbidden" in answer.stderr) == (1, True), refused
    assert asked(preview, "create", "configmap", "x", "--dry-run=server").returncode == 0

    environment = {"KUBECONFIG": str(preview), "PULL_REQUEST": "8"}
    runner("make report", **environment)
    assert "nothing changes" in runner.github.comments[8][0]["body"]
    # What only the API server knows to be wrong is in the preview, too.
    runner.edit("cache: {mode: shared, sizeGiB: 10}", "cache: {mode: shared, sizeGiB: 5}")
    said = runner("make report", code=2, **environment)
    runner.edit("cache: {mode: shared, sizeGiB: 5}", "cache: {mode: shared, sizeGiB: 10}")
    body = runner.github.comments[8][0]["body"]
    assert "The preview failed" in body, said
    assert "field can not be less than" in body


@pytest.mark.prove
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs a kubectl that takes any kubeconfig")
def test_the_drift_account_reads_secrets_and_changes_nothing_either(runner, accounts):
    drift = accounts["drift"]
    assert asked(drift, "get", "secret", "none").stderr.startswith("Error from server (NotFound)")
    assert "forbidden" in asked(drift, "create", "configmap", "x").stderr
    runner("make drift ISSUE=1", KUBECONFIG=str(drift))
