"""How many replicas serve a model: what a scaler follows, how fast, and what every scaler keeps."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from blueprint.scaling import Autoscaling
from blueprint.stack import Stack
from tests.blueprint.stack_files import DELETE, LAB, PROD, edited, resolve
from tests.strategies import lab_configs

QUEUE = {"name": "prometheus", "query": 'sum(gateway_queue{model="m"})'}


def stack(scaling: dict[str, Any], **edit: Any) -> Stack:
    config = {**PROD, "models": {"m": PROD["models"]["m"]}}
    return resolve(edited(config, {"budget": DELETE, "models.m.scaling": scaling}, edit))


def scaler(scaling: dict[str, Any], **edit: Any) -> Autoscaling:
    value = stack(scaling, **edit).workloads[0].scaling.value
    assert value is not None
    return value


def why(scaling: dict[str, Any], **edit: Any) -> str:
    return stack(scaling, **edit).workloads[0].scaling.why


def test_equal_bounds_have_no_scaler():
    workload = stack({"min": 2, "max": 2}).workloads[0]
    assert workload.scaling.value is None
    assert workload.scaling.why == "min equals max: 2"


def test_keda_over_all_signals_of_the_engine_is_the_default():
    found = scaler({"min": 1, "max": 4})
    assert found.by == "keda"
    assert [(one.kind, one.target) for one in found.signals] == [("inFlight", 16), ("waiting", 5), ("kvCache", 0.8)]
    assert found.prometheus == "http://prometheus-operated.monitoring.svc:9090"


def test_tgi_is_scaled_by_its_own_signals_only_where_they_are_named():
    """Stacks that scaled it by processor use, without a Prometheus, stay as they are."""

    def of(signals: dict[str, Any], **monitoring: Any) -> tuple[int | None, list[str]]:
        scaling = {"min": 1, "max": 2, "by": "hpa", "signals": signals}
        engine = {"name": "tgi", "maxTotalTokens": 8192}
        found = resolve(edited(LAB, {"models.m.engine": engine, "models.m.scaling": scaling}, monitoring))
        value = found.workloads[0].scaling.value
        assert value is not None
        return value.cpu_percent, [signal.kind for signal in value.signals]

    assert of({"cpuPercent": 60}) == (60, [])
    assert of({"use": ["inFlight", "waiting"]}, monitoring={"mode": "operator"}) == (None, ["inFlight", "waiting"])


def test_the_in_flight_target_leaves_half_of_a_small_batch():
    found = scaler({"min": 1, "max": 4}, **{"models.m.engine": {"name": "vllm", "maxModelLen": 64, "maxNumSeqs": 8}})
    assert found.signals[0].target == 4
    assert "half of engine.maxNumSeqs, 8" in why(
        {"min": 1, "max": 4}, **{"models.m.engine": {"name": "vllm", "maxModelLen": 64, "maxNumSeqs": 8}}
    )


def test_a_burst_adds_at_most_a_quarter_of_max_while_its_first_replicas_load():
    up = scaler({"min": 1, "max": 8}).up
    assert (up.pods, up.period_seconds, up.stabilization_seconds) == (2, 300, 0)
    assert scaler({"min": 1, "max": 3}).up.pods == 1
    quick = scaler({"min": 1, "max": 8}, **{"models.m.lifecycle": {"startupMinutes": 2}})
    assert quick.up.period_seconds == 120


def test_replicas_go_one_at_a_time_after_five_quiet_minutes():
    down = scaler({"min": 1, "max": 8}).down
    assert (down.pods, down.period_seconds, down.stabilization_seconds) == (1, 120, 300)


def test_the_preset_has_the_tutorials_numbers_and_given_keys_win():
    found = scaler({"min": 1, "max": 4, "by": "hpa", "preset": "tutorial"})
    assert [(one.kind, one.target) for one in found.signals] == [("inFlight", 10)]
    assert found.cpu_percent == 70
    assert str(found.up) == "1 per 60 s after 60 s"
    assert str(found.down) == "1 per 120 s after 300 s"
    own = scaler(
        {
            "min": 1,
            "max": 4,
            "by": "hpa",
            "preset": "tutorial",
            "up": {"pods": 2, "stabilizationSeconds": 0},
            "signals": {"inFlight": 20, "cpuPercent": 50},
        }
    )
    assert own.signals[0].target == 20
    assert own.cpu_percent == 50
    assert str(own.up) == "2 per 60 s after 0 s"


@pytest.mark.parametrize(("most", "target"), [(1, 1), (9, 4), (10, 10)])
def test_the_presets_target_is_one_that_a_small_batch_reaches(most, target):
    engine = {"name": "vllm", "maxModelLen": 64, "maxNumSeqs": most}
    found = scaler({"min": 1, "max": 4, "by": "hpa", "preset": "tutorial"}, **{"models.m.engine": engine})
    assert found.signals[0].target == target


def test_processor_use_is_warned_of_and_other_signals_are_not():
    (warning,) = stack({"min": 1, "max": 4, "by": "hpa", "signals": {"cpuPercent": 70}}).warnings
    assert "models.m.scaling.signals.cpuPercent: processor use is noise here" in warning
    assert "inFlight, waiting and kvCache" in warning
    assert stack({"min": 1, "max": 4}).warnings == []


def test_a_model_that_sleeps_stays_long_enough_to_answer_and_is_not_put_to_sleep_by_silence():
    found = scaler({"min": 0, "max": 2, "signals": {"external": QUEUE}})
    assert found.cooldown_seconds > 1800
    assert found.fallback_replicas == 1
    longer = {"min": 0, "max": 2, "signals": {"external": QUEUE}, "cooldownSeconds": 3600}
    assert scaler(longer).cooldown_seconds == 3600


@pytest.mark.parametrize(
    ("monitoring", "address"),
    [
        ({"namespace": "observe"}, "http://prometheus-operated.observe.svc:9090"),
        ({"prometheus": "https://thanos.example.com/query"}, "https://thanos.example.com/query"),
    ],
)
def test_prometheus_is_asked_where_monitoring_says(monitoring, address):
    assert scaler({"min": 1, "max": 2}, monitoring={"mode": "operator", **monitoring}).prometheus == address


EXAMPLES = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@EXAMPLES
@given(config=lab_configs())
def test_what_every_scaler_keeps(config):
    for one in resolve(config, "lab").workloads:
        found, model = one.scaling.value, config["models"][one.name]
        if found is None:
            continue
        assert 0 <= found.min < found.max == one.replicas
        assert found.signals or found.cpu_percent or found.external
        for signal in found.signals:
            if signal.kind == "inFlight":
                key, unset = ("maxNumSeqs", 256) if one.engine.name == "vllm" else ("maxRunningRequests", math.inf)
                assert 1 <= signal.target <= model["engine"].get(key, unset)
            if signal.kind == "kvCache":
                # A full cache must ask for more than the 10 % that a scaler lets be.
                assert signal.target > 0
                assert 1 / signal.target > 1.1
        for rate in (found.up, found.down):
            assert rate.pods >= 1
            assert 1 <= rate.period_seconds <= 1800
            assert 0 <= rate.stabilization_seconds <= 3600
        assert max(1, found.min) <= found.fallback_replicas <= found.max
        if found.min == 0:
            assert found.by == "keda"
            assert found.external is not None
            assert found.cooldown_seconds > one.times.value.startup
        if found.by == "keda":
            assert found.prometheus
