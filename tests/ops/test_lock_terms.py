"""`llm lock` and a model's terms: its licence and gate, from a hub, a cache and a checkout; a change is said."""

import json
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from blueprint.locks import DescriptionError, read_models_lock
from lab.hub.server import HubServer
from ops.terms import Terms, terms_of, terms_of_readme
from tests.ops.test_lock import hub  # noqa: F401  answers as it is told
from tests.ops.test_lock_directory import A, B, cached, git, llm_lock, pin

GATED = "lab-org/gated"


def card(**keys):
    return f"---\n{yaml.safe_dump(keys)}---\n# A model\n"


def snapshot(folder, text, sha=A):
    cached(folder, sha=sha)
    (folder / "models--org--one" / "snapshots" / sha / "README.md").write_text(text)


def terms(root, name="org/one@main"):
    found = pin(root, name)
    return found.licence, found.licence_name, found.gated


def lab_hub(repository=None, **changed):
    server = HubServer()
    if repository is not None:
        repositories = server.world.repositories
        repositories.add(replace(repositories.get(repository), **changed))
    return server.start()


def test_a_hub_tells_licence_and_gate_without_giving_the_files(project):
    server = lab_hub(GATED, license="llama3.1")
    try:
        result = llm_lock(GATED, "lab-org/tiny", "--endpoint", server.url)
    finally:
        server.stop()
    assert result.exit_code == 0, result.output
    assert "licence llama3.1; gated: only a token of an account that accepted its terms reads it" in result.output
    assert terms(project, f"{GATED}@main") == ("llama3.1", None, True)
    assert terms(project, "lab-org/tiny@main") == ("apache-2.0", None, None)
    assert "gated: false" not in (project / "models.lock.yaml").read_text()


def test_a_changed_licence_of_the_same_commit_is_said_and_fails_a_check(project):
    server = lab_hub()
    try:
        llm_lock("lab-org/tiny", "--endpoint", server.url)
        assert llm_lock("lab-org/tiny", "--endpoint", server.url, "--check").exit_code == 0
    finally:
        server.stop()
    server = lab_hub("lab-org/tiny", license="cc-by-nc-4.0", gated="auto")
    try:
        before = (project / "models.lock.yaml").read_text()
        checked = llm_lock("lab-org/tiny", "--endpoint", server.url, "--check")
        assert (project / "models.lock.yaml").read_text() == before
        result = llm_lock("lab-org/tiny", "--endpoint", server.url)
    finally:
        server.stop()
    assert (checked.exit_code, result.exit_code) == (1, 0)
    for one in (checked, result):
        assert "licence changed from apache-2.0 to cc-by-nc-4.0; gated: only" in one.output
    assert terms(project, "lab-org/tiny@main") == ("cc-by-nc-4.0", None, True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"tags": ["license:gemma"]}, ("gemma", None, None)),
        ({"cardData": {"license": "other", "license_name": "of-our-own"}}, ("other", "of-our-own", None)),
        ({"cardData": {"license": ["mit"]}, "tags": [], "gated": "manual"}, ("mit", None, True)),
        ({"cardData": {"license": ["mit", "gpl-3.0"]}}, (None, None, None)),
        ({"cardData": {"license": "\x1b[31mred"}}, (None, None, None)),
        ({"cardData": {"license": 1}, "gated": False}, (None, None, None)),
        ({"tags": [None, 1]}, (None, None, None)),
        ({"tags": "license:mit"}, (None, None, None)),
        ({"cardData": ["license"]}, (None, None, None)),
    ],
)
def test_what_a_hub_says_is_taken_as_it_stands_or_not_at_all(project, hub, answer, expected):  # noqa: F811
    body = json.dumps({"id": "org/one", "modelId": "org/one", "sha": A, "siblings": [], **answer})
    hub.answers = {"org/one@main": (200, {"Content-Type": "application/json"}, body.encode())}
    result = llm_lock("org/one", "--endpoint", hub.address)
    assert result.exit_code == 0, result.output
    assert terms(project) == expected


def test_a_cache_and_a_checkout_tell_it_by_the_readme(project, directory):
    snapshot(directory, card(license="other", license_name="of-our-own"))
    result = llm_lock("org/one", "--from", directory)
    assert "new, aaaaaaaa; licence other (of-our-own)\n" in result.output
    assert terms(project) == ("other", "of-our-own", None)


def test_a_checkout_tells_it_as_of_the_commit(project, directory):
    git(directory, "init", "-q")
    (directory / "README.md").write_text(card(license="mit"))
    git(directory, "add", ".")
    git(directory, "commit", "-q", "-m", "first")
    (directory / "README.md").write_text(card(license="gpl-3.0"))
    assert llm_lock("org/one", "--from", directory).exit_code == 0
    assert terms(project) == ("mit", None, None)


def locked(root, **more):
    known = {"how": "resolved", "source": "local directory (hub cache)", "date": "2026-01-02"}
    entry = {"sha": A, "known": known, **more}
    (root / "models.lock.yaml").write_text(yaml.safe_dump({"version": 1, "models": {"org/one@main": entry}}))


def test_a_lock_without_terms_holds_and_is_filled(project, directory):
    snapshot(directory, card(license="mit"))
    locked(project)
    assert llm_lock("org/one", "--from", directory, "--check").exit_code == 0
    assert "unchanged, aaaaaaaa; licence mit\n" in llm_lock("org/one", "--from", directory).output
    before = (project / "models.lock.yaml").read_text()
    assert "unchanged, aaaaaaaa\n" in llm_lock("org/one", "--from", directory).output
    assert (project / "models.lock.yaml").read_text() == before
    assert llm_lock("org/one", "--from", directory, "--check").exit_code == 0


def test_a_source_that_says_nothing_leaves_the_terms_of_the_same_commit(project, directory):
    locked(project, licence="llama3.1", gated=True)
    cached(directory)
    assert "unchanged, aaaaaaaa\n" in llm_lock("org/one", "--from", directory).output
    cached(directory, sha=B)
    result = llm_lock("org/one", "--from", directory)
    assert "moved from aaaaaaaa to bbbbbbbb; licence was llama3.1, and the source names none\n" in result.output
    assert terms(project) == (None, None, True)


@pytest.mark.parametrize("wrong", [{"licence": ""}, {"licence": "a b"}, {"licence_name": 1}, {"gated": False}])
def test_what_no_lock_says_is_refused(project, wrong):
    locked(project, **wrong)
    with pytest.raises(DescriptionError, match=r"models\.org/one@main"):
        read_models_lock((project / "models.lock.yaml").read_text())


@pytest.mark.parametrize(
    "text",
    [b"", b"# No card\n", b"---\nlicense: mit\n", b"---\n- a\n---\n", b"---\n{\n---\n", b"\xff\xfe", b"---\n---\n"],
)
def test_a_readme_without_a_card_says_nothing(text):
    assert terms_of_readme(text) is None


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda text: b"---\n" + text + b"\n---\n"))
def test_whatever_stands_in_a_readme_is_read_without_an_error(text):
    assert isinstance(terms_of_readme(text), Terms | None)


def test_a_name_counts_for_licences_that_have_no_other():
    assert terms_of({"license": "mit", "license_name": "apache-2.0"}) == Terms(licence="mit")
