"""The registry of metrics agrees with itself; tests/engines/test_metrics.py holds it to what the engines define."""

import re
from collections import defaultdict
from typing import get_args

import pytest

from blueprint.engines import ENGINES
from blueprint.engines.custom import SERVER_VERSION
from blueprint.metrics import ABSENT, METRICS, RAW, Meaning, emitted, vllm
from blueprint.metrics.queries import matchers

MEANINGS = get_args(Meaning)
EVERY = [(engine, metric) for engine, metrics in METRICS.items() for metric in metrics]
VERSIONS = sorted({(engine, version) for engine, metric in EVERY for version in metric.versions})

UNITS = {"_seconds": "seconds", "_bytes": "bytes", "_tokens_total": "tokens", "_ratio": "ratio", "_perc": "ratio"}
"""By the ending of a name, what it promises."""


def test_every_version_that_can_be_run_is_known():
    runnable = {(name, version) for name, facts in ENGINES.items() for version in facts.versions}
    assert {*runnable, ("custom", SERVER_VERSION)} <= set(VERSIONS)


@pytest.mark.parametrize(("engine", "version"), VERSIONS)
def test_a_meaning_has_one_metric_or_a_reason_for_none(engine, version):
    meant = [metric.meaning for name, metric in EVERY if name == engine and version in metric.versions]
    assert len(meant) == len(set(meant))
    assert set(MEANINGS) - set(meant) <= ABSENT[engine].keys()


@pytest.mark.parametrize("engine", METRICS)
def test_no_reason_is_given_for_what_every_version_has(engine):
    versions = [version for name, version in VERSIONS if name == engine]
    for meaning in ABSENT[engine]:
        assert any(meaning not in emitted(engine, version) for version in versions), meaning


@pytest.mark.parametrize(("engine", "version"), VERSIONS)
def test_one_name_is_one_metric(engine, version):
    """Two meanings of one name differ in what they select, never in what is exposed."""
    by_name = defaultdict(set)
    for metric in emitted(engine, version).values():
        by_name[metric.name].add((metric.type, tuple(metric.labels), tuple(metric.buckets), metric.unit))
    assert all(len(shapes) == 1 for shapes in by_name.values())


@pytest.mark.parametrize(("engine", "metric"), EVERY, ids=lambda value: getattr(value, "meaning", value))
def test_a_metric_is_well_formed(engine, metric):
    assert re.fullmatch(r"[a-z_]+:?[a-z_0-9]+", metric.name)
    assert {*metric.apart, *metric.where} <= set(metric.labels)
    assert (metric.type == "histogram") == bool(metric.buckets)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    # TGI writes counters without the ending, and others never do.
    assert (metric.type == "counter" and engine != "tgi") == metric.name.endswith("_total")
    for ending, unit in UNITS.items():
        assert not metric.name.endswith(ending) or metric.unit == unit
    assert set(metric.versions) <= {version for name, version in VERSIONS if name == engine}


def test_a_counter_that_is_a_sum_says_of_what():
    for _, metric in EVERY:
        assert metric.name.endswith("_sum") == bool(metric.family)
        assert not metric.family or metric.name == f"{metric.family}_sum"


def test_failed_requests_are_among_those_that_ended():
    """Where both are one metric; a share above 1 would say nothing."""
    for engine, version in VERSIONS:
        known = emitted(engine, version)
        failed, ended = known.get("requests_failed"), known["requests_ended"]
        if failed is None or failed.name != ended.name:
            continue
        for label, values in failed.where.items():
            of_ended = ended.where.get(label)
            assert of_ended is None or set(ways(values)) < set(ways(of_ended))


def ways(values):
    return (values,) if isinstance(values, str) else values


def test_several_values_of_a_label_are_one_matcher():
    assert matchers({"a": "x", "b": ("y", "z")}) == 'a="x",b=~"y|z"'


def test_raw_names_are_unique_and_say_what_they_are():
    names = [raw.name for raw in RAW]
    assert len(names) == len(set(names))
    for raw in RAW:
        assert len(raw.labels) == len(set(raw.labels))
        if not raw.name.startswith("DCGM_"):
            assert (raw.type == "counter") == raw.name.endswith("_total")


@pytest.mark.parametrize("version", vllm.VERSIONS)
def test_what_a_version_of_vllm_does_not_show_is_not_given_out(version):
    names = {metric.name for metric in emitted("vllm", version).values()}
    assert names.isdisjoint(vllm.not_shown(version))


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("vllm:gpu_cache_usage_perc", ("shown", "hidden", "gone", "gone", "gone")),
        ("vllm:time_per_output_token_seconds", ("shown", "shown", "hidden", "gone", "gone")),
        ("vllm:num_requests_waiting_by_reason", ("to come", "to come", "to come", "shown", "shown")),
        ("vllm:num_requests_swapped", ("gone",) * 5),
    ],
)
def test_names_come_and_go(name, states):
    versions = ("0.10.2", "0.11.0", "0.12.0", "0.20.0", "0.33.0")
    assert tuple(vllm.not_shown(version).get(name, "shown") for version in versions) == states


def test_an_old_version_has_its_own_names():
    assert emitted("vllm", "0.11.0")["requests_waiting_for_capacity"].name == "vllm:num_requests_waiting"
    assert emitted("vllm", "0.33.0")["requests_waiting_for_capacity"].name == "vllm:num_requests_waiting_by_reason"
    assert "requests_failed" not in emitted("vllm", "0.12.0")
    assert "requests_rejected" not in emitted("vllm", "0.31.0")
    assert emitted("vllm", "0.9.0") == {}
