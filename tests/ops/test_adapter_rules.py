"""`llm adapter-rules`: each custom metric that some model asks for, once."""

from components.autoscaler import horizontal_spec
from ops.adapter_rules import chart_values
from tests.blueprint.stack_files import MODEL, PROD, edited, resolve


def test_the_rules_are_those_of_the_models_that_ask_for_them_each_once():
    by_hpa = {**MODEL, "scaling": {"min": 1, "max": 2, "by": "hpa", "signals": {"use": ["inFlight", "kvCache"]}}}
    by_keda = {**MODEL, "scaling": {"min": 1, "max": 2}}
    resolved = resolve(edited(PROD, {"models": {"a": by_hpa, "b": by_hpa, "c": by_keda}}))
    rules = chart_values(resolved.workloads)["rules"]["custom"]
    assert [rule["name"]["as"] for rule in rules] == ["vllm_requests_in_flight", "vllm_kv_cache_usage"]
    assert all("<<.LabelMatchers>>" in rule["metricsQuery"] for rule in rules)
    asked = {metric["pods"]["metric"]["name"] for metric in horizontal_spec(resolved.workloads[0])["metrics"]}
    assert asked == {rule["name"]["as"] for rule in rules}
