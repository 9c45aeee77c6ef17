"""Half an hour of simulated models as a real Prometheus keeps it: every recording rule and every panel is asked.

promtool makes blocks of what engines and exporters said, and of what the rendered rules record of it.
"""

import json
import re
import subprocess
import time
from dataclasses import dataclass

import pytest

from blueprint.metrics.queries import matchers
from blueprint.monitoring.dashboards import dashboards
from lab.simulator.engine import Machine
from lab.simulator.faults import Faults
from lab.simulator.model import Model
from lab.simulator.recording import record
from tests.monitoring.scenarios import ENGINES, TRACE
from tests.monitoring.simulated import Stack, stack
from tests.monitoring.synthetic import filled
from tests.prometheus import PATIENCE, Prometheus, program, prometheus

_SECONDS, _SCRAPE_SECONDS = 1800, 30
_AGO_SECONDS = 4 * 3600
"""How long ago it ended: what a running server has not written to a block yet is younger."""

BUSY = {engine.replace(" ", "-").replace(".", "-"): engine for engine in ENGINES}
"""By the model's name, its engine and version."""

# So busy that all that an engine counts has happened: failures, rejections, preemptions, pods without a node.
_ALL_AT_ONCE = Faults(failing=0.05, requests=5, kv_tokens=30_000)
MODELS = [
    *(
        Model(
            name=name,
            engine=engine.split()[0],
            version=engine.split()[1],
            trace=TRACE,
            faults=_ALL_AT_ONCE,
            machine=Machine(queue=20),
            nodes=1,
        )
        for name, engine in BUSY.items()
    ),
    Model(name="idle", engine="vllm", version="0.33.0"),
]

_RECORDED = re.compile(r"\bllm:\w+:\w+")
_OF_REQUESTS = re.compile("ratio_rate|_seconds:p|per_million|missed")


@dataclass(frozen=True)
class History:
    """at: its last moment. said: the series that were scraped."""

    server: Prometheus
    rules: Stack
    at: float
    said: int


@pytest.fixture(scope="module", params=[2, pytest.param(3, marks=pytest.mark.prove)], ids="Prometheus {}".format)
def history(request, tmp_path_factory):
    server_program, promtool = (program(name, request.param) for name in ("prometheus", "promtool"))
    folder, at = tmp_path_factory.mktemp("history"), time.time() - _AGO_SECONDS
    recording = record(MODELS, seconds=_SECONDS, every=_SCRAPE_SECONDS)
    (folder / "series.om").write_text("".join(recording.open_metrics(at)))
    tsdb = [promtool, "tsdb", "create-blocks-from"]
    run([*tsdb, "openmetrics", str(folder / "series.om"), str(folder / "data")])
    rules = stack(MODELS)
    # What is recorded of recorded series can be recorded when they are there.
    for number, recorded in enumerate(layers(rules)):
        file = folder / f"layer-{number}.yaml"
        file.write_text(json.dumps({"groups": [{"name": "layer", "rules": recorded}]}))
        with prometheus(folder, {}, program=server_program) as server:
            server.answered("vector(1)")
            span = [f"--start={at - _SECONDS:.0f}", f"--end={at:.0f}", "--eval-interval=1m"]
            run([*tsdb, "rules", f"--url={server.address}", f"--output-dir={folder}/data", *span, str(file)])
    files = rules.write(folder, interval="1s")
    with prometheus(folder, {"rule_files": files}, program=server_program) as server:
        server.answered('ALERTS{alertstate="firing"}')
        yield History(server, rules, at, len(recording.series))


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def layers(rules):
    """Rules that record: first those that read no recorded series."""
    recorded = [{key: rule[key] for key in ("record", "expr", "labels")} for rule in rules.rules("record")]
    return [rule for rule in recorded if not _RECORDED.search(rule["expr"])], [
        rule for rule in recorded if _RECORDED.search(rule["expr"])
    ]


def asked(history, expr):
    """What a query answers at the end of the history, numbers only; of alerts, which are not kept, now."""
    found = history.server.query(expr, None if "ALERTS" in expr else history.at)
    return [one for one in found if one["value"][1] != "NaN"]


def test_every_recording_rule_has_data(history, capsys):
    rules = history.rules.rules("record")
    queries = [f"{rule['record']}{{{matchers(rule['labels'])}}}" for rule in rules]
    answered = {query for query in queries if asked(history, query)}
    # Of a model that nobody asks there is no share of anything, no latency and no price of a token.
    idle = {query for query in queries if 'model="idle"' in query and _OF_REQUESTS.search(query)}
    assert answered == set(queries) - idle
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{len(answered)} recording rules have data, over {history.said} series of {len(MODELS)} models; "
            f"{len(idle)} of the idle one have none"
        )


@pytest.mark.parametrize("model", BUSY)
def test_every_query_of_every_panel_has_an_answer(history, capsys, model):
    """Of a model's dashboard, for all that its engine's version tells."""
    recorded = {rule["record"] for rule in history.rules.rules("record", of=model)}
    panels, queries, untold, empty = set(), 0, set(), []
    # Of Inference Endpoints nothing is simulated: tests/endpoints/test_exporter.py has the exporter itself.
    for dashboard in dashboards(monthly_usd=9000, endpoints=False):
        for panel in dashboard.model()["panels"]:
            for target in panel.get("targets", ()):
                expr = filled(dashboard.uid, target["expr"], model=model, window="5m")
                missing = set(_RECORDED.findall(expr)) - recorded
                if missing and dashboard.uid == "llm-model":
                    untold |= missing
                    continue
                queries += 1
                panels.add((dashboard.uid, panel["id"]))
                if not asked(history, expr):
                    empty.append(f"{dashboard.uid}/{panel['title']}: {expr}")
    assert empty == []
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{BUSY[model]}: {queries} queries of {len(panels)} panels answered; it does not tell {sorted(untold)}"
        )


def test_what_an_engine_does_not_tell_is_known(history):
    """Else a panel could be empty for want of a rule."""
    told = {name: {rule["record"] for rule in history.rules.rules("record", of=name)} for name in BUSY}
    every = set().union(*told.values())
    of_failures = {name for name in every if "requests_failed" in name or "requests_rejected" in name}
    of_a_paged_cache = {name for name in every if "preemptions" in name or "prefix_cache" in name}
    assert {name: every - names for name, names in told.items()} == {
        "vllm-0-11-2": of_failures,
        "vllm-0-33-0": set(),
        "sglang-0-5-23": set(),
        "custom-0-1-0": of_a_paged_cache,
    }


def test_numbers_are_those_of_the_simulated_hours(history):
    """Two replicas were wanted, one had a GPU, and it was never without work."""
    for name in BUSY:
        ((running,),) = (
            [float(one["value"][1])] for one in asked(history, f'llm:requests_running:sum{{model="{name}"}}')
        )
        assert 1 <= running <= 128
        (gpus,) = asked(history, f'llm:gpus:count{{model="{name}"}}')
        assert float(gpus["value"][1]) == 1
        (full,) = asked(history, f'llm:gpu_memory:ratio{{model="{name}"}}')
        assert name.startswith("custom") or float(full["value"][1]) == pytest.approx(0.92)
