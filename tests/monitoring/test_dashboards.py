"""The dashboards as Grafana gets them."""

import json
import subprocess

import pytest
import yaml

from blueprint.monitoring.dashboards import dashboards
from tests.monitoring.known import known, recorded_names
from tests.monitoring.lint import lint_dashboard
from tests.prometheus import needs_promtool

STORES = ("loki", "jaeger")
DASHBOARDS = dashboards(monthly_usd=2500, stores=STORES)
MODELS = {dashboard.uid: dashboard.model() for dashboard in DASHBOARDS}
PANELS = {uid: [panel for panel in model["panels"] if panel["type"] != "row"] for uid, model in MODELS.items()}
EXPRESSIONS = [
    target["expr"]
    for panels in PANELS.values()
    for panel in panels
    for target in panel["targets"]
    if target["datasource"]["type"] == "prometheus"
]

each = pytest.mark.parametrize("uid", MODELS)


@each
def test_the_linter_finds_nothing(uid):
    assert lint_dashboard(MODELS[uid], known()) == []


@needs_promtool
def test_promtool_reads_every_expression(tmp_path):
    rules = [
        {"record": f"panel:{number}", "expr": expr.replace("$__rate_interval", "5m")}
        for number, expr in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(EXPRESSIONS)} rules found" in run.stdout


def test_every_recorded_name_is_on_some_panel():
    assert [name for name in recorded_names() if not any(name in expr for expr in EXPRESSIONS)] == []


@each
def test_the_same_description_gives_the_same_bytes_and_they_fit_a_config_map(uid):
    again = {dashboard.uid: dashboard for dashboard in dashboards(monthly_usd=2500, stores=STORES)}[uid]
    (first,) = (dashboard for dashboard in DASHBOARDS if dashboard.uid == uid)
    assert again.text() == first.text()
    assert json.loads(first.text()) == MODELS[uid]
    # 1 MiB is etcd's bound; above 256 KiB what kubectl apply remembers of an object no longer fits an annotation.
    assert len(first.text().encode()) < 256 * 1024


@each
def test_a_person_gets_from_each_dashboard_to_all_others(uid):
    assert MODELS[uid]["tags"] == ["llm"]
    links = MODELS[uid]["links"][0]
    assert (links["type"], links["tags"], links["keepTime"], links["includeVars"]) == (
        "dashboards",
        ["llm"],
        True,
        True,
    )


@pytest.mark.parametrize("stores", [(), ("loki",), ("jaeger",), STORES])
def test_logs_and_traces_are_shown_and_linked_where_there_are_some(stores):
    """One that asks a store which is not there would show errors alone."""
    models = {dashboard.uid: dashboard.model() for dashboard in dashboards(stores=stores)}
    urls = [link["url"] for link in models["llm-model"]["links"] if link["type"] == "link"]
    assert urls == (["/d/llm-logs"] if stores else [])
    assert ("llm-logs" in models) == bool(stores)
    if stores:
        asked = {panel["datasource"]["type"] for panel in models["llm-logs"]["panels"] if panel["type"] != "row"}
        chosen = {one["query"] for one in models["llm-logs"]["templating"]["list"] if one["type"] == "datasource"}
        assert asked == set(stores)
        assert chosen == {"prometheus", *stores}  # the models to choose from are Prometheus'
        assert lint_dashboard(models["llm-logs"], known()) == []


def test_a_models_line_leads_to_its_own_dashboard():
    urls = [
        link["value"][0]["url"]
        for panels in PANELS.values()
        for panel in panels
        for override in panel["fieldConfig"]["overrides"]
        for link in override["properties"]
        if link["id"] == "links"
    ]
    assert urls
    assert {url.split("?")[0] for url in urls} <= {f"/d/{uid}" for uid in MODELS}


def test_the_tutorials_four_panels_open_the_models_dashboard():
    """Request rate, p95 latency, token throughput, GPU memory."""
    assert [panel["title"] for panel in PANELS["llm-model"][:4]] == ["Requests", "Latency", "Tokens", "GPU memory"]


def test_without_a_budget_no_bound_is_drawn():
    """A bound that nobody set would be a figure out of nowhere."""
    with_one, without = ({d.uid: d for d in dashboards(usd)}["llm-cost"].text() for usd in (2500, None))
    assert "vector(2500)" in with_one
    assert "2500" not in without
    assert "None" not in without
