"""Wrong lock files: refused with key and remedy, on one line."""

import pytest

from blueprint.issues import DescriptionError
from blueprint.locks import IMAGES_LOCK, MODELS_LOCK, read_images_lock, read_models_lock
from tests.blueprint import stack_files

PIN = f"  {stack_files.REPOSITORY}@main:\n"
RESOLVED = "known: {how: resolved, source: hub, date: 2026-11-30}"


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        (PIN + f"    sha: 0123abc\n    {RESOLVED}", ".sha", "'0123abc'"),
        (PIN + f"    sha: {'A' * 40}\n    {RESOLVED}", ".sha", "'AAAA"),
        (PIN + f"    sha: {'a' * 40}\n    known: {{how: resolved}}", ".known", "needs source"),
        (PIN + f"    sha: {'a' * 40}\n    known: {{how: published, source: x}}", ".known", "and date"),
        (PIN + f"    sha: {'a' * 40}\n    known: {{how: unresolved}}", "", "sha is given exactly when"),
        (PIN + f"    {RESOLVED}", "", "sha is given exactly when"),
        (PIN + f"    shaa: {'a' * 40}", ".shaa", "unknown key"),
        (PIN + "    known: {how: guessed}", ".known.how", "'guessed'"),
    ],
)
def test_a_wrong_models_lock_is_refused_with_key_and_remedy(text, key, problem):
    with pytest.raises(DescriptionError) as refused:
        read_models_lock(f"version: 1\nmodels:\n{text}\n")
    _, line = str(refused.value).split("\n")
    assert line.startswith(f"  {MODELS_LOCK}: models.{stack_files.REPOSITORY}@main{key}: ")
    assert problem in line
    assert "llm lock" in line
    assert "Value error" not in line


@pytest.mark.parametrize("text", ["- a", "version: 2", "a: [", "images: {x: {digest: sha256:ab}}", "'\x00'"])
def test_a_wrong_images_lock_is_refused_on_one_line(text):
    with pytest.raises(DescriptionError) as refused:
        read_images_lock(text)
    _, line = str(refused.value).split("\n")
    assert line.startswith(f"  {IMAGES_LOCK}: ")
    assert line.isprintable()
