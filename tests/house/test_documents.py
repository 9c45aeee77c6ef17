"""What the documents promise exists: targets, commands, links, an example that resolves."""

import re

import pytest
import yaml

from blueprint.stack import resolve_stack
from ops.cli import COMMANDS
from tests.support import PROJECT

DOCUMENTS = sorted([*PROJECT.root.glob("*.md"), *PROJECT.root.glob("docs/**/*.md")])
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (PROJECT.root / "Makefile").read_text(), re.MULTILINE))


def each_document(test):
    return pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)(test)


@each_document
def test_links_lead_to_files(document):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@each_document
def test_make_targets_exist(document):
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named - TARGETS == set()


@each_document
def test_llm_commands_exist(document):
    named = set(re.findall(r"(?:^|`)llm ([a-z][a-z-]*)", document.read_text(), re.MULTILINE))
    assert named - COMMANDS.keys() == set()


def test_the_readmes_example_resolves_on_a_real_cluster():
    (example,) = re.findall(r"```yaml\n(.*?)```", (PROJECT.root / "README.md").read_text(), re.DOTALL)
    config = {key.split(":", 1)[1]: value for key, value in yaml.safe_load(example)["config"].items()}
    stack = resolve_stack("prod", config, PROJECT.models_lock(), PROJECT.images_lock())
    assert [workload.name for workload in stack.workloads] == ["search-answers"]
    assert [endpoint.name for endpoint in stack.endpoints] == ["mail-drafts"]


def test_every_target_is_listed_by_make_help():
    makefile = (PROJECT.root / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (\S+)", makefile, re.MULTILINE))
    assert phony == TARGETS
