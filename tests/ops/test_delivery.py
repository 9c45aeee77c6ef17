"""`llm promote`, `llm rollback`, `llm release`: the files that they write, and the steps that they take, in a checkout
of its own whose `make` writes down what it is asked."""

import shutil

import pytest
from click.testing import CliRunner

from ops.cli import main
from tests.ops.checkout import commit, git
from tests.support import PROJECT

A, B, C = "a" * 40, "b" * 40, "c" * 40
STACK = """\
# The lab's.
config:
  llm-inference:cluster:
    context: lab
    id: lab
    namespace: {name: llm}
    accelerators:
      nvidia-l4: {available: 8}
  llm-inference:models:
    small:  # of team-search
      target: kubernetes
      model: org/small  # its name
      revision: v1
      engine: {name: vllm, maxModelLen: 8192}
      accelerator: {type: nvidia-l4, count: 1}
    other:
      target: kubernetes
      model: org/other
      engine: {name: vllm, maxModelLen: 8192}
      accelerator: {type: nvidia-l4, count: 1}
"""
HEAD = "# Pins.\nversion: 1\nmodels:\n"
MAKEFILE = """\
%:
\t@echo "$@ $(STACK) $(MODEL) $(ARGS) | $$(grep -c 'revision: v2' Pulumi.dev.yaml)" >> steps
\t@test ! -f fail-$@-v2 || ! grep -q 'revision: v2' Pulumi.dev.yaml
\t@test ! -f fail-$@
"""


def lock(**pins):
    known = "known: {how: resolved, source: https://hub.example.com, date: 2026-11-01}"
    models = {f"org/{name.replace('_', '@')}": sha for name, sha in pins.items()}
    return HEAD + "".join(f"  {model}:\n    sha: {sha}\n    {known}\n" for model, sha in models.items())


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout at revision v1, whose lock knows v1 and main."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Pulumi.yaml", "images.lock.yaml"):
        shutil.copy(PROJECT.root / name, folder)
    (folder / "Pulumi.dev.yaml").write_text(STACK)
    (folder / "models.lock.yaml").write_text(lock(other_main=C, small_v1=A))
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / ".gitignore").write_text("steps\nfail-*\n")
    commit(folder, "v1")
    monkeypatch.chdir(folder)
    # Nobody is there to ask.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    return folder


def llm(*arguments):
    return CliRunner().invoke(main, arguments)


def stack_text(root):
    return (root / "Pulumi.dev.yaml").read_text()


def lock_text(root):
    return (root / "models.lock.yaml").read_text()


def steps(root):
    path = root / "steps"
    return [" ".join(line.split()) for line in path.read_text().splitlines()] if path.exists() else []


def move_to_v2(root, sha=B):
    (root / "Pulumi.dev.yaml").write_text(STACK.replace("revision: v1", "revision: v2"))
    (root / "models.lock.yaml").write_text(lock(other_main=C, small_v1=A, small_v2=sha))
    return commit(root, "v2")


def test_promote_to_a_revision_that_the_lock_had_once(root):
    move_to_v2(root)
    git(root, "revert", "--no-edit", "HEAD")

    result = llm("promote", "small", "--to=v2", "--no-apply")

    assert result.exit_code == 0, result.output
    assert stack_text(root) == STACK.replace("revision: v1", "revision: v2")
    assert lock_text(root).startswith(lock(other_main=C, small_v1=A))
    assert f"  org/small@v2:\n    sha: {B}\n" in lock_text(root)
    assert "-      revision: v1\n+      revision: v2" in result.output
    assert steps(root) == []


def test_promote_to_a_commit_that_a_name_stood_for(root):
    move_to_v2(root)

    result = llm("promote", "small", f"--to={A}", "--no-apply")

    assert result.exit_code == 0, result.output
    assert stack_text(root) == STACK.replace("revision: v1", f"revision: {A}")
    assert f"  org/small@{A}:\n    sha: {A}\n" in lock_text(root)


def test_promote_writes_a_revision_where_there_was_none(root):
    (root / "models.lock.yaml").write_text(lock(other_main=C, other_v2=B, small_v1=A))
    commit(root, "lock")

    assert llm("promote", "other", "--to=v2", "--no-apply").exit_code == 0
    assert stack_text(root) == STACK.replace("model: org/other\n", "model: org/other\n      revision: v2\n")

    commit(root, "other v2")
    assert llm("rollback", "other", "--no-apply").exit_code == 0
    assert stack_text(root) == STACK


def test_promote_shows_the_preview_applies_and_verifies(root):
    move_to_v2(root)
    assert llm("rollback", "small", "--yes").exit_code == 0

    assert steps(root) == ["preview dev | 0", "up dev | 0", "smoke dev small --deadline=300 | 0"]
    assert stack_text(root) == STACK


@pytest.mark.parametrize(
    ("fails", "taken"),
    [
        ("fail-preview", ["preview dev | 1"]),
        ("fail-up-v2", ["preview dev | 1", "up dev | 1", "up dev | 0", "smoke dev small --deadline=9 | 0"]),
        (
            "fail-smoke-v2",
            [
                *("preview dev | 1", "up dev | 1", "smoke dev small --deadline=9 | 1"),
                *("up dev | 0", "smoke dev small --deadline=9 | 0"),
            ],
        ),
    ],
)
def test_what_cannot_be_applied_is_put_back(root, fails, taken):
    (root / "models.lock.yaml").write_text(lock(other_main=C, small_v1=A, small_v2=B))
    commit(root, "lock")
    (root / fails).touch()
    result = llm("promote", "small", "--to=v2", "--yes", "--deadline=9")

    assert result.exit_code == 1
    assert steps(root) == taken
    assert stack_text(root) == STACK
    assert git(root, "status", "--porcelain") == ""


def test_a_return_that_fails_as_well_is_said(root):
    move_to_v2(root)
    (root / "fail-up").touch()

    result = llm("rollback", "small", "--yes")

    assert result.exit_code == 1
    assert "on the way back `make up` failed: look at the stack now" in " ".join(result.stderr.split())


def test_rollback_when_the_name_moved_names_the_commit(root):
    """`llm lock` moved v1 to another commit; other models may want that, so this model alone goes back."""
    (root / "models.lock.yaml").write_text(lock(other_main=C, small_v1=B))
    commit(root, "llm lock")

    assert llm("rollback", "small", "--no-apply").exit_code == 0

    assert stack_text(root) == STACK.replace("revision: v1", f"revision: {A}")
    assert f"  org/small@v1:\n    sha: {B}\n" in lock_text(root)
    assert f"  org/small@{A}:\n    sha: {A}\n" in lock_text(root)


def test_rollback_of_the_whole_stack_keeps_what_the_locks_got_since(root):
    good = git(root, "rev-parse", "HEAD")
    (root / "Pulumi.dev.yaml").write_text(STACK.replace("8192", "4096").replace("revision: v1", "revision: v2"))
    (root / "models.lock.yaml").write_text(lock(other_main=B, small_v2=B, small_v1=A))
    commit(root, "much")

    result = llm("rollback", f"--commit={good[:12]}", "--no-apply")

    assert result.exit_code == 0, result.output
    assert stack_text(root) == STACK
    assert lock_text(root) == lock(other_main=C, small_v2=B, small_v1=A)


def test_rollback_of_the_whole_stack_keeps_what_was_read_of_the_same_commit(root):
    """Else a stack that names licences would refuse the way back."""
    move_to_v2(root)
    lock_file = root / "models.lock.yaml"
    lock_file.write_text(lock_text(root).replace(f"sha: {C}\n", f"sha: {C}\n    licence: mit\n"))
    read = lock_text(root)
    commit(root, "licences read")
    result = llm("rollback", "--commit=HEAD~2", "--no-apply")
    assert result.exit_code == 0, result.output
    assert "revision: v1" in stack_text(root)
    assert "licence: mit" in read
    assert lock_text(root).count("licence: mit") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("promote", "nope", "--to=v2", "--no-apply"), 2, "has no model nope. There are: small, other."),
        (("promote", "small", "--to=v 2", "--no-apply"), 2, "is no revision"),
        (("promote", "small", "--to=v9", "--no-apply"), 1, "org/small@v9 is neither in models.lock.yaml nor in its"),
        (("promote", "small", "--to=v2"), 2, "give --yes, or --no-apply"),
        (("promote", "small", "--to=v2", "--stack=prod", "--yes"), 2, "Pulumi.prod.yaml does not exist"),
        (("rollback", "small", "--no-apply"), 1, "small had no other revision than v1 (aaaaaaaa)"),
        (("rollback", "--no-apply"), 2, "Give either MODEL"),
        (("rollback", "small", "--commit=HEAD", "--no-apply"), 2, "Give either MODEL"),
        (("rollback", "--commit=nope", "--no-apply"), 2, "nope is no commit of this repository"),
        (("release", "--good=nope"), 2, "nope is no commit of this repository"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_touched(root, arguments, code, why):
    result = llm(*arguments)

    assert (result.exit_code, why in " ".join(result.stderr.split())) == (code, True), result.output
    assert git(root, "status", "--porcelain") == ""
    assert steps(root) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("promote", "small", "--to=v2", "--yes"),
        ("rollback", "small", "--yes"),
        ("rollback", "--commit=HEAD", "--yes"),
        ("release",),
    ],
)
@pytest.mark.parametrize("name", ["Pulumi.dev.yaml", "models.lock.yaml", "images.lock.yaml"])
def test_files_that_are_not_committed_are_refused(root, arguments, name):
    with (root / name).open("a") as file:
        file.write("# mine\n")

    result = llm(*arguments)

    assert (result.exit_code, f"{name} has changes that are not committed" in result.stderr) == (2, True)
    assert steps(root) == []


def test_a_revision_that_does_not_deploy_is_refused_with_its_mistakes(root):
    text = STACK.replace("context: lab", "context: prod").replace("id: lab", "id: prod")
    (root / "Pulumi.dev.yaml").write_text(text.replace("revision: v1", "revision: v2"))
    broken = commit(root, "on a real cluster, unpinned")
    (root / "Pulumi.dev.yaml").write_text(STACK)
    commit(root, "and not any more")

    result = llm("rollback", f"--commit={broken}", "--no-apply")

    assert result.exit_code == 2
    assert "Nothing was changed, since this could not be deployed" in result.stderr
    assert stack_text(root) == STACK


def test_a_release_that_answers_becomes_the_good_one(root):
    result = llm("release", "--deadline=30")

    assert result.exit_code == 0, result.output
    assert git(root, "rev-parse", "good/dev") == git(root, "rev-parse", "HEAD")
    assert steps(root) == ["up dev | 0", "smoke dev --deadline=30 | 0"]


@pytest.mark.parametrize("fails", ["up", "smoke"])
def test_a_release_that_fails_returns_to_the_good_one(root, fails):
    assert llm("release").exit_code == 0
    good = git(root, "rev-parse", "HEAD")
    move_to_v2(root)
    (root / f"fail-{fails}-v2").touch()
    (root / "steps").unlink()

    result = llm("release")

    assert result.exit_code == 1
    assert f"Stack dev is back at the files of {good[:8]} and answers" in " ".join(result.stderr.split())
    assert stack_text(root) == STACK
    assert lock_text(root) == lock(other_main=C, small_v1=A, small_v2=B)
    assert git(root, "rev-parse", "good/dev") == good
    expected = ["up dev | 1", *(["smoke dev --deadline=300 | 1"] if fails == "smoke" else [])]
    assert steps(root) == [*expected, "up dev | 0", "smoke dev --deadline=300 | 0"]
    # What a pipeline commits: the same again would otherwise be released next.
    assert git(root, "status", "--porcelain") == "M Pulumi.dev.yaml"


def test_a_first_release_that_fails_has_no_way_back(root):
    (root / "fail-smoke").touch()
    result = llm("release")

    assert (result.exit_code, steps(root)) == (1, ["up dev | 0", "smoke dev --deadline=300 | 0"])
    assert "No commit of stack dev is known to be good" in " ".join(result.stderr.split())


def test_a_failure_that_is_not_in_the_files_is_not_answered_by_the_same_files(root):
    assert llm("release").exit_code == 0
    (root / "README").write_text("code changed")
    commit(root, "code")
    (root / "fail-smoke").touch()

    result = llm("release")

    assert result.exit_code == 1
    assert "has the same stack file and locks" in result.stderr
    assert len(steps(root)) == 4
