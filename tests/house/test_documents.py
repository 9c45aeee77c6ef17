"""What the documents promise exists: links, targets, options, settings, files; and an example resolves."""

import re

import pytest
import yaml

from blueprint.stack import resolve_stack
from tests.house.documents import (
    MAKEFILE,
    ROOT,
    TARGETS,
    broken_links,
    linked,
    missing_paths,
    wrong_commands,
    wrong_make,
    wrong_snippets,
)
from tests.support import PROJECT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])


def each_document(test):
    return pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)(test)


@each_document
def test_links_lead_to_files_and_headings(document):
    assert broken_links(document, document.read_text()) == []


@each_document
def test_make_targets_and_variables_exist(document):
    assert wrong_make(document.read_text()) == []


@each_document
def test_commands_and_their_options_exist(document):
    assert wrong_commands(document.read_text()) == []


@each_document
def test_snippets_of_stack_files_have_settings_that_exist(document):
    assert wrong_snippets(document.read_text()) == []


@each_document
def test_named_files_exist(document):
    assert missing_paths(document.read_text()) == []


def test_the_readme_leads_to_every_document():
    assert set(DOCUMENTS) - linked(ROOT / "README.md") == set()


WRONG = [
    (broken_links, "[a](docs/state.md#secrets) [b](docs/none.md) [c](#here)", ["docs/none.md", "#here"]),
    (broken_links, "# A `b`, c: d\n[a](#a-b-c-d) [b](docs/state.md#sekrets)", ["docs/state.md#sekrets"]),
    (wrong_make, "`make up STACK=prod`, `make upp`", ["make upp"]),
    (wrong_make, "```sh\ncd x && make up STAK=prod   # why\n```", ["make STAK=prod"]),
    (wrong_commands, "`llm lock --check` and\n`llm lokc`", ["llm lokc"]),
    (wrong_commands, "```\nX=1 llm endpoints logs M --tail 3 | llm chat M --jsn\n```", ["llm chat --jsn"]),
    (wrong_commands, "    llm endpoints pauze M", ["llm endpoints pauze"]),
    (wrong_commands, "`python -m lab.engine up --yess`", ["lab.engine up --yess"]),
    (wrong_commands, "`python -m lab.cluster up --no-taint --no-tain`", ["lab.cluster up --no-tain"]),
    (wrong_snippets, "```yaml\nscaling: {min: 1}\n```\n```yaml\nother: {file: 1}\n```", []),
    (missing_paths, "`blueprint/schema.py` `blueprint/shema.py` `docs/*.md` `org/name`", ["blueprint/shema.py"]),
]


@pytest.mark.parametrize(("look", "text", "found"), WRONG)
def test_what_is_wrong_is_found(look, text, found):
    assert (look(ROOT / "README.md", text) if look is broken_links else look(text)) == found


@pytest.mark.parametrize(
    "snippet",
    [
        "scaling: {min: 1, mx: 2}",
        "m:\n  target: kubernetes\n  engin: {}",
        "llm-inference:cluster: {contxt: a}",
        "config:\n  llm-inference:modls: {}",
    ],
)
def test_a_setting_that_does_not_exist_is_found(snippet):
    assert wrong_snippets(f"```yaml\n{snippet}\n```") != []


def test_the_readmes_example_resolves_on_a_real_cluster():
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    config = {key.split(":", 1)[1]: value for key, value in yaml.safe_load(example)["config"].items()}
    stack = resolve_stack("prod", config, PROJECT.models_lock(), PROJECT.images_lock())
    assert [workload.name for workload in stack.workloads] == ["search-answers"]
    assert [endpoint.name for endpoint in stack.endpoints] == ["mail-drafts"]


def test_every_target_is_listed_by_make_help():
    assert set(re.findall(r"^\.PHONY: (\S+)", MAKEFILE, re.MULTILINE)) == TARGETS
