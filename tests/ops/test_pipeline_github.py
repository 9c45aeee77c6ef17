"""What the pipeline's commands do at GitHub: one comment, one issue, one pull request. The API is a stand-in."""

import json
import os
import shutil
import subprocess

import click
import pytest
from click.testing import CliRunner

from ops.cli import main
from ops.pipeline import drift, report
from ops.pipeline.comment import MARK
from ops.pipeline.github import GitHub
from ops.pipeline.markdown import LIMIT, Judged
from ops.pipeline.planned import Change, Planned
from tests.ops.github_stand_in import STRANGER, TOKEN, github_stand_in
from tests.support import PROJECT

QUIET = Planned(unchanged=30)
DRIFTED = Planned(changes=[Change("update", "kubernetes:apps/v1:Deployment", "m-deployment")], unchanged=29)


@pytest.fixture
def github(monkeypatch):
    with github_stand_in() as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        for name in ("GITHUB_OUTPUT", "GITHUB_SERVER_URL", "GITHUB_ACTIONS"):
            monkeypatch.delenv(name, raising=False)
        yield found


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for path in (*PROJECT.root.glob("Pulumi*.yaml"), *PROJECT.root.glob("*.lock.yaml"), PROJECT.root / "README.md"):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def llm(*words, code=0):
    result = CliRunner().invoke(main, words)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def previewed(monkeypatch):
    """Sets what the preview finds: what it really finds is tests/house/test_pipelines.py's business."""

    def be(planned):
        monkeypatch.setattr(drift, "plan", lambda *_, **__: planned)
        monkeypatch.setattr(report, "plan", lambda *_, **__: planned)
        monkeypatch.setattr(report, "_judged", lambda *_: Judged())

    return be


def test_one_comment_has_a_section_of_each_stack_and_is_renewed(github, checkout, previewed):
    github.add_comment(7, "a remark of a person")
    previewed(DRIFTED)
    llm("report", "--stack", "dev", "--pull-request", "7")
    llm("report", "--stack", "prod", "--pull-request", "7")
    previewed(QUIET)
    llm("report", "--stack", "dev", "--pull-request", "7")
    person, ours = github.comments[7]
    assert person["body"] == "a remark of a person"
    assert ours["body"].startswith(MARK)
    assert ours["body"].count("## Stack") == 2
    assert "## Stack `dev`: nothing changes (30 resources)" in ours["body"]
    assert "## Stack `prod`: 1 to be updated" in ours["body"]


def test_a_comment_of_a_stranger_with_our_mark_is_left_alone(github, checkout, previewed):
    previewed(QUIET)
    github.add_comment(7, f"{MARK} of mine", by=STRANGER)
    llm("report", "--stack", "dev", "--pull-request", "7")
    assert len(github.comments[7]) == 2
    assert github.comments[7][0]["body"] == f"{MARK} of mine"


def test_our_comment_is_found_behind_a_page_of_others(github, checkout, previewed):
    previewed(QUIET)
    for number in range(130):
        github.add_comment(7, f"remark {number}")
    llm("report", "--stack", "dev", "--pull-request", "7")
    llm("report", "--stack", "dev", "--pull-request", "7")
    assert len(github.comments[7]) == 131


def test_reports_of_all_stacks_fit_into_one_comment(github, checkout, previewed):
    previewed(Planned(changes=[Change("create", "a:b:C", f"resource-{number}") for number in range(9000)]))
    for stack in ("dev", "prod"):
        llm("report", "--stack", stack, "--pull-request", "7")
    (comment,) = github.comments[7]
    assert LIMIT // 2 < len(comment["body"]) <= LIMIT
    assert comment["body"].count("more lines did not fit") == 2


def test_a_failed_preview_is_told_in_the_comment_and_fails(github, checkout, previewed):
    previewed(Planned(errors=["models.m.cache: no"], failure="see the errors"))
    llm("report", "--stack", "dev", "--pull-request", "7", code=1)
    assert "The preview failed" in github.comments[7][0]["body"]
    assert "models.m.cache: no" in github.comments[7][0]["body"]


def test_drift_has_one_issue_while_it_lasts(github, checkout, previewed):
    github.add_issue("Drift in stack dev", "<!-- llm drift of dev --> by a stranger", by=STRANGER)
    previewed(DRIFTED)
    llm("drift", "--stack", "dev", "--issue", code=1)
    llm("drift", "--stack", "dev", "--issue", code=1)
    _, issue = github.issues
    assert issue["title"] == "Drift in stack dev"
    assert "m-deployment" in issue["body"]
    previewed(QUIET)
    llm("drift", "--stack", "dev", "--issue")
    assert issue["state"] == "closed"
    assert "Nothing differs any more" in github.comments[issue["number"]][0]["body"]
    before = len(github.asked)
    llm("drift", "--stack", "dev", "--issue")
    assert [asked.split()[0] for asked in github.asked[before:]] == ["GET"]


def test_what_could_not_be_seen_is_no_drift_and_no_all_clear(github, checkout, previewed):
    issue = github.add_issue("Drift in stack dev", "<!-- llm drift of dev -->\n")
    for blind in (Planned(failure="no cluster"), Planned(changes=[Change("create", "a:b:C", "x")])):
        previewed(blind)
        assert "could not be compared" in llm("drift", "--stack", "dev", "--issue", code=2).output
    assert issue["state"] == "open"


def test_drift_as_json(checkout, previewed):
    previewed(DRIFTED)
    found = json.loads(llm("drift", "--stack", "dev", "--json", code=1).stdout)
    assert found["changes"][0] | {"differences": []} == {
        "kind": "update", "type": "kubernetes:apps/v1:Deployment", "name": "m-deployment", "differences": []
    }  # fmt: skip


def test_without_a_token_it_says_what_to_set(checkout, monkeypatch):
    for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    said = llm("report", "--stack", "dev", "--pull-request", "7", code=1).output
    assert "GITHUB_TOKEN and GITHUB_REPOSITORY must be set" in said


def test_a_refusal_names_the_permission_and_never_the_token(github, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "another-token-of-the-tests")
    with pytest.raises(click.ClickException) as refused:
        GitHub.from_environment().open_issue("<!-- x -->")
    assert "401 Bad credentials. The token needs `issues: write`" in refused.value.message
    assert "another-token" not in refused.value.message


@pytest.fixture
def repository(checkout, tmp_path_factory):
    """The checkout as a git repository with a shared one as its origin."""
    origin = tmp_path_factory.mktemp("origin") / "models.git"
    git(checkout, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(checkout, "init", "--quiet", "--initial-branch=main")
    git(checkout, "config", "user.name", "a person")
    git(checkout, "config", "user.email", "person@example.com")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", "all")
    git(checkout, "remote", "add", "origin", str(origin))
    git(checkout, "push", "--quiet", "origin", "main")
    return checkout


def git(root, *words):
    done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True, env=os.environ)
    return done.stdout.strip()


def propose(code=0):
    return llm("propose", "--branch", "return/dev", "--title", "Return dev", code=code).stdout.strip()


def test_edits_become_a_commit_on_a_branch_and_one_pull_request(repository, github, tmp_path, monkeypatch):
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    stack = repository / "Pulumi.dev.yaml"
    for length in (4096, 2048):
        stack.write_text(stack.read_text().replace("8192", str(length)).replace("4096", str(length)))
        (repository / "README.md").write_text("not for this commit")
        commit = propose()
        assert git(repository, "ls-remote", "origin", "refs/heads/return/dev").split()[0] == commit
        assert output.read_text().splitlines()[-1] == f"commit={commit}"
    assert git(repository, "diff", "--name-only", "main", commit) == "Pulumi.dev.yaml"
    assert git(repository, "rev-parse", f"{commit}^") == git(repository, "rev-parse", "main")
    (pull,) = github.pulls
    assert (pull["head"], pull["base"], pull["title"]) == ("return/dev", "main", "Return dev")
    # The checkout is as it was: its branch, its index, its edits.
    assert git(repository, "branch", "--show-current") == "main"
    assert git(repository, "diff", "--cached", "--name-only") == ""
    assert set(git(repository, "diff", "--name-only").splitlines()) == {"Pulumi.dev.yaml", "README.md"}


def test_without_edits_the_commit_is_the_one_checked_out(repository, github):
    assert propose() == git(repository, "rev-parse", "HEAD")
    assert (github.pulls, git(repository, "ls-remote", "origin", "refs/heads/return/*")) == ([], "")


def test_the_token_reaches_git_by_no_command_line(repository, github, monkeypatch, tmp_path):
    """git itself tells what it was called with, and what it then sends to the server that it is meant for."""
    seen = tmp_path / "seen"
    for name in ("GIT_TRACE", "GIT_TRACE_SETUP"):
        monkeypatch.setenv(name, str(seen))
    monkeypatch.setenv("GITHUB_SERVER_URL", github.url)
    git(repository, "remote", "set-url", "origin", f"{github.url}/{github.environment['GITHUB_REPOSITORY']}.git")
    (repository / "Pulumi.dev.yaml").write_text("config: {}\n")
    propose(code=1)  # the stand-in is no git server
    assert any(asked.startswith("GET") and asked.endswith("/info/refs") for asked in github.asked)
    assert "push" in seen.read_text()
    assert TOKEN not in seen.read_text()


def test_the_good_tag_moves_at_origin(repository, github):
    llm("push-good", "--stack", "dev", code=1)
    git(repository, "tag", "good/dev")
    first = llm("push-good", "--stack", "dev").output
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "next")
    git(repository, "tag", "--force", "good/dev")
    assert llm("push-good", "--stack", "dev").output != first
    shared = git(repository, "ls-remote", "origin", "refs/tags/good/dev").split()[0]
    assert shared == git(repository, "rev-parse", "HEAD")
