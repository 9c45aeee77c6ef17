"""The scaler's objects, read from what the program really registers."""

import pytest
from hypothesis import HealthCheck, given, settings

from components.replicas import deployment_spec
from tests.blueprint.stack_files import resolve
from tests.strategies import lab_configs
from tests.support import lab_config, manifests

MONITORING = {"mode": "operator"}
QUEUE = {"name": "prometheus", "query": "sum(gateway_queue)", "target": 2.5}


def objects(scaling, **model):
    return manifests(lab_config({"m": {"scaling": scaling, **model}}, monitoring=MONITORING))


def scaled_object(scaling, **model):
    return objects(scaling, **model)["ScaledObject/m"]["spec"]


def test_each_trigger_asks_for_a_total_and_compares_it_with_a_target_per_replica():
    triggers = {trigger["name"]: trigger for trigger in scaled_object({"min": 1, "max": 4})["triggers"]}
    assert list(triggers) == ["inFlight", "waiting", "kvCache"]
    for trigger in triggers.values():
        assert trigger["metricType"] == "AverageValue"
        assert trigger["metadata"]["query"].startswith("sum(")
        assert 'job="llm/m"' in trigger["metadata"]["query"]
        # A Prometheus that lost the series is an error, and no silent zero.
        assert trigger["metadata"]["ignoreNullValues"] == "false"
    assert 'reason="capacity"' in triggers["waiting"]["metadata"]["query"]


def test_the_queries_select_by_the_monitor_of_the_models_oldest_name():
    rendered = manifests(
        lab_config({"new": {"formerly": ["old"], "scaling": {"min": 1, "max": 2}}}, monitoring=MONITORING)
    )
    spec = rendered["ScaledObject/old"]["spec"]
    assert "PodMonitor/old" in rendered
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "old"}
    assert 'job="llm/old"' in spec["triggers"][0]["metadata"]["query"]


def test_a_silent_prometheus_takes_no_replica_away():
    assert scaled_object({"min": 2, "max": 4})["fallback"] == {
        "failureThreshold": 3,
        "replicas": 2,
        "behavior": "currentReplicasIfHigher",
    }


def test_a_model_that_sleeps_is_woken_by_its_queue_alone():
    spec = scaled_object({"min": 0, "max": 2, "signals": {"external": QUEUE}}, lifecycle={"startupMinutes": 10})
    assert spec["minReplicaCount"] == 0
    assert spec["cooldownPeriod"] == spec["initialCooldownPeriod"] > 600
    *own, queue = spec["triggers"]
    assert queue["metadata"]["activationThreshold"] == "0"
    assert queue["metadata"]["threshold"] == "2.5"
    # While it sleeps there is nothing to scrape, which is no error.
    assert {trigger["metadata"]["ignoreNullValues"] for trigger in own} == {"true"}


def test_the_add_ons_interceptor_can_be_that_queue():
    external = {"name": "httpAddOn", "route": "m"}
    *_, trigger = scaled_object({"min": 0, "max": 2, "signals": {"external": external}})["triggers"]
    assert trigger["type"] == "external-push"
    assert trigger["metadata"] == {
        "scalerAddress": "keda-add-ons-http-external-scaler.keda:9090",
        "interceptorRoute": "m",
    }


def test_a_horizontal_pod_autoscaler_reads_custom_metrics_of_its_pods():
    rendered = objects({"min": 1, "max": 4, "by": "hpa", "signals": {"cpuPercent": 70}})
    assert "ScaledObject/m" not in rendered
    spec = rendered["HorizontalPodAutoscaler/m"]["spec"]
    targets = [
        (one["pods"]["metric"]["name"], one["pods"]["target"]["averageValue"])
        for one in spec["metrics"]
        if "pods" in one
    ]
    assert targets == [
        ("vllm_requests_in_flight", "16"),
        ("vllm_requests_waiting_for_capacity", "5"),
        ("vllm_kv_cache_usage", "800m"),
    ]
    assert spec["metrics"][-1]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}


@pytest.mark.parametrize(("by", "kind"), [("keda", "ScaledObject"), ("hpa", "HorizontalPodAutoscaler")])
def test_a_scaled_model_has_one_scaler_which_alone_writes_replicas(by, kind):
    rendered = objects({"min": 1, "max": 2, "by": by})
    scalers = {key: item for key, item in rendered.items() if "scaleTargetRef" in item.get("spec", {})}
    assert list(scalers) == [f"{kind}/m"]
    assert scalers[f"{kind}/m"]["spec"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "m",
    }
    assert "replicas" not in rendered["Deployment/m"]["spec"]


def test_a_fixed_number_has_no_scaler_and_is_written():
    rendered = objects({"min": 3, "max": 3})
    assert rendered["Deployment/m"]["spec"]["replicas"] == 3
    assert not [key for key in rendered if key.startswith(("ScaledObject/", "HorizontalPodAutoscaler/"))]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(config=lab_configs())
def test_replicas_are_written_where_no_scaler_writes_them_and_only_there(config):
    for workload in resolve(config, "lab").workloads:
        spec = deployment_spec(workload, None, workload.image.value)
        assert spec.get("replicas") == (None if workload.scaling.value else workload.replicas)
