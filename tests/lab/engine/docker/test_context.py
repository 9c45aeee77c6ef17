"""The digest of a build's files, held to what pulumi-docker's own hashContext gave for the same folder."""

import pytest

from lab.engine.docker.context import Patterns, digest_of

# Recorded with hashContext of pulumi-docker (commit 237b7899), fsutil and patternmatcher, in Go, on this folder.
RECORDED = "92afe3f233d2c2d0cfa5b07e0545b0710a407edf72e1df0765cb571897b7d38b"
FILES = {
    "Dockerfile": "FROM scratch\nCOPY . /\n",
    ".dockerignore": "\ufeff# comment\nskip\n!skip/keep.txt\n**/*.log\n!a/x.log\n/test_?\n  a/b/  \n**foo\n[xy].d\n",
    "a.txt": "3\n",
    "a/one.txt": "1\n",
    "a/b/two.py": "2\n",
    "a/x.log": "log\n",
    "a/test_b": "t\n",
    "a/zfoo": "z\n",
    "a.d/x": "x\n",
    "na me": "n\n",
    "skip/k": "k\n",
    "skip/keep.txt": "keep\n",
    "skip/deep/d": "d\n",
    "test_a": "t\n",
    "x.log": "l\n",
    "ünï": "u\n",
}
MODES = {"a.txt": 0o755, "a.d/x": 0o4755}


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(MODES.get(name, 0o644))
    (tmp_path / "app/link").symlink_to("a/one.txt")
    (tmp_path / "app/dirlink").symlink_to("a")
    return tmp_path


def digest(root):
    return digest_of(root, "app", "app/Dockerfile")


def test_it_is_pulumi_dockers(root):
    assert digest(root) == RECORDED


@pytest.mark.parametrize("name", ["skip/k", "skip/deep/d", "test_a", "x.log", "a/zfoo"])
def test_what_is_ignored_does_not_count(root, name):
    (root / "app" / name).write_text("other")
    assert digest(root) == RECORDED


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore", "a/one.txt", "a/x.log", "skip/keep.txt", "new"])
def test_all_else_counts(root, name):
    path = root / "app" / name
    path.write_text((path.read_text() if path.exists() else "") + "# more\n")
    assert digest(root) != RECORDED


def test_a_files_mode_and_where_a_link_leads_count(root):
    (root / "app/a.txt").chmod(0o644)
    changed = digest(root)
    assert changed != RECORDED
    (root / "app/link").unlink()
    (root / "app/link").symlink_to("a/x.log")
    assert digest(root) not in (changed, RECORDED)


def test_the_dockerfiles_own_ignore_file_comes_first(root):
    (root / "app/Dockerfile.dockerignore").write_text("*\n!Dockerfile\n")
    alone = digest(root)
    (root / "app/a.txt").write_text("other")
    assert digest(root) == alone


@pytest.mark.parametrize(
    ("pattern", "ignored", "kept"),
    [
        ("*", ["a", "a/b"], []),
        ("a/*/c", ["a/b/c", "a/b/c/d"], ["a/c", "a/b/b/c"]),
        ("**/c", ["c", "a/c", "a/b/c/d"], ["ac"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "ab"]),
        ("a?", ["ab"], ["a", "a/", "abc"]),
        ("[a-c]x", ["bx"], ["dx"]),
        (r"\*", ["*"], ["a"]),
        ("a.b", ["a.b"], ["axb"]),
    ],
)
def test_patterns(pattern, ignored, kept):
    found = Patterns([pattern])
    assert [path for path in [*ignored, *kept] if found.match(path)] == ignored


@pytest.mark.parametrize("line", ["!", "[a"])
def test_a_line_that_is_no_pattern_is_named(line):
    with pytest.raises(ValueError, match="no pattern"):
        Patterns([line])
