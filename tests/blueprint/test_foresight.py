"""What the stack output `foresight` has: the numbers of `llm plan`, and nothing that is unknown."""

import json

import pytest

from tests.blueprint.load_mistakes import LOAD
from tests.blueprint.stack_files import ENDPOINT
from tests.blueprint.timing.test_start import sized, stack

PRICED = {"cluster.accelerators.nvidia-l4.hourlyUsd": 1}


def test_of_each_model_it_has_what_the_plan_has():
    known = stack(PRICED, {"models.m.load": LOAD, "models.a": ENDPOINT}, facts=sized(16))
    assert list(known.foresight) == ["a", "m"]
    assert known.foresight["m"] == {
        "fit": "fits",
        "monthlyUsdMin": 730,
        "monthlyUsdMax": 730,
        "monthlyUsdAtLoad": 730,
        "usdPerMillionTokens": pytest.approx(1e6 / 450 / 3600, abs=1e-6),
        "coldStartSeconds": round(known.starts["m"].replica.likely),
    }
    # Nobody said what its instance costs.
    assert known.foresight["a"].keys() == {"fit", "coldStartSeconds"}
    again = stack(PRICED, {"models.m.load": LOAD, "models.a": ENDPOINT}, facts=sized(16))
    assert json.dumps(again.foresight) == json.dumps(known.foresight)


def test_nothing_is_said_of_what_nobody_knows():
    assert stack({"models.a": ENDPOINT}).foresight == {}
    assert stack(PRICED).foresight == {"m": {"monthlyUsdMin": 730, "monthlyUsdMax": 730}}


def test_a_start_is_left_out_where_a_stage_is_unknown_and_counts_where_it_was_measured():
    engine = {"models.m.engine": {"name": "sglang", "maxModelLen": 8192}}
    assert "coldStartSeconds" not in stack(engine, facts=sized(16)).foresight["m"]
    measured = stack(engine, {"models.m.lifecycle": {"loadSeconds": 200}}, facts=sized(16))
    assert measured.foresight["m"]["coldStartSeconds"] == 200
