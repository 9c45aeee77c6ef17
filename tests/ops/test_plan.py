"""`llm plan`: sections of plain data, for a terminal, for a comment and for programs. Prices are the tests' own."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.engine.store.backend import Backend
from lab.engine.store.origin import origin
from ops.cli import main
from ops.plan.section import Section
from tests.ops.checkout import commit, git
from tests.ops.desk import endpoint_model
from tests.support import PROJECT, copy_project


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout in Git whose stack dev has prices."""
    copy_project(tmp_path)
    stack = tmp_path / "Pulumi.dev.yaml"
    text = stack.read_text().replace("{available: 8}", "{available: 8, hourlyUsd: 1}")
    stack.write_text(text.replace("api: lab", "api: lab\n    hourlyUsd: {nvidia-l4/x1: 2}"))
    commit(tmp_path, "priced")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(checkout, old, new):
    stack = checkout / "Pulumi.dev.yaml"
    assert old in stack.read_text()
    stack.write_text(stack.read_text().replace(old, new))


def llm(*words):
    return CliRunner().invoke(main, [*words, "--stack", "dev"])


def sections(*words):
    result = llm("plan", "--json", *words)
    found = json.loads(result.stdout)
    assert (found["version"], found["stack"]) == (1, "dev")
    return found["sections"]


def test_a_plan_says_fit_cost_and_rules(checkout):
    result = llm("plan")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["qwen-1-5b", "1", "x", "nvidia-l4", "1", "$1.00", "$1.00", "$730.00", "$730.00", "+$1.00"] in rows
    assert ["total", "$1.00", "$3.00", "$730.00", "$2,190.00"] in rows
    assert (
        "Storage: 10 GiB of claims, at an unknown price (cluster.storage.monthlyUsdPerGiB), in none of these sums."
        in result.stdout
    )
    found = sections()
    assert found.keys() == {"topology", "fit", "cost", "starts", "rules"}
    assert found["topology"]["pools"] == [
        {"accelerators": ["nvidia-l4"], "models": ["qwen-1-5b"], "usedMin": 1, "usedMax": 1, "available": 8}
    ]
    assert found["topology"]["cluster"] == {"id": "lab", "namespace": "llm"}
    assert found["fit"][0]["verdict"] == "unknown"  # the lock has no facts of it
    assert found["cost"]["total"] == {"hourMin": 1, "hourMax": 3, "monthMin": 730, "monthMax": 2190}
    assert found["cost"]["owners"] == [{"owner": "team-search", "monthMax": 2190, "complete": True}]
    assert found["rules"]["broken"] == []


def test_kinds_between_which_a_model_may_choose_are_one_pool(checkout):
    edit(
        checkout,
        "{available: 8, hourlyUsd: 1}",
        "{available: 8}\n      nvidia-h100: {available: 4}\n      nvidia-a10g: {available: 2}",
    )
    edit(checkout, "type: nvidia-l4, count: 1}", "type: nvidia-a10g, alternatives: [nvidia-l4], count: 1}")
    pools = sections()["topology"]["pools"]
    assert [(one["accelerators"], one["usedMax"], one["available"]) for one in pools] == [
        (["nvidia-l4", "nvidia-a10g"], 1, 10),
        (["nvidia-h100"], 0, 4),
    ]


def test_what_nobody_priced_is_null_and_the_sum_is_not_complete(checkout):
    edit(checkout, ", hourlyUsd: 1", "")
    cost = sections()["cost"]
    assert [model["monthMax"] for model in cost["models"]] == [None, 1460]
    assert (cost["total"]["monthMax"], cost["complete"]["monthMax"]) == (1460, False)
    assert "at least $1,460.00" in llm("plan").stdout


def test_a_budget_that_is_broken_is_told_and_the_exit_code_is_1(checkout):
    edit(checkout, "config:\n", "config:\n  llm-inference:budget: {models: {qwen-1-5b: 729}}\n")
    result = llm("plan")
    assert result.exit_code == 1
    assert "all replicas of qwen-1-5b at their maximum cost 730 USD a month, above 729" in result.stdout


def test_against_a_commit_it_says_what_changes(checkout):
    edit(checkout, "accelerator: {type: nvidia-l4, count: 1}", "accelerator: {type: nvidia-l4, count: 2}")
    change = sections("--against", "HEAD")["change"]
    assert [(one["model"], one["was"], one["is"], one["monthMax"]) for one in change["models"]] == [
        ("qwen-1-5b", "1 of 1 x nvidia-l4", "1 of 2 x nvidia-l4", [730, 1460])
    ]
    assert change["total"]["monthMax"] == [2190, 2920]
    text = llm("plan", "--against", "HEAD").stdout
    assert "+$730.00" in text
    assert "A month at the most replicas: $2,190.00 then, $2,920.00 now." in text
    commit(checkout, "two")
    assert "No model costs, or is made of, anything else." in llm("plan", "--against", "HEAD").stdout


def test_idle_gpus_of_whole_nodes_are_a_line_of_their_own_and_no_models(checkout):
    assert sections()["cost"]["idleGpus"] is None
    assert (
        "Of GPUs alone, and not of the nodes that they are in, without cluster.accelerators.nvidia-l4.gpusPerNode."
        in (llm("plan").stdout)
    )
    edit(checkout, "hourlyUsd: 1", "hourlyUsd: 1, gpusPerNode: 4")
    edit(checkout, "sizeGiB: 10}", "sizeGiB: 10}\n      load: {tokensPerSecond: 900, replicaTokensPerSecond: 450}")
    found = sections("--against", "HEAD")
    assert [one["monthMax"] for one in found["cost"]["models"]] == [730, 1460]
    idle = found["cost"]["idleGpus"]
    assert (idle["gpusPerNode"], idle["gpusMin"], idle["gpusMax"]) == ({"nvidia-l4": 4}, *[{"nvidia-l4": 3}] * 2)
    assert (idle["monthMin"], idle["complete"]["monthMin"]) == (2190, True)
    assert found["cost"]["total"]["monthMax"] == 730 + 1460 + 2190
    assert found["load"]["idleGpus"] == {"hour": 3, "month": 2190}
    assert found["load"]["total"] == {"hour": 4, "month": 2920}
    assert found["change"]["idleGpus"]["monthMax"] == [0, 2190]
    text = llm("plan", "--against", "HEAD").stdout
    row = "idle GPUs of whole nodes                                 $3.00       $3.00      $2,190.00    $2,190.00"
    assert " ".join(row.split()) in " ".join(text.split())
    assert "(GPUs of one: nvidia-l4 4), which models share. Idle on them at the fewest replicas: 3 x nvidia-l4;" in text
    assert "idle GPUs of whole nodes $0.00 to $2,190.00 $0.00 to $2,190.00" in " ".join(text.split())
    assert (
        "| `idle GPUs of whole nodes` |  |  | $3.00 | $3.00 | $2,190.00 | $2,190.00 |"
        in llm("plan", "--markdown").stdout
    )
    assert "$2,190.00 a month" in llm("plan", "--html").stdout
    edit(checkout, "config:\n", "config:\n  llm-inference:budget: {monthlyUsd: 4000}\n")
    refused = llm("plan")
    assert refused.exit_code == 1
    assert (
        "all replicas, with 2,190 USD of GPUs that stay idle on whole nodes, at their maximum cost 4,380 USD"
        in refused.stdout
    )


def test_a_declared_load_is_a_section_of_its_own_and_is_explained(checkout):
    assert "load" not in sections()
    cache = "cache: {mode: shared, sizeGiB: 10}"
    edit(checkout, cache, f"{cache}\n      load: {{tokensPerSecond: 900, replicaTokensPerSecond: 450}}")
    found = sections("--against", "HEAD")
    assert found["load"]["models"] == [
        {
            "model": "qwen-1-5b",
            "tokensPerSecond": 900,
            "replicaTokensPerSecond": 450,
            "replicas": 1,
            "carriedTokensPerSecond": 450,
            "hour": 1,
            "month": 730,
            "perMillionTokens": 0.617284,
        }
    ]
    # Nobody knows how many replicas the endpoint has.
    assert (found["load"]["total"], found["load"]["complete"]) == (
        {"hour": 1, "month": 730},
        {"hour": False, "month": False},
    )
    assert found["change"]["models"][0]["is"] == "1 of 1 x nvidia-l4, for 900 tokens/s"
    assert found["interruption"][0]["kind"] == "nothing"
    text = llm("plan").stdout
    assert "qwen-1-5b: the most replicas carry 450 tokens/s of 900 tokens/s." in text
    assert "at least $730.00" in text
    row = "| `qwen-1-5b` | 900 tokens/s | 450 tokens/s | 1 | $1.00 | $730.00 | $0.617 |"
    assert row in llm("plan", "--markdown").stdout
    assert "  load: 1 replica at 900 tokens/s, carrying 450 tokens/s, $1.00 an hour" in llm("explain").stdout


def test_a_price_that_changed_is_a_change(checkout):
    edit(checkout, "nvidia-l4/x1: 2", "nvidia-l4/x1: 3")
    (one,) = sections("--against", "HEAD")["change"]["models"]
    assert (one["model"], one["was"] == one["is"], one["hourMax"]) == ("qwen-1-5b-endpoint", True, [2, 3])


@pytest.fixture
def backend(checkout, monkeypatch):
    """The history of the stack, in a file backend, and no pulumi on PATH."""
    url = f"file://{checkout.parent / 'state'}"
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return Backend(url, "llm-inference")


def updated(backend, version, **more):
    """Note an update, of the commit that is checked out."""
    moment = 1_764_500_000 + 60 * version
    about = {"kind": "update", "result": "succeeded", "environment": dict(origin(Path.cwd())[1]), **more}
    backend.record(
        "dev", {"startTime": moment, "endTime": moment + 30, "message": "", "version": version} | about, "{}"
    )


def test_against_what_runs_it_is_the_commit_of_the_last_update_that_succeeded(checkout, backend):
    change = sections("--against", "running")["change"]
    assert (change["commit"], change["notes"]) == (None, ["It was never brought up: nothing runs."])
    assert change["total"]["monthMax"] == [0, 2190]

    updated(backend, 1)
    first = git(checkout, "rev-parse", "HEAD")
    edit(checkout, "accelerator: {type: nvidia-l4, count: 1}", "accelerator: {type: nvidia-l4, count: 2}")
    commit(checkout, "two")
    updated(backend, 2, result="failed")
    updated(backend, 3, kind="refresh")
    found = sections("--against", "running")
    assert found["change"]["commit"] == first
    assert found["change"]["total"]["monthMax"] == [2190, 2920]
    assert found["change"]["notes"] == [
        "The update 2 of 2025-11-30 10:55 UTC after it failed: what runs may be of it.",
    ]
    assert [one["kind"] for one in found["interruption"]] != ["nothing", "nothing"]

    edit(checkout, "nvidia-l4/x1: 2", "nvidia-l4/x1: 3")
    updated(backend, 4)
    text = llm("plan", "--against", "running").stdout
    assert "The update 4 of 2025-11-30 10:57 UTC was made with files that differed from its commit" in text
    assert "+$730.00" in text

    updated(backend, 5, kind="destroy")
    assert "It was destroyed (2025-11-30 10:58 UTC): nothing runs." in llm("plan", "--against", "running").stdout
    updated(backend, 6, environment={})
    assert "made without Git" in llm("plan", "--against", "running").stdout


def test_a_stack_that_was_not_there_or_could_not_be_read_is_said(checkout):
    text = (checkout / "Pulumi.dev.yaml").read_text()
    (checkout / "Pulumi.dev.yaml").unlink()
    gone = commit(checkout, "without")
    (checkout / "Pulumi.dev.yaml").write_text(text.replace("target: kubernetes", "target: gke"))
    wrong = commit(checkout, "wrong")
    (checkout / "Pulumi.dev.yaml").write_text(text)
    assert [one["was"] for one in sections("--against", gone)["change"]["models"]] == [None, None]
    assert "'gke' is no target" in sections("--against", wrong)["change"]["failure"]
    refused = llm("plan", "--against", "nothing")
    assert (refused.exit_code, "nothing is no commit" in refused.output) == (2, True)


def test_markdown_is_written_where_it_is_asked_for(checkout):
    assert llm("plan", "--markdown", "--out", "plan.md").exit_code == 0
    text = (checkout / "plan.md").read_text()
    assert "| `qwen-1-5b` | `1 x nvidia-l4` | `1` | $1.00 |" in text
    assert llm("plan", "--markdown", "--json").exit_code == 2


def test_what_others_wrote_ends_no_cell():
    shown = "".join(Section(key="k", title="t", data=None, head=("a",), rows=[("x | `y`\nz",)]).markdown())
    assert shown.splitlines()[-1] == "| ``x \\| `y` z`` |"


def test_the_catalogue_says_where_a_price_is_another(desk_of):
    desk = desk_of({"m": endpoint_model()}, hourlyUsd={"nvidia-l4/x1": 0.8})
    (desk.folder / "__main__.py").write_text((PROJECT.root / "__main__.py").read_text())
    (same,) = desk.json("plan", "--stack", "dev", "--catalogue")["sections"]["catalogue"]
    with desk.hub.lock:
        desk.hub.world.catalogue.change("aws-us-east-1-nvidia-l4-x1", price=0.9)
    (dearer,) = desk.json("plan", "--stack", "dev", "--catalogue")["sections"]["catalogue"]
    assert [(one["stackFile"], one["catalogue"]) for one in (same, dearer)] == [(0.8, 0.8), (0.8, 0.9)]
    said = desk.run("plan", "--stack", "dev", "--catalogue").stdout
    assert "$0.80      $0.90  dearer than the stack file: huggingface.hourlyUsd.nvidia-l4/x1" in said
