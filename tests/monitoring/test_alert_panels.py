"""Each alert leads to a panel, and that shows what the alert asks for."""

from collections import defaultdict
from urllib.parse import parse_qs, urlsplit

import pytest

from blueprint.monitoring.dashboards import dashboards
from tests.blueprint.test_rules import ENGINES, each, rules, stack
from tests.monitoring.lint_expressions import parsed
from tests.monitoring.promql import name_of, selectors

DASHBOARDS = {dashboard.uid: dashboard for dashboard in dashboards(monthly_usd=2500)}


def names(expr):
    return {name_of(one) for one in selectors(parsed(expr))}


def sources(specs):
    """By recorded name, what is asked for to record it, by any model's rules."""
    found = defaultdict(set)
    for rule in each(specs, "record"):
        found[rule["record"]] |= names(rule["expr"])
    return found


def told(asked, recorded):
    """The names, and all that they are made of."""
    known, new = set(), set(asked)
    while new:
        known |= new
        new = {source for name in new for source in recorded.get(name, ())} - known
    return known


def opened(url):
    """The panel that Grafana shows at an address, and what is chosen above it."""
    parts, given = urlsplit(url), parse_qs(urlsplit(url).query, strict_parsing=True)
    uid, number = parts.path.rsplit("/d/", 1)[1], int(given.pop("viewPanel")[0])
    (panel,) = (one for one in DASHBOARDS[uid].model()["panels"] if one["id"] == number)
    return uid, panel, {key: values[0] for key, values in given.items()}


@pytest.mark.parametrize("name", ENGINES)
def test_an_alerts_panel_shows_a_series_that_the_alert_asks_for(name):
    specs = rules(stack(name))
    recorded = sources(specs)
    for rule in each(specs, "alert"):
        uid, panel, _ = opened(rule["annotations"]["dashboard_url"])
        assert uid == rule["annotations"]["dashboard"]
        # One that asks for nothing has nothing to show but itself.
        asked = told(names(rule["expr"]), recorded) or {"ALERTS"}
        shown = told({name for target in panel["targets"] for name in names(target["expr"])}, recorded)
        assert asked & shown, f"{rule['alert']}: {uid}/{panel['title']} shows nothing of {rule['expr']}"


@pytest.mark.parametrize("name", ENGINES)
def test_the_panel_is_that_of_the_alerts_model(name):
    for rule in each(rules(stack(name)), "alert"):
        uid, _, chosen = opened(rule["annotations"]["dashboard_url"])
        labels = rule["labels"]
        assert chosen == {f"var-{label}": labels[label] for label in ("namespace", "model") if label in labels}
        needed = {f"var-{variable.name}" for variable in DASHBOARDS[uid].variables if not variable.several}
        assert needed <= chosen.keys()


def test_the_link_of_a_burnt_budget_shows_the_window_that_it_names():
    found = {
        rule["labels"]["window"]: opened(rule["annotations"]["dashboard_url"])[1]["title"]
        for rule in each(rules(stack("vllm")), "alert")
        if rule["alert"] == "LLMTimeToFirstTokenBudgetBurn"
    }
    assert found == {window: f"Burn rate, {window}" for window in ("1h", "6h", "1d", "3d")}


def test_links_begin_with_grafanas_address_where_the_stack_says_it():
    resolved = stack("vllm", {"monitoring.grafanaAddress": "https://example.com/grafana/"})
    urls = [rule["annotations"]["dashboard_url"] for rule in each(rules(resolved), "alert")]
    assert all(url.startswith("https://example.com/grafana/d/llm-") for url in urls)
    urls = [rule["annotations"]["dashboard_url"] for rule in each(rules(stack("vllm")), "alert")]
    assert all(url.startswith("/d/llm-") for url in urls)


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_no_two_panels_of_a_dashboard_have_one_title(uid):
    """It is by its title that an alert names its panel."""
    panels = [panel for row in DASHBOARDS[uid].rows for panel in row.panels]
    model = {panel["id"]: panel["title"] for panel in DASHBOARDS[uid].model()["panels"]}
    assert [model[DASHBOARDS[uid].panel_id(panel.title)] for panel in panels] == [panel.title for panel in panels]


def test_a_panel_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match=r"llm-model: 0 panels are called 'Nothing'"):
        DASHBOARDS["llm-model"].panel_id("Nothing")
