"""`llm lock --from DIR`: only what a directory really says about commits."""

import subprocess

import pytest
from click.testing import CliRunner

from blueprint.locks import read_models_lock
from ops import lock

A, B = "a" * 40, "b" * 40
REMOTE = "https://huggingface.co/org/one"


def llm_lock(*arguments):
    return CliRunner().invoke(lock.command, [str(argument) for argument in arguments], catch_exceptions=False)


def pin(project, name="org/one@main"):
    return read_models_lock((project / "models.lock.yaml").read_text()).models[name]


def cached(directory, repository="org/one", sha=A, ref="main", *, snapshot=True):
    folder = directory / f"models--{repository.replace('/', '--')}"
    (folder / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
    (folder / "refs" / ref).write_text(sha)
    if snapshot:
        (folder / "snapshots" / sha).mkdir(parents=True)


def git(directory, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *identity, "-C", str(directory), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def committed(directory, message="first"):
    if not (directory / ".git").exists():
        git(directory, "init", "-q")
    git(directory, "commit", "-q", "--allow-empty", "-m", message)
    return git(directory, "rev-parse", "HEAD")


def test_cache_tells_the_commit_of_a_downloaded_revision(project, directory):
    cached(directory)
    cached(directory, ref="refs/pr/1", sha=B)

    result = llm_lock("org/one", "org/one@refs/pr/1", f"org/one@{A}", "--from", directory)

    assert result.exit_code == 0, result.output
    assert (pin(project).sha, pin(project, "org/one@refs/pr/1").sha, pin(project, f"org/one@{A}").sha) == (A, B, A)
    assert pin(project).known.source == "local directory (hub cache)"
    assert str(directory) not in (project / "models.lock.yaml").read_text()


def test_home_of_the_cache_is_taken_too(project, directory):
    cached(directory / "hub")

    assert llm_lock("--from", directory).exit_code == 0
    assert pin(project).sha == A


@pytest.mark.parametrize(
    ("sha", "snapshot", "asked", "said"),
    [
        (A, False, "org/one", "the cache has no snapshot of commit aaaaaaaa"),
        ("main", True, "org/one", "refs/main holds no commit SHA; it is damaged"),
        (A, True, "org/one@v2", "the cache has no revision v2 of org/one"),
        (A, True, "org/one@a/../main", "the cache has no revision a/../main"),
        (A, True, f"org/one@{B}", "the cache has no snapshot of commit bbbbbbbb"),
        (A, True, "org/two", "the cache does not hold org/two"),
    ],
)
def test_cache_without_the_revision_or_its_snapshot_resolves_nothing(project, directory, *, sha, snapshot, asked, said):
    cached(directory, sha=sha, snapshot=snapshot)

    result = llm_lock(asked, "--from", directory)

    assert result.exit_code == 1
    assert said in result.output
    assert pin(project, asked if "@" in asked else f"{asked}@main").sha is None


def test_checkout_without_remote_tells_its_own_commits(project, directory):
    sha = committed(directory)
    git(directory, "tag", "v1")
    committed(directory, "second")

    result = llm_lock("org/one@v1", f"org/one@{sha}", "--from", directory)

    assert result.exit_code == 0, result.output
    assert pin(project, "org/one@v1").sha == pin(project, f"org/one@{sha}").sha == sha
    assert pin(project, "org/one@v1").known.source == "local directory (git checkout)"


def test_clone_tells_what_its_remote_had_and_not_a_local_commit(project, directory, tmp_path):
    upstream = tmp_path / "org" / "one"
    upstream.mkdir(parents=True)
    sha = committed(upstream)
    git(tmp_path, "clone", "-q", str(upstream), str(directory))
    local = committed(directory, "local work")

    result = llm_lock("--from", directory)

    assert result.exit_code == 0, result.output
    assert pin(project).sha == sha != local


def test_mirror_clone_tells_its_branches(project, directory, tmp_path):
    upstream = tmp_path / "org" / "one"
    upstream.mkdir(parents=True)
    sha = committed(upstream)
    git(tmp_path, "clone", "-q", "--mirror", str(upstream), str(directory))

    assert llm_lock("--from", directory).exit_code == 0
    assert pin(project).sha == sha


def test_checkout_of_another_repository_is_not_taken_for_this_one(project, directory):
    committed(directory)
    git(directory, "remote", "add", "origin", "https://huggingface.co/org/another-one")

    result = llm_lock("--from", directory)

    assert result.exit_code == 1
    assert "the checkout is of another repository" in result.output
    assert pin(project).sha is None


def test_checkout_without_remote_cannot_be_two_repositories(project, directory):
    committed(directory)

    result = llm_lock("org/one", "org/two", "--from", directory)

    assert result.exit_code == 1
    assert "Name the one REPOSITORY that it holds" in result.output
    assert not (project / "models.lock.yaml").exists()


def test_branch_that_was_never_fetched_is_not_resolved(project, directory):
    committed(directory)
    git(directory, "remote", "add", "origin", REMOTE)

    result = llm_lock("--from", directory)

    assert result.exit_code == 1
    assert "Run `git fetch`" in result.output


@pytest.mark.parametrize("inside_checkout", [False, True])
def test_plain_folder_is_refused_because_it_has_no_commit(project, directory, tmp_path, inside_checkout):
    """Also when some parent folder is a checkout, as this project's own would be."""
    if inside_checkout:
        committed(tmp_path)
    (directory / "config.json").write_text("{}")

    result = llm_lock("--from", directory)

    assert result.exit_code == 1
    assert "A plain folder has no commit SHA, and none is ever invented" in result.output
    assert not (project / "models.lock.yaml").exists()


def test_endpoint_and_directory_exclude_each_other(project, directory):
    result = llm_lock("--from", directory, "--endpoint", "http://127.0.0.1:9")

    assert result.exit_code == 2
    assert "one source at a time" in result.output
