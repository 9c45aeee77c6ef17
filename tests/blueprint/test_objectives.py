"""What models promise: what is measured of it, and which budgets can burn too fast."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.checks.objectives import largest_factor
from blueprint.metrics import METRICS, emitted
from blueprint.metrics.vllm import LIFESPANS
from blueprint.monitoring import recorded, slis
from blueprint.settings.objectives import BurnFactors, Objectives
from tests.blueprint.stack_files import DELETE, PROD, edited, mistakes
from tests.blueprint.test_rules import each, rules, stack

VERSIONS = sorted({(name, version) for name, known in METRICS.items() for one in known for version in one.versions})


def measured(name, version, **given):
    return {sli.name for sli in slis.measured(Objectives.model_validate(given), emitted(name, version))}


@pytest.mark.parametrize(("name", "version"), VERSIONS, ids=[" ".join(one) for one in VERSIONS])
def test_every_default_that_an_engine_has_metrics_for_is_measured(name, version):
    """But for TGI, which has no bound at a tenth of a second."""
    known = emitted(name, version)
    wanted = {sli for sli, meanings in slis.NEEDS.items() if all(meaning in known for meaning in meanings)}
    assert measured(name, version) == wanted - ({"itl"} if name == "tgi" else set())
    assert wanted, "an engine of which nothing is measured promises nothing"


def test_an_objective_that_is_null_is_left_out():
    assert measured("vllm", "0.33.0", ttft=None) == {"availability", "itl"}
    assert measured("vllm", "0.33.0", availability=None, ttft=None, itl=None) == set()


@pytest.mark.parametrize(
    ("seconds", "pattern"), [(1, "1|1[.]0"), (0.1, "0[.]1"), (2.5, "2[.]5"), (2560.0, "2560|2560[.]0")]
)
def test_a_bucket_is_found_whichever_client_wrote_its_bound(seconds, pattern):
    assert slis.bucket_pattern(seconds) == pattern


@settings(deadline=None)
@given(share=st.floats(0.01, 0.99999))
def test_the_factor_that_a_refusal_names_is_taken_and_a_larger_one_is_not(share):
    def refused(factor):
        factors = dict.fromkeys((info.alias for info in BurnFactors.model_fields.values()), 0.5)
        objective = {"share": share, "burnFactors": {**factors, "page": factor}}
        return mistakes(edited(PROD, {"models.m.objectives": {"ttft": objective}}))

    most = min(largest_factor(share), 1000)
    assert refused(most) == []
    if most < 1000:
        assert [issue.path[-1] for issue in refused(1 / (1 - share) * 1.001)] == ["page"]


def test_an_alert_never_asks_for_more_than_all_requests():
    limits = {
        float(part.split(" > ")[1].split(" ")[0])
        for rule in each(rules(stack("vllm")), "alert")
        if rule["alert"].endswith("BudgetBurn")
        for part in rule["expr"].split("llm:objective_missed")[1:]
    }
    assert limits
    assert all(0 < limit < 1 for limit in limits)


def test_no_rule_asks_for_a_name_that_the_engine_no_longer_has():
    text = str(rules(stack("vllm")))
    gone = [lifespan.name for lifespan in LIFESPANS if lifespan.gone]
    assert gone
    assert [name for name in gone if name in text] == []


def test_cost_is_recorded_only_where_the_price_is_known():
    def records(*edits):
        return {rule["record"] for rule in each(rules(stack("vllm", *edits))[:1], "record")}

    types = {"nvidia-l4": {"available": 8, "hourlyUsd": 0.8}, "nvidia-a10g": {"available": 8, "hourlyUsd": 1.2}}
    several = {"models.m.accelerator.alternatives": ["nvidia-a10g"], "cluster.accelerators": types}
    unknown = {"cluster.accelerators": {"nvidia-l4": {"available": 8}}, "budget": DELETE}
    cost = {recorded.COST, recorded.COST_PER_MILLION_TOKENS}
    assert cost <= records()
    assert not cost & records(several)
    assert not cost & records(unknown)
    assert recorded.GPUS in records(several)
