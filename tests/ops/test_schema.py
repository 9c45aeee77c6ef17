"""The generated files: in step with the models, and true of every stack file here."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings

from blueprint.schema import DIALECT, stack_schema
from ops import schema
from ops.project import PROJECT_NAME, Project
from tests.blueprint.endpoint_mistakes import ENDPOINT_MISTAKES
from tests.blueprint.mistakes import MISTAKES
from tests.blueprint.stack_files import ENDPOINTS, LAB, LAB_ENDPOINTS, PROD, edited
from tests.endpoint_strategies import endpoint_configs
from tests.strategies import lab_configs

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(stack_schema(PROJECT_NAME))
SEEN_BY_AN_EDITOR = (
    "is not a",
    "unknown key",
    "is not allowed",
    "is no target",
    "is no engine",
    "the allowed form",
    "largest allowed value",
    "smallest allowed value",
    "is not below",
    "is not above",
)
"""What the mistakes of a single value say; the others only show when settings are read together."""


def file_of(config):
    """A stack file with this configuration."""
    return {"config": {f"{PROJECT_NAME}:{key}": value for key, value in config.items()}}


def test_the_committed_files_are_what_the_models_say():
    wanted = schema.generated(Project(ROOT))
    stale = [str(path) for path, text in wanted.items() if (ROOT / path).read_text() != text]
    assert stale == [], "run `llm schema`"


def test_generating_twice_gives_the_same_bytes():
    assert schema.generated(Project(ROOT)) == schema.generated(Project(ROOT))


def test_check_names_the_stale_file_and_writes_nothing(tmp_path, monkeypatch):
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "models.lock.yaml", "images.lock.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    missing = run.invoke(schema.command, ["--check"])
    assert missing.exit_code == 1
    assert "schema/stack.schema.json is not" in missing.output
    assert not (tmp_path / "schema").exists()

    assert run.invoke(schema.command).exit_code == 0
    assert run.invoke(schema.command, ["--check"]).output == ""

    guide = tmp_path / "docs/settings.md"
    guide.write_text(guide.read_text() + "more\n")
    stale = run.invoke(schema.command, ["--check"])
    assert stale.exit_code == 1
    assert stale.output.startswith("docs/settings.md is not")
    assert guide.read_text().endswith("more\n")


def test_the_schema_is_one():
    assert VALIDATOR.schema["$schema"] == DIALECT
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("path", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_every_stack_file_here_fits_the_schema(path):
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(path.read_text()))] == []


@pytest.mark.parametrize("config", [PROD, LAB, ENDPOINTS, LAB_ENDPOINTS], ids=["prod", "lab", "endpoints", "stand-in"])
def test_valid_configurations_fit_the_schema(config):
    assert [error.message for error in VALIDATOR.iter_errors(file_of(config))] == []


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(config=lab_configs() | endpoint_configs())
def test_whatever_resolves_fits_the_schema(config):
    assert [error.message for error in VALIDATOR.iter_errors(file_of(config))] == []


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(mistake, id=name)
        for name, mistake in {**MISTAKES, **ENDPOINT_MISTAKES}.items()
        if any(said in problem for problem, _ in mistake.says.values() for said in SEEN_BY_AN_EDITOR)
    ],
)
def test_an_editor_sees_the_mistakes_of_single_values(mistake):
    assert not VALIDATOR.is_valid(file_of(edited(mistake.base, mistake.edit)))


@pytest.mark.parametrize(
    ("key", "value", "fits"),
    [
        ("llm-inference:hubReadToken", {"secure": "v1:abc:def"}, True),
        ("llm-inference:hubReadToken", "in clear text", False),
        ("llm-inference:model", {}, False),
        ("llm-inference-secrets:hub-read", {"secure": "v1:abc:def"}, True),
        ("llm-inference-secrets:hub-read", "in clear text", False),
        ("kubernetes:context", "lab", True),
        ("pulumi:tags", {"team": "search"}, True),
        ("models", {}, False),
    ],
)
def test_keys_of_other_namespaces_are_free_and_ours_are_not(key, value, fits):
    file = copy.deepcopy(file_of(PROD))
    file["config"][key] = value
    assert VALIDATOR.is_valid(file) is fits


@pytest.mark.parametrize(
    ("key", "fits"),
    [("encryptionsalt", True), ("secretsprovider", True), ("encryptedkey", True), ("configs", False)],
)
def test_the_file_itself_takes_what_pulumi_writes(key, fits):
    assert VALIDATOR.is_valid({**file_of(PROD), key: "x"}) is fits


def test_the_schema_tells_meaning_and_default():
    definitions = json.loads(json.dumps(VALIDATOR.schema))["$defs"]
    drain = definitions["Lifecycle"]["properties"]["drainSeconds"]
    assert drain["default"] == 60
    assert "in seconds" in drain["description"]
    assert definitions["KubernetesModel"]["properties"]["cache"]["default"] == {"sizeGiB": 100}
