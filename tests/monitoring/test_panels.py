"""Every query of every panel, asked of a real Prometheus as Grafana asks it."""

import re
from functools import partial

import pytest

from blueprint.metrics.dcgm import HOSTNAMES
from blueprint.monitoring.dashboards import dashboards
from tests.monitoring.synthetic import Job, exporters_series, filled, recorded_series, scraping
from tests.prometheus import needs_prometheus

pytestmark = needs_prometheus

PANELS = [
    (dashboard.uid, panel)
    for dashboard in dashboards(monthly_usd=2500)
    for panel in dashboard.model()["panels"]
    if panel["type"] != "row"
]
# Of the two models in tests/monitoring/synthetic.py, what the numbers that are computed have to be.
EXPECTED = {
    ("llm-fleet", "Requests"): 10,
    ("llm-fleet", "Failed"): (9 * 0.1 + 1 * 0.5) / 10,
    ("llm-fleet", "First token, worst"): 0.8,
    ("llm-fleet", "Replicas down"): 1,
    ("llm-model", "Running"): 8,
    ("llm-autoscaling", "At their maximum"): 2,
    ("llm-autoscaling", "Not scaling"): 2,
    ("llm-autoscaling", "Pods pending"): 2,
    ("llm-cost", "Per hour"): 3.2,
    ("llm-cost", "A month like now"): 3.2 * 730,
    ("llm-cost", "Per million tokens"): 3.2 / (1000 * 3600 / 1e6),
    ("llm-cost", "Idle, per hour"): 0.8,
    ("llm-cost", "GPUs idle"): 1,
    ("llm-endpoints", "Endpoints"): 2,
    ("llm-endpoints", "Running"): 2,
    ("llm-endpoints", "Per hour"): 1.6,
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    exporters = partial(exporters_series, {"a": "a-1", "b": "b-1"})
    jobs = (Job("recorded", recorded_series), Job("exporters", exporters))
    with scraping(tmp_path_factory.mktemp("prometheus"), jobs) as server:
        server.answered("rate(keda_scaler_detail_errors_total[10s])")
        server.answered('ALERTS{alertstate="firing"}')
        yield server


def test_every_query_of_every_panel_has_an_answer(asked, capsys):
    queries = [(uid, panel, target) for uid, panel in PANELS for target in panel["targets"]]
    empty = [
        f"{uid}/{panel['title']}: {target['expr']}"
        for uid, panel, target in queries
        if not asked.query(filled(uid, target["expr"], model="a"))
    ]
    assert empty == []
    with capsys.disabled():
        print(f"\n{len(PANELS)} panels of {len(dashboards())} dashboards answered {len(queries)} queries")  # noqa: T201


def test_the_labels_that_legends_name_are_in_the_answers(asked):
    lost = []
    for uid, panel in PANELS:
        for target in panel["targets"]:
            # Of a node's two labels each exporter has one.
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"])) - set(HOSTNAMES[1:])
            lost += [
                f"{uid}/{panel['title']}: {named - set(series['metric'])}"
                for series in asked.query(filled(uid, target["expr"], model="a"))
                if not named <= set(series["metric"])
            ]
    assert lost == []


def test_each_line_of_a_table_is_one_thing(asked):
    """Grafana joins the queries of a table by their labels: one more or less makes lines of its own."""
    for uid, panel in (one for one in PANELS if one[1]["type"] == "table"):
        (order,) = (one["options"]["indexByName"] for one in panel["transformations"] if one["id"] == "organize")
        keys = {name for name in order if not name.startswith("Value")}
        for target in panel["targets"]:
            answers = asked.query(filled(uid, target["expr"], model="a"))
            assert {frozenset(series["metric"]) for series in answers} == {frozenset(keys)}, target["expr"]


@pytest.mark.parametrize(("uid", "title"), EXPECTED)
def test_the_numbers_are_right(asked, uid, title):
    panel = next(panel for at, panel in PANELS if (at, panel["title"]) == (uid, title))
    (series,) = asked.query(filled(uid, panel["targets"][0]["expr"], model="a"))
    assert float(series["value"][1]) == pytest.approx(EXPECTED[uid, title])


def test_the_budget_is_what_the_objective_allows(asked):
    """a: 5 % may miss, 2 % did over 3 days, 10 % in the last hour; b: 1 % may, and 2 % did."""
    (table,) = (panel for uid, panel in PANELS if (uid, panel["title"]) == ("llm-slo", "Objectives"))
    columns = {
        prop["value"]: target["expr"]
        for target, override in zip(table["targets"], table["fieldConfig"]["overrides"][1:], strict=True)
        for prop in override["properties"]
        if prop["id"] == "displayName"
    }
    for column, values in {"Budget left": (0.6, -1), "Burn rate, 1 h": (2, 2), "Good, 1 h": (0.9, 0.98)}.items():
        answers = asked.query(filled("llm-slo", columns[column], model="a"))
        found = {series["metric"]["model"]: float(series["value"][1]) for series in answers}
        assert found == pytest.approx({"a": values[0], "b": values[1]}), column
