"""`llm plan`: how long starts take, and what a change interrupts, as tables and as data."""

import json

import pytest
from click.testing import CliRunner

from blueprint.stack import check_stack
from blueprint.timing.start import duration
from ops.cli import main
from ops.plan import interruption, starts
from ops.plan.section import Subject
from tests.blueprint.stack_files import IMAGES_LOCK, edited
from tests.blueprint.timing.test_changes import ONE, TWO, available
from tests.blueprint.timing.test_start import LAB, lock, sized, stack
from tests.ops.checkout import commit
from tests.support import PROJECT, copy_project


def subject(*edits, facts=None):
    description, _ = check_stack("lab", edited(LAB, *edits), lock(facts), IMAGES_LOCK)
    assert description is not None
    return Subject(project=PROJECT, stack=stack(*edits, facts=facts), description=description)


def test_each_start_has_its_span_its_longest_stage_and_what_is_not_known():
    planned = subject(facts=sized(16))
    known, start = starts.section(planned), planned.stack.starts["m"]
    spans = tuple(map(duration, (start.replica.likely, start.replica.best, start.replica.worst)))
    assert known.rows == [("m", *spans, "image", "", "30 min")]
    why = "the default, which is enough: the engine may take 9 min to start at worst"
    assert known.data == [{"model": "m", **start.data(), "givenUp": {"minutes": 30, "why": why}}]
    unknown = starts.section(subject())
    assert unknown.rows[0][1].startswith(">= ")
    assert unknown.rows[0][5] == "load"
    measured = starts.section(subject({"models.m.lifecycle": {"loadSeconds": 200}}))
    assert measured.rows == [("m", "3 min", "3 min", "3 min", "measured", "", "30 min")]
    large = starts.section(subject(facts=sized(300)))
    assert large.rows[0][6] == "102 min"
    assert large.remarks[1] == (
        "m is given up after 102 min: derived: the download may take 1.7 h at worst, and a fifth more."
    )


def test_what_a_change_interrupts_is_a_row_each_with_remarks_and_no_row_for_what_stays():
    before = stack(available(1), facts=sized(16))
    same = interruption.section(subject(available(1), facts=sized(16)), before)
    assert (same.rows, same.remarks) == ([], ["Nothing."])
    changed = interruption.section(subject(available(1), {"models.m.owner": "b"}, facts=sized(16)), before)
    (row,) = changed.rows
    assert (row[0], row[1], row[5]) == ("m", "restarts, delete first", "owner")
    assert row[2].endswith(")")
    assert json.loads(json.dumps(changed.data))[0]["offlineSeconds"]["likely"] > 75


def test_what_hangs_is_a_remark():
    before = stack(available(2), {"models": {"m": TWO}})
    section = interruption.section(subject(available(2), {"models": {"n": ONE}}), before)
    assert [row[:3] for row in section.rows] == [("m", "deleted", "for good"), ("n", "new", "no")]
    assert "n hangs for want of a GPU: 3 nvidia-l4 of 2 are needed until m is deleted." in section.remarks
    fails = interruption.section(subject({"models.m.cache.storageClass": "fast"}), stack())
    assert fails.rows[0][2] == "not known"
    assert fails.remarks[0].startswith("m: `up` fails: a claim cannot go")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    copy_project(tmp_path)
    commit(tmp_path, "as it is")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(*words):
    result = CliRunner().invoke(main, ["plan", "--stack", "dev", "--json", *words])
    return json.loads(result.stdout)["sections"]


def test_the_command_says_what_a_change_of_the_file_interrupts_and_only_against_a_commit(checkout):
    file = checkout / "Pulumi.dev.yaml"
    file.write_text(file.read_text().replace("maxModelLen: 8192", "maxModelLen: 4096", 1))
    model, endpoint = planned("--against", "HEAD")["interruption"]
    assert (model["model"], model["kind"], model["order"]) == ("qwen-1-5b", "restarts", "create first")
    assert model["why"] == ["engine (arguments): --max-model-len"]
    assert (endpoint["model"], endpoint["kind"]) == ("qwen-1-5b-endpoint", "nothing")
    assert "interruption" not in planned()
    file.write_text("config: {}\n")
    commit(checkout, "broken")
    file.write_text((PROJECT.root / "Pulumi.dev.yaml").read_text())
    assert "interruption" not in planned("--against", "HEAD")


def test_of_a_stack_that_is_new_everything_is():
    section = interruption.section(subject(), None)
    assert [row[1] for row in section.rows] == ["new"]
