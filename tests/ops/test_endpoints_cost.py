"""`llm endpoints cost`: what is known, what is not, and never 0 for what is not."""

import pytest

from blueprint.cost.amounts import total, usd
from ops.endpoints.facts import Facts
from tests.ops.desk import INSTANCE, OWNED, endpoint_model

L40S = {**INSTANCE, "type": "nvidia-l40s", "size": "x4"}


@pytest.fixture
def priced(desk_of):
    desk = desk_of(
        {
            "asleep": endpoint_model(),
            "busy": endpoint_model(scaling={"min": 1, "max": 3}),
            "large": endpoint_model(instance=L40S),
            "not-yet": endpoint_model(),
        }
    )
    desk.up("asleep", "busy", "large")
    desk.act("asleep", "scale-to-zero")
    desk.act("large", "pause")
    desk.hub.add_endpoint("somebodys")
    return desk


def test_cost_at_min_and_max_per_month_and_now(priced):
    cost = priced.json("endpoints", "cost")

    rows = {row["model"]: row for row in cost["endpoints"]}
    assert rows.keys() == {"asleep", "busy", "large", "not-yet"}
    busy = rows["busy"]
    assert (busy["usd_per_replica_hour"], busy["usd_hour_min"], busy["usd_hour_max"]) == (0.8, 0.8, 2.4)
    assert (busy["usd_month_min"], busy["usd_month_max"], busy["usd_hour_now"]) == (584.0, 1752.0, 0.8)
    assert (rows["large"]["state"], rows["large"]["usd_hour_max"], rows["large"]["usd_hour_now"]) == ("paused", 8.3, 0)
    assert (rows["asleep"]["state"], rows["asleep"]["usd_hour_now"]) == ("scaledToZero", 0)
    assert (rows["not-yet"]["state"], rows["not-yet"]["usd_hour_now"]) == ("missing", 0)
    assert cost["total"] == {
        "usd_hour_min": 0.8,
        "usd_hour_max": 12.3,
        "usd_month_min": 584.0,
        "usd_month_max": 8979.0,
        "usd_hour_now": 0.8,
    }
    assert cost["total_is_complete"] is True
    assert cost["prices"]["source"] == f"{priced.hub.url}/v2/provider/lab-org"
    assert cost["prices"]["asked_at"].endswith("Z")


def test_cost_for_people_names_source_and_time(priced):
    text = priced.run("endpoints", "cost").stdout

    assert text.splitlines()[0].split()[:4] == ["MODEL", "STATE", "HARDWARE", "REPLICAS"]
    last = next(line for line in text.splitlines() if line.startswith("total"))
    assert last.split() == ["total", "$0.80", "$12.30", "$584.00", "$8,979.00", "$0.80"]
    assert f"Prices per replica: {priced.hub.url}/v2/provider/lab-org, asked at 20" in text
    assert "A month is 730 hours." in text


def test_an_unknown_price_is_unknown_and_totals_say_at_least(priced):
    with priced.hub.lock:
        rows = priced.hub.world.catalogue.computes
        del rows["aws-us-east-1-nvidia-l40s-x4"]

    cost = priced.json("endpoints", "cost")

    large = next(row for row in cost["endpoints"] if row["model"] == "large")
    assert [large[key] for key in ("usd_hour_max", "usd_month_max")] == [None] * 2
    assert cost["total"]["usd_hour_max"] == 4.0
    assert cost["total_is_complete"] is False
    text = priced.run("endpoints", "cost").stdout
    assert "at least $4.00" in text
    line = next(line for line in text.splitlines() if line.startswith("large"))
    # No replica, and paused: free at any price.
    assert line.split()[-5:] == ["$0.00", "unknown", "$0.00", "unknown", "$0.00"]


def test_without_a_price_list_nothing_is_zero(priced):
    priced.hub.fault(operation="hardware", kind=403, times=None)

    result = priced.run("endpoints", "cost")

    assert result.exit_code == 0
    assert "Prices are unknown: HTTP 403" in result.stderr
    busy = next(line for line in result.stdout.splitlines() if line.startswith("busy"))
    assert busy.split()[-5:] == ["unknown"] * 5
    total_line = next(line for line in result.stdout.splitlines() if line.startswith("total"))
    assert total_line.split()[1:5] == ["unknown"] * 4
    assert priced.json("endpoints", "show", "busy")["usd_per_hour_max"] is None


def test_what_left_the_file_and_still_runs_is_counted(desk_of):
    desk = desk_of({})
    desk.hub.add_endpoint("left-over", tags=[OWNED])

    cost = desk.json("endpoints", "cost")

    assert [(row["endpoint"], row["model"], row["usd_hour_now"]) for row in cost["endpoints"]] == [
        ("left-over", None, 0.033)
    ]
    assert "left-over (not in the file)" in desk.run("endpoints", "cost").stdout


def test_a_foreign_endpoint_under_a_declared_name_costs_this_stack_nothing(desk_of):
    desk = desk_of({"m": endpoint_model(scaling={"min": 1, "max": 1})})
    desk.up(tags=())

    (row,) = desk.json("endpoints", "cost")["endpoints"]

    assert (row["state"], row["usd_hour_now"], row["usd_hour_max"]) == ("not ours", 0, 0.8)


@pytest.mark.parametrize(
    ("state", "ready", "target", "billed"),
    [
        ("paused", 1, 2, 0),
        ("scaledToZero", 1, 0, 0),
        ("running", 1, 1, 1),
        ("running", 1, 3, 3),
        ("updating", 2, 2, 2),
        ("updateFailed", 1, 1, 1),
        ("initializing", 0, 0, 1),
        ("initializing", 0, 2, 2),
        ("pending", 0, 2, 0),
        ("failed", 0, 1, 0),
        ("pausing", 1, 0, 1),
    ],
)
def test_billed_replicas_follow_the_state(state, ready, target, billed):
    status = {"state": state, "readyReplica": ready, "targetReplica": target}
    assert Facts.of({"name": "m", "status": status}).billed == billed


@pytest.mark.parametrize(
    "raw", [{}, {"status": None, "compute": 3, "model": [], "tags": None}, {"status": {"url": ""}}]
)
def test_an_answer_that_lacks_things_is_read_all_the_same(raw):
    facts = Facts.of(raw)
    assert (facts.state, facts.url, facts.billed, facts.whose) == ("missing", None, 0, "unknown")


def test_sums_and_amounts():
    assert total([1.0, None]) == (1.0, False)
    assert total([None]) == (None, False)
    assert total([]) == (0, True)
    assert [usd(0.033), usd(0.8), usd(12118.0), usd(None)] == ["$0.033", "$0.80", "$12,118.00", "unknown"]
    assert usd(1.5, complete=False) == "at least $1.50"
    assert usd(None, complete=False) == "unknown"
