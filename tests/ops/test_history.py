"""`llm history`: Pulumi's own history, of its file backend and of its CLI."""

import json
import sys

import pytest
from click.testing import CliRunner

from lab.engine.store.backend import Backend
from lab.engine.store.origin import origin
from ops.cli import main
from tests.ops.checkout import commit, git

NO_PULUMI = "/usr/bin:/bin"


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: llm-inference\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", NO_PULUMI)
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return folder


def entry(version, *, message="", **more):
    return {
        "kind": "update",
        "startTime": 1_764_500_000 + version,
        "endTime": 1_764_500_030 + version,
        "message": message,
        "environment": {"exec.kind": "cli"},
        "config": {"llm-inference-secrets:key": {"string": "sk-Canary", "secret": True}},
        "version": version,
        "result": "succeeded",
        "resourceChanges": {"same": 30, "update": 2},
        **more,
    }


def history(*arguments):
    result = CliRunner().invoke(main, ["history", *arguments])
    assert "Canary" not in result.output
    return result


def test_the_engine_of_the_lab_says_the_commit_as_the_cli_does(project):
    assert origin(project) == ("", {})
    sha = commit(project, "Bring it up")
    told = {
        "git.head": sha,
        "git.headName": "refs/heads/main",
        "git.dirty": "false",
        "git.author": "Ada",
        "git.author.email": "ada@example.com",
        "git.committer": "Build",
        "git.committer.email": "build@example.com",
    }
    assert origin(project) == ("Bring it up", told)

    git(project, "checkout", "--quiet", "--detach")
    (project / "Pulumi.dev.yaml").write_text("config: {a: 1}\n")
    assert origin(project)[1] == {**told, "git.headName": "HEAD", "git.dirty": "true"}


def test_updates_of_the_file_backend_newest_first(project, monkeypatch):
    url = f"file://{project.parent / 'state'}"
    backend = Backend(url, "llm-inference")
    title, about = origin(project)
    backend.record("dev", entry(1), "{}")
    sha = commit(project, "Another model")
    title, about = origin(project)
    backend.record("dev", entry(2, message=title, environment=dict(about), result="failed"), "{}")
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)

    first, second, third = history().stdout.splitlines()

    assert first.split() == ["NO", "WHEN", "(UTC)", "WHO", "COMMIT", "WHAT", "RESULT", "RESOURCES"]
    assert second.split() == ["2", "2025-11-30", "10:53:22", "Ada", sha[:8], "update", "failed", "2", "update"]
    assert third.split()[3:5] == ["unknown", "-"]
    said = json.loads(history("--json", "--limit=1").stdout)
    assert (said["version"], len(said["updates"])) == (1, 1)
    update = said["updates"][0]
    assert (update["commit"], update["branch"], update["title"]) == (sha, "main", "Another model")
    assert (update["seconds"], update["changes"], update["dirty"]) == (30, {"same": 30, "update": 2}, False)


def test_the_cli_is_asked_where_it_is(project, monkeypatch):
    # As `pulumi stack history --json` prints it: dates instead of Unix times.
    printed = [
        entry(
            7,
            startTime="2026-11-30T10:00:00.000Z",
            endTime="2026-11-30T10:01:00.000Z",
            environment={
                "git.author": "Ada",
                "git.head": "a" * 40,
                "git.headName": "refs/heads/main",
                "ci.system": "GitHub Actions",
                "ci.build.url": "https://github.com/o/r/actions/runs/1",
            },
        )
    ]
    seen = project.parent / "seen.json"
    program = project.parent / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open({str(seen)!r}, 'w'))\n"
        f"print({json.dumps(printed)!r})\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{NO_PULUMI}")

    (update,) = json.loads(history("--json").stdout)["updates"]

    assert update["who"] == "Ada, by GitHub Actions"
    assert (update["started"], update["seconds"]) == ("2026-11-30T10:00:00+00:00", 60)
    assert update["build"] == "https://github.com/o/r/actions/runs/1"
    assert "--show-secrets" not in json.loads(seen.read_text())


def test_without_a_way_to_the_history_it_is_told(project):
    result = history()
    assert result.exit_code == 2
    assert "`make history STACK=dev` sets it" in result.stderr


def test_a_stack_that_there_is_not_is_refused(project):
    assert "Stacks here: dev" in history("--stack=nope").stderr
