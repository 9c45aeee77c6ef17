"""What `llm space check` refuses, all at once; and what it lets pass."""

import os
import shutil
import subprocess

import pytest

from ops.space.requirements import requirement_problems
from tests.space.running import ROOT

LIMIT = 10_485_760
UV = os.environ.get("UV") or shutil.which("uv")


def complaints(checkout, **environment):
    result = checkout.llm("check", **environment)
    assert (result.exit_code, result.stdout) == (1, "")
    head, *problems = result.stderr.splitlines()
    assert head == f"Error: The demo may not be pushed, {len(problems)} reasons:"
    return [problem.strip() for problem in problems]


def test_our_demo_passes_and_its_files_are_told(checkout):
    (checkout.space / "notes.txt").write_text("Git does not know it")

    result = checkout.llm("check")

    assert result.exit_code == 0, result.output
    names = [line.split()[1] for line in result.stdout.splitlines()]
    assert {"README.md", "app.py", "requirements.txt", "demo/page.py"} <= set(names)
    assert not {"uv.lock", "pyproject.toml", "notes.txt"} & set(names)


def test_a_large_file_is_refused_by_name_and_size_unless_it_is_in_lfs(checkout):
    checkout.write("at-the-limit.bin", b"\0" * LIMIT)
    checkout.write("weights.bin", b"\0" * (LIMIT + 1))

    (problem,) = complaints(checkout)
    assert problem == (
        f"space/weights.bin: {LIMIT + 1} bytes, and the Hub takes at most {LIMIT} outside of LFS. Leave it out, "
        "or `git lfs track` it."
    )

    (checkout.folder / ".gitattributes").write_text("weights.bin filter=lfs diff=lfs merge=lfs -text\n")
    result = checkout.llm("check")
    assert result.exit_code == 0, result.output
    assert f"{LIMIT + 1:>10}  weights.bin  (LFS)" in result.stdout


def test_a_pointer_without_its_file_is_refused(checkout):
    checkout.write("weights.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    assert complaints(checkout) == ["space/weights.bin: only its LFS pointer is here. `git lfs pull` brings the file."]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("---\ntitle", "title", "its first line must be ---"),
        ("title: Chat", "title: [Chat", "this is not YAML"),
        ("title: Chat with a deployed model\n", "", "title: set it"),
        ("sdk: gradio", "sdk: docker", "sdk: docker, and the demo is written for gradio."),
        ("sdk_version: ", "sdk_version: 5", "Write the same."),
        ('"3.11"', "3.11", 'python_version: 3.11 is no text of the form "3.11". Quote it'),
        ("app.py", "main.py", "app_file: main.py is none of the files that are pushed."),
        ("indigo", "violet", "colorFrom: violet is none of red, yellow"),
    ],
)
def test_a_mistake_in_the_front_matter_is_told(checkout, old, new, complaint):
    checkout.edit("README.md", old, new)
    (problem,) = complaints(checkout)
    assert problem.startswith("space/README.md: ")
    assert complaint in problem


def test_requirements_that_are_not_the_lock_are_told(checkout):
    checkout.edit("requirements.txt", "openai==", "openai==0.")
    (problem,) = complaints(checkout)
    assert problem.startswith("space/requirements.txt: openai is 0.")
    assert problem.endswith("`make space-lock` writes it anew.")


@pytest.mark.parametrize(
    ("requirements", "complaint"),
    [
        ("a==1\nb==2 ; python_version < '4'\nb==3\n", None),
        ("a==1\nb==2\n", "b is 2, and in uv.lock 2 and 3."),
        ("a==1\nb==2\nb==3\nc==1\n", "c is 1, and in uv.lock not there."),
        ("b==2\nb==3\n", "a is not there, and in uv.lock 1."),
        ("a>=1\na==1\nb==2\nb==3\n", "'a>=1' is no pinned version."),
        (None, "is missing, or Git does not know it."),
    ],
)
def test_what_is_installed_is_what_is_needed_and_no_more(requirements, complaint):
    lock = """
        [[package]]
        name = "demo"
        version = "0"
        source = { virtual = "." }
        dependencies = [{ name = "a" }]
        [package.dev-dependencies]
        browser = [{ name = "c" }]
        [[package]]
        name = "a"
        version = "1"
        source = { registry = "r" }
        dependencies = [{ name = "b", version = "2" }, { name = "b", version = "3" }]
        [[package]]
        name = "b"
        version = "2"
        source = { registry = "r" }
        dependencies = [{ name = "a" }]
        [[package]]
        name = "b"
        version = "3"
        source = { registry = "r" }
        [[package]]
        name = "c"
        version = "1"
        source = { registry = "r" }
    """
    problems = requirement_problems(requirements, lock)
    assert ([complaint] if complaint else []) == [complaint for problem in problems if complaint in problem]
    assert len(problems) == (1 if complaint else 0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("HF_TOKEN = 'hf_" + "x" * 34 + "'", "a Hugging Face token"),
        ("sk-lf-" + "0" * 36, "a secret key of Langfuse"),
        ("-----BEGIN " + "RSA PRIVATE KEY-----", "a private key"),
        ("what-is-set-here", "the value of MODEL_KEY"),
    ],
)
def test_a_secret_is_told_by_line_and_kind_and_never_shown(checkout, text, kind):
    checkout.write("notes.md", f"first\n{text}\n")
    (problem,) = complaints(checkout, MODEL_KEY="what-is-set-here")
    assert problem.startswith(f"space/notes.md: line 2 holds {kind}.")
    assert text not in problem


def test_everything_is_told_at_once(checkout):
    checkout.edit("README.md", "sdk: gradio", "sdk: docker")
    checkout.edit("requirements.txt", "openai==", "openai==0.")
    checkout.write("weights.bin", b"\0" * (LIMIT + 1))
    assert len(complaints(checkout)) == 3


def test_outside_of_git_it_is_said(checkout):
    shutil.rmtree(checkout.folder / ".git")
    result = checkout.llm("check")
    assert (result.exit_code, "Git says: fatal: not a git repository" in result.stderr) == (2, True)


@pytest.mark.skipif(UV is None, reason="needs uv, as `make` has it")
def test_requirements_are_what_uv_exports():
    makefile = (ROOT / "Makefile").read_text()
    (flags,) = [line.split("export ")[1] for line in makefile.splitlines() if line.startswith("SPACE_EXPORT")]
    exported = subprocess.run(
        [UV, "export", *flags.split()], cwd=ROOT / "space", capture_output=True, text=True, check=True
    )
    assert (ROOT / "space/requirements.txt").read_text() == exported.stdout
