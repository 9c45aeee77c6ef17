"""The dashboards as files."""

import json

import yaml
from click.testing import CliRunner

from blueprint.monitoring.dashboards import dashboards
from blueprint.monitoring.stores import STORES
from ops.dashboards import command
from tests.support import PROJECT


def test_each_dashboard_is_a_file_that_grafana_imports(tmp_path):
    run = CliRunner().invoke(command, ["--out", str(tmp_path / "new")])
    assert run.exit_code == 0, run.output
    files = sorted((tmp_path / "new").iterdir())
    assert [json.loads(file.read_text())["uid"] for file in files] == [file.stem for file in files]
    assert {file.stem for file in files} == {one.uid for one in dashboards(stores=STORES)}
    assert f"wrote {files[0]}" in run.output


def test_a_stacks_budget_is_drawn(tmp_path, monkeypatch):
    for name in ("Pulumi.yaml", "models.lock.yaml", "images.lock.yaml"):
        (tmp_path / name).write_text((PROJECT.root / name).read_text())
    file = yaml.safe_load((PROJECT.root / "Pulumi.dev.yaml").read_text())
    for accelerator in file["config"]["llm-inference:cluster"]["accelerators"].values():
        accelerator["hourlyUsd"] = 0.8
    file["config"]["llm-inference:budget"] = {"monthlyUsd": 1234567}
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump(file))
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(command, ["--out", "files", "--stack", "dev"])
    assert run.exit_code == 0, run.output
    assert "vector(1234567.0)" in (tmp_path / "files/llm-cost.json").read_text()


def test_an_unknown_stack_writes_nothing(tmp_path):
    run = CliRunner().invoke(command, ["--out", str(tmp_path), "--stack", "nowhere"])
    assert run.exit_code == 1
    assert "Pulumi.nowhere.yaml does not exist" in run.output
    assert list(tmp_path.iterdir()) == []
