"""`llm render`: files that a person applies and a reviewer compares."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ops.cli import main
from ops.manifests import to_yaml
from tests.house.helm_stand_in import deployment, stand_in, without_helm
from tests.support import PROJECT


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the program and its stack files, to be edited."""
    for name in (
        "Pulumi.yaml",
        "Pulumi.dev.yaml",
        "Pulumi.prod.yaml",
        "models.lock.yaml",
        "images.lock.yaml",
        "__main__.py",
    ):
        shutil.copy(PROJECT.root / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def llm(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_second_rendering_writes_the_same_bytes_and_says_so(checkout, stack):
    assert llm("render", "--stack", stack, "--out", "out").exit_code == 0
    first = {path.name: path.read_bytes() for path in (checkout / "out").iterdir()}
    again = llm("render", "--stack", stack, "--out", "out")
    assert {path.name: path.read_bytes() for path in (checkout / "out").iterdir()} == first
    assert again.output == f"unchanged: {len(first)} objects\n"


def test_each_file_holds_one_object_and_the_namespace_comes_first(checkout):
    llm("render", "--stack", "prod", "--out", "out")
    files = sorted((checkout / "out").iterdir())
    assert all(len(list(yaml.safe_load_all(file.read_text()))) == 1 for file in files)
    assert yaml.safe_load(files[0].read_text())["kind"] == "Namespace"


def test_a_change_of_max_model_len_is_told_as_one_changed_argument(checkout):
    llm("render", "--stack", "dev", "--out", "out")
    edit(checkout / "Pulumi.dev.yaml", "maxModelLen: 8192", "maxModelLen: 4096")
    assert llm("render", "--stack", "dev", "--out", "out").output == (
        "changed: 3-deployment-qwen-1-5b.yaml: spec.template.spec.containers[engine].args: "
        "--max-model-len=8192 -> --max-model-len=4096\n"
    )


def test_whoever_reads_only_the_first_line_gets_all_files(checkout):
    program = Path(sys.executable).with_name("llm")
    subprocess.run(f"{program} render --stack prod --out out | head -n 1", shell=True, check=True, capture_output=True)
    assert llm("render", "--stack", "prod", "--out", "out").output.startswith("unchanged: ")


def test_objects_that_are_gone_lose_their_files_and_files_of_others_stay(checkout):
    llm("render", "--stack", "dev", "--out", "out")
    (checkout / "out" / "notes.yaml").write_text("mine: true\n")
    edit(checkout / "Pulumi.dev.yaml", "  llm-inference:monitoring:\n    mode: operator\n", "")
    assert "gone: 3-podmonitor-qwen-1-5b.yaml" in llm("render", "--stack", "dev", "--out", "out").output
    assert not (checkout / "out" / "3-podmonitor-qwen-1-5b.yaml").exists()
    assert (checkout / "out" / "notes.yaml").exists()


def test_a_secret_of_the_configuration_is_named_and_not_written(checkout):
    with (checkout / "Pulumi.dev.yaml").open("a") as file:
        file.write("  llm-inference:hubReadToken: {secure: v1:abc:def}\n")
    result = llm("render", "--stack", "dev", "--out", "out")
    assert "not written: Secret llm/llm-hub-read" in result.output
    assert not any("secret" in path.name for path in (checkout / "out").iterdir())
    (job,) = (checkout / "out").glob("*-job-qwen-1-5b-download-*.yaml")
    assert "secretKeyRef" in job.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["render", "--stack", "nope", "--out", "out"],
            "Pulumi.nope.yaml does not exist. Stacks here: dev, prod.",
        ),
        (["explain", "--stack", "dev", "nope"], "No model nope in stack dev. Models: qwen-1-5b, qwen-1-5b-endpoint."),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(checkout, arguments, message):
    result = llm(*arguments)
    assert result.exit_code == 1
    assert message in result.output


def test_every_mistake_of_a_stack_file_is_told_and_nothing_is_written(checkout):
    edit(checkout / "Pulumi.dev.yaml", "count: 1", "count: 3")
    edit(checkout / "Pulumi.dev.yaml", "available: 8", "available: 0")
    result = llm("render", "--stack", "dev", "--out", "out")
    assert result.exit_code == 1
    assert "models.qwen-1-5b.accelerator.count: 3" in result.output
    assert "cluster.accelerators.nvidia-l4.available: 0" in result.output
    assert "Traceback" not in result.output
    assert not (checkout / "out").exists()


def test_every_resolved_value_is_explained(checkout):
    output = llm("explain", "--stack", "prod").output
    for word in ("search-answers: 3 x 1", "rollout: max_surge 1", "1 nvidia-l4 are spare", "drain 120"):
        assert word in output


def test_what_an_endpoint_resolves_to_is_explained(checkout):
    (checkout / "Pulumi.hub.yaml").write_text(
        """config:
  llm-inference:huggingface: {namespace: my-org}
  llm-inference:models:
    answers:
      target: endpoint
      model: Qwen/Qwen2.5-1.5B-Instruct
      owner: team-search
      engine: {name: vllm, maxModelLen: 8192}
      instance: {vendor: aws, region: us-east-1, type: nvidia-l4, size: x4}
"""
    )
    output = llm("explain", "--stack", "hub", "answers").output
    for words in (
        "answers: endpoint in my-org, 0 to 1 x nvidia-l4 x4 at aws us-east-1",
        "tensor_parallel_size: 4\n    all GPUs of instance size x4",
        "scale_to_zero_minutes: 15\n    scaling.min 0:",
        "revision: 989aa7980e4cf806f80c7fef2b1adb7bc71aa306\n    main, published:",
    ):
        assert words in output


DECODE = "3-deployment-m-decode.yaml"


@pytest.fixture
def render_by_llm_d(checkout, monkeypatch):
    """Render dev, whose model llm-d delivers, in an environment."""
    edit(checkout / "Pulumi.dev.yaml", "      accelerator:", "      llmD: {}\n      accelerator:")

    def run(environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return llm("render", "--stack", "dev", "--out", "out")

    return run


def test_the_objects_of_a_chart_are_written_with_their_namespace(checkout, render_by_llm_d, tmp_path):
    result = render_by_llm_d(stand_in(tmp_path, deployment()))
    assert f"new: {DECODE}" in result.output
    written = yaml.safe_load((checkout / "out" / DECODE).read_text())
    assert written["metadata"] == {"name": "m-decode", "namespace": "llm"}
    # What the chart delivers is not delivered twice.
    assert len(list((checkout / "out").glob("3-deployment-*"))) == 1


def test_without_helm_the_rest_is_written_and_what_is_missing_is_named(checkout, render_by_llm_d):
    result = render_by_llm_d(without_helm())
    assert result.exit_code == 0
    assert "not written: the objects of release llm/qwen-1-5b: helm-that-is-not-there is not on PATH" in result.output
    assert any((checkout / "out").glob("2-service-*"))


def test_a_chart_that_breaks_a_rule_fails_the_rendering(render_by_llm_d, tmp_path):
    result = render_by_llm_d(stand_in(tmp_path, deployment(securityContext={"privileged": True})))
    assert result.exit_code == 1
    assert 'breaks no-privileged-container: Deployment m-decode: container "engine" is privileged' in result.output


@pytest.mark.parametrize("text", ["y", "N", "1e3", "0o7", "+1", ".5", "12", "1:30", "true", "null", "--flag=1", "word"])
def test_a_text_stays_a_text_for_readers_of_every_yaml(text):
    """kubectl takes a plain y for true and 1e3 for a number; Python's reader does not."""
    (line,) = [line for line in to_yaml({"kind": "X", "value": text}).splitlines() if line.startswith("value")]
    written = line.removeprefix("value: ")
    assert yaml.safe_load(written) == text
    assert (written == text) is (text in ("--flag=1", "word"))
