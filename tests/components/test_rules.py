"""The objects that carry the rules."""

from tests.support import lab_config, manifests

MONITORING = {"mode": "operator", "labels": {"release": "prom"}}


def rules_of(config):
    return {key: item for key, item in manifests(config).items() if key.startswith("PrometheusRule/")}


def test_each_model_has_rules_of_its_own_and_the_stack_has_one_more():
    found = rules_of(lab_config({"m": {}, "other": {}}, monitoring=MONITORING))
    assert found.keys() == {"PrometheusRule/m", "PrometheusRule/other", "PrometheusRule/llm-stack"}
    for item in found.values():
        assert item["metadata"]["labels"]["release"] == "prom", "by which the operator's Prometheus selects it"
        assert item["metadata"]["namespace"] == "llm"
    assert "other" not in str(found["PrometheusRule/m"]["spec"])


def test_rules_keep_the_object_name_of_a_renamed_model_and_say_its_new_one():
    (rules,) = (
        item
        for key, item in rules_of(lab_config({"new": {"formerly": ["old"]}}, monitoring=MONITORING)).items()
        if key == "PrometheusRule/old"
    )
    labels = [rule["labels"] for group in rules["spec"]["groups"] for rule in group["rules"]]
    assert {one["model"] for one in labels} == {"new"}
    assert 'job="llm/old"' in str(rules["spec"])


def test_no_rules_where_nobody_evaluates_them():
    assert rules_of(lab_config(monitoring={**MONITORING, "rules": False})) == {}
    assert rules_of(lab_config()) == {}


def test_stacks_in_a_namespace_of_somebody_else_have_rules_of_their_own_names():
    config = lab_config(monitoring=MONITORING, cluster={"namespace": {"name": "llm", "create": False}})
    assert "PrometheusRule/llm-stack-dev" in rules_of(config)
