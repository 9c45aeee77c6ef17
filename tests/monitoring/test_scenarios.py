"""Alerts that fire where they should and nowhere else: hours of simulated models, through the real rule engine."""

import json
import subprocess
from functools import cache
from pathlib import Path

import pytest

from blueprint.monitoring.rule import RUNBOOKS
from lab.simulator.recording import record
from tests.blueprint import test_rules
from tests.monitoring.scenarios import ENGINES, MINUTES, SCENARIOS
from tests.monitoring.simulated import stack
from tests.prometheus import program

ROOT = Path(__file__).parents[2]

ELSEWHERE: dict[str, str] = {}
"""By alert, the test in which it fires, where neither the simulator nor tests/blueprint/test_rules.py makes it."""

_SCRAPE_SECONDS = 30
_EVALUATION_SECONDS = 120


@cache
def stack_of(engine):
    """The rules of a stack with a model of each scenario that there can be in an engine."""
    models = [one.model(name, engine) for name, one in SCENARIOS.items() if engine in one.engines]
    return stack(models, {name: dict(one.settings) for name, one in SCENARIOS.items()})


def expected(engine):
    """All alerts that fire, with the models that they are about; '' for those of the stack."""
    there = {name: one for name, one in SCENARIOS.items() if engine in one.engines}
    of_models = {(alert, name) for name, one in there.items() for alert in one.alerts(engine)}
    return of_models | {(alert, "") for one in there.values() for alert in one.of_stack}


# One takes 15 s of a processor: the first is tried always, the others are proved.
@pytest.mark.parametrize(
    ("engine", "major"),
    [
        pytest.param(engine, major, marks=() if (engine, major) == ("vllm 0.33.0", 2) else pytest.mark.prove)
        for engine in ENGINES
        for major in (2, 3)
    ],
)
def test_each_fault_raises_its_alerts_and_a_healthy_model_none(tmp_path, engine, major, capsys):
    promtool = program("promtool", major)
    rules = stack_of(engine)
    models = [one.model(name, engine) for name, one in SCENARIOS.items() if engine in one.engines]
    recording = record(models, seconds=MINUTES * 60, every=_SCRAPE_SECONDS)
    firing = [
        {"labels": f'{{alertname="{alert}"{f", model={chr(34)}{model}{chr(34)}" if model else ""}}}', "value": 1}
        for alert, model in expected(engine)
    ]
    test = {
        "interval": f"{_SCRAPE_SECONDS}s",
        "input_series": recording.promtool(),
        "promql_expr_test": [
            {
                "expr": 'group by (alertname, model) (ALERTS{alertstate="firing"})',
                "eval_time": f"{MINUTES}m",
                "exp_samples": firing,
            }
        ],
    }
    whole = {"rule_files": rules.write(tmp_path), "evaluation_interval": f"{_EVALUATION_SECONDS}s", "tests": [test]}
    (tmp_path / "test.json").write_text(json.dumps(whole))
    command = [promtool, "test", "rules", "test.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    alerts = {rule["alert"] for rule in rules.rules("alert")}
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{engine}, promtool {major}: {len(models)} models, {len(recording.series)} series, {MINUTES} min: "
            f"{len({alert for alert, _ in expected(engine)})} of its {len(alerts)} alerts fired, no others"
        )


@pytest.mark.parametrize("engine", ENGINES)
def test_the_simulator_makes_every_alert_of_an_engine_fire(engine):
    assert {alert for alert, _ in expected(engine)} == {rule["alert"] for rule in stack_of(engine).rules("alert")}


def test_every_alert_fires_in_some_test(capsys):
    """A new one without a scenario fails here."""
    pages = {path.stem for path in (ROOT / RUNBOOKS).glob("*.md")}
    simulated = {alert for engine in ENGINES for alert, _ in expected(engine)}
    by_hand = {alert for one in test_rules.SCENARIOS.values() for alert in (*one.fires, *one.of_answers, *one.of_stack)}
    for alert, file in ELSEWHERE.items():
        assert alert in (ROOT / file).read_text()
    assert simulated | by_hand | ELSEWHERE.keys() == pages
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{len(pages)} alerts: {len(simulated)} fire in simulated models, {len(by_hand)} in series written by "
            f"hand, {len(ELSEWHERE)} in tests of their own"
        )
