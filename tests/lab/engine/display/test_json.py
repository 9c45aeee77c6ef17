"""Deployments as JSON, held to what the CLI prints."""

import io
import json

from lab.engine.display.json_output import JsonDisplay
from lab.engine.events import Diagnostic, Failed, Op, Severity, Started
from lab.engine.values import UNKNOWN, UNKNOWN_MARK, Secret
from tests.lab.engine.display.events import ROOT, end, outputs, resource, run, same, step, update

OLD = resource("d", {"spec": {"args": ["8192"]}, "token": Secret("hf_abcdefgh")})
NEW = {"spec": {"args": ["4096"]}, "token": Secret("hf_abcdefgh"), "later": UNKNOWN}


def digest(events, *, preview: bool):
    stream = io.StringIO()
    display = JsonDisplay(stream, config={"shop:size": "3", "shop:token": None}, preview=preview)
    for event in events:
        display.show(event)
    display.close()
    return json.loads(stream.getvalue())


def test_a_preview_is_the_clis_digest():
    change = update(OLD, NEW, "spec.args[0]")
    warning = Diagnostic(Severity.WARNING, "careful with hf_abcdefgh", OLD.urn)
    hidden = Diagnostic(Severity.DEBUG, "not for people")
    unchanged = resource("other", {})
    events = [*same(ROOT, unchanged), *run(change), warning, hidden, end("preview", 1.5, update=1, same=2)]
    found = digest(events, preview=True)
    root, updated = found.pop("steps")
    assert found == {
        "config": {"shop:size": "3", "shop:token": "[secret]"},
        "diagnostics": [{"urn": OLD.urn, "message": "warning: careful with [secret]\n", "severity": "warning"}],
        "duration": 1_500_000_000,
        "changeSummary": {"update": 1, "same": 2},
        "result": "succeeded",
    }
    assert (root["op"], root["urn"], root["detailedDiff"]) == ("same", ROOT.urn, None)
    assert updated == {
        "op": "update",
        "urn": OLD.urn,
        "oldState": {
            "urn": OLD.urn,
            "type": OLD.type,
            "custom": True,
            "id": "llm/d",
            "inputs": {"spec": {"args": ["8192"]}, "token": "[secret]"},
            "outputs": {"spec": {"args": ["8192"]}, "token": "[secret]"},
            "parent": ROOT.urn,
        },
        "newState": {
            "urn": OLD.urn,
            "type": OLD.type,
            "custom": True,
            "id": "llm/d",
            "inputs": {"spec": {"args": ["4096"]}, "token": "[secret]", "later": UNKNOWN_MARK},
            "outputs": {"spec": {"args": ["8192"]}, "token": "[secret]"},
            "parent": ROOT.urn,
        },
        "detailedDiff": {"spec.args[0]": {"kind": "update", "inputDiff": False}},
    }


def test_an_update_tells_what_came_of_each_step():
    failing, waiting = (step(Op.CREATE, None, resource(name, {})) for name in ("failing", "waiting"))
    events = [
        *run(step(Op.DELETE, OLD, None)),
        Started(failing),
        Failed(failing, 1),
        Started(waiting),
        outputs(None, {"token": Secret("hf_abcdefgh"), "size": 3}),
        end("update", delete=1, result="failed"),
    ]
    found = digest(events, preview=False)
    assert [(item["op"], item["status"]) for item in found["steps"]] == [
        ("delete", "succeeded"),
        ("create", "failed"),
        ("create", "unfinished"),
    ]
    assert "newState" not in found["steps"][0]
    assert found["outputs"] == {"token": "[secret]", "size": 3}
    assert found["result"] == "failed"


def test_a_refresh_lists_what_it_found_different():
    drifted = OLD.copy(inputs={"spec": {"args": ["1"]}})
    events = [
        *run(step(Op.REFRESH, ROOT, ROOT, refreshed=Op.SAME)),
        Started(step(Op.REFRESH, OLD, OLD)),
        *run(step(Op.REFRESH, OLD, drifted, refreshed=Op.UPDATE)),
        end("refresh", update=1),
    ]
    (found,) = digest(events, preview=False)["steps"]
    assert (found["op"], found["newState"]["inputs"]) == ("update", {"spec": {"args": ["1"]}})


def test_a_replacement_stands_there_as_a_whole():
    new = OLD.copy(inputs=NEW)
    events = run(step(Op.CREATE_REPLACEMENT, OLD, new), step(Op.REPLACE, OLD, new), step(Op.DELETE_REPLACED, OLD, None))
    assert [item["op"] for item in digest(events, preview=True)["steps"]] == ["replace"]
