"""The registry of metrics is what the engines' own code defines, read in their wheels."""

from collections import Counter
from collections.abc import Mapping

import pytest

from blueprint.metrics import Metric, emitted, sglang, vllm
from tests.engines import metric_sources
from tests.engines.metric_sources import Defined
from tests.engines.sources import NoSourcesError, Sources, sources

SGLANG_VERSIONS = sorted({version for metric in sglang.METRICS for version in metric.versions})


def wheel(engine: str, version: str) -> Sources:
    try:
        return sources(engine, version)
    except NoSourcesError as error:
        pytest.skip(str(error))


def hold(metrics: Mapping[str, Metric], defined: Mapping[str, Defined]) -> str:
    """Compare, and say what was compared."""
    checked: Counter[str] = Counter()
    for metric in metrics.values():
        found = defined[metric.name]
        assert (metric.type, metric.name) == (found.type, metric.name)
        assert found.conditions == (), metric.name
        assert found.labels == set(metric.labels), metric.name
        assert tuple(metric.buckets) == (found.buckets or ()), metric.name
        checked[metric.type] += 1
    return ", ".join(f"{count} {kind}s" for kind, count in sorted(checked.items()))


@pytest.mark.prove
@pytest.mark.parametrize("version", vllm.VERSIONS)
def test_vllm_defines_what_the_registry_says_of_a_version(version, capsys):
    archive = wheel("vllm", version)
    defined = metric_sources.vllm(archive)
    metrics = emitted("vllm", version)
    compared = hold(metrics, defined)

    reasons = metric_sources.constant(archive, "vllm/v1/engine/__init__.py", "FINISH_REASON_STRINGS")
    assert ("requests_failed" in metrics) == ("error" in reasons)
    constants = {"requests_waiting_for_capacity": "WAITING_REASON_CAPACITY", "requests_rejected": "ADMISSION_REASONS"}
    for meaning, name in constants.items():
        if meaning in metrics and metrics[meaning].where:
            found = metric_sources.constant(archive, "vllm/v1/metrics/loggers.py", name)
            assert found == metrics[meaning].where["reason"]

    states: Counter[str] = Counter()
    for lifespan in vllm.LIFESPANS:
        found = defined.get(lifespan.name)
        state = lifespan.state(version, vllm.VERSIONS)
        assert (found is not None) == (state in ("shown", "hidden")), lifespan
        assert found is None or found.hidden == (state == "hidden"), lifespan
        states[state] += 1
    with capsys.disabled():
        known = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        print(f"\nvLLM {version}: {len(defined)} metrics read; compared {compared}; lifespans: {known}")  # noqa: T201


@pytest.mark.prove
def test_no_metric_of_vllm_came_or_went_unnoticed():
    """Every name that some version has and another has not is a lifespan, unless an option brings it."""
    by_version = {version: metric_sources.vllm(wheel("vllm", version)) for version in vllm.VERSIONS}
    always = {
        name
        for defined in by_version.values()
        for name, found in defined.items()
        if found.hidden or not found.conditions
    }
    changing = {name for name in always if not all(name in defined for defined in by_version.values())}
    assert changing == {lifespan.name for lifespan in vllm.LIFESPANS if lifespan.gone != vllm.VERSIONS[0]}


@pytest.mark.prove
@pytest.mark.parametrize("version", SGLANG_VERSIONS)
def test_sglang_defines_what_the_registry_says_of_a_version(version, capsys):
    defined = metric_sources.sglang(wheel("sglang", version))
    compared = hold(emitted("sglang", version), defined)
    with capsys.disabled():
        print(f"\nSGLang {version}: {len(defined)} metrics read; compared {compared}")  # noqa: T201
