"""`llm endpoints pause` and `resume`: by hand, on this stack's own endpoints alone."""

import json

import pytest

from tests.ops.desk import endpoint_model


def test_pause_says_that_the_next_up_puts_it_back(desk):
    result = desk.run("endpoints", "pause", "qwen")

    assert result.exit_code == 0
    assert result.stdout.startswith("qwen: running -> paused. It costs nothing")
    assert "The next `up` of stack dev puts it back to what the stack file says (models.qwen.state: running)." in (
        result.stdout
    )
    assert "write state: paused there" in result.stdout
    assert desk.hub.endpoint("qwen").state == "paused"
    assert desk.changes() == ["pause qwen"]


def test_pausing_what_is_paused_asks_for_nothing(desk):
    desk.act("qwen", "pause")

    shown = desk.json("endpoints", "pause", "qwen")

    assert (shown["state"], shown["before"], shown["changed"]) == ("paused", "paused", False)
    assert desk.changes() == []


def test_resume_starts_a_paused_one_and_says_that_it_is_billed(desk):
    desk.act("prose-tgi", "pause")

    result = desk.run("endpoints", "resume", "prose")

    assert result.exit_code == 0
    assert result.stdout.startswith("prose (endpoint prose-tgi): paused -> pending. It is billed from now on.")
    assert "So says the stack file too (models.prose.state: running)." in result.stdout


def test_resume_of_what_the_file_wants_paused_says_so(desk_of):
    desk = desk_of({"m": endpoint_model(state="paused")})
    desk.up()
    desk.act("m", "pause")

    shown = desk.json("endpoints", "resume", "m")

    assert shown["declared_state"] == "paused"
    assert "(models.m.state: paused). To keep it so, write state: running there." in shown["note"]
    assert "So says the stack file too" in desk.json("endpoints", "pause", "m")["note"]


@pytest.mark.parametrize(("action", "said"), [(None, "It was not paused"), ("scale-to-zero", "the next call wakes it")])
def test_resuming_what_is_not_paused_asks_for_nothing(desk, action, said):
    if action:
        desk.act("qwen", action)

    result = desk.run("endpoints", "resume", "qwen")

    assert result.exit_code == 0
    assert said in result.stdout
    assert desk.changes() == []


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize(
    "tags", [(), ("owner:team-x",), ("pulumi:llm-inference/dev2/0123abcd",), ("pulumi:llm-inference/dev",)]
)
def test_a_foreign_endpoint_under_a_declared_name_is_left_alone(desk_of, command, tags):
    desk = desk_of({"m": endpoint_model()})
    desk.up(tags=tags)

    result = desk.run("endpoints", command, "m")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: m is not this stack's: it has no tag pulumi:llm-inference/dev/")
    assert desk.changes() == []


def test_a_pause_whose_answer_is_lost_is_read_back(desk):
    desk.hub.fault(operation="pause", kind="reset", moment="after")

    assert desk.json("endpoints", "pause", "qwen")["state"] == "paused"


def test_a_pause_that_did_not_happen_fails(desk, monkeypatch):
    monkeypatch.setattr("endpoints.client.EndpointsClient.pause", lambda *_: {})

    result = desk.run("endpoints", "pause", "qwen", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["state"] == "running"
    assert "is running, though the API accepted the pause" in result.stderr
