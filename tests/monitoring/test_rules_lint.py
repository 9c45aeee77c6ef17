"""The linter over all rules that a stack with every engine registers, as the operator gets them."""

import pytest

from blueprint.monitoring.dashboards import dashboards
from tests.blueprint.engine_mistakes import LAB_STACK
from tests.blueprint.stack_files import MODEL, resolve
from tests.monitoring.known import known
from tests.monitoring.lint import lint_groups
from tests.support import manifests

VLLM = {
    f"m-vllm-{version.replace('.', '-')}": {
        **MODEL,
        "engine": {"name": "vllm", "version": version, "maxModelLen": 8192},
        "scaling": {"min": 1, "max": 1},
    }
    for version in ("0.31.0", "0.33.0")
}
STACK = {
    **LAB_STACK,
    "budget": {"monthlyUsd": 9000},
    "cluster": {
        **LAB_STACK["cluster"],
        "gateway": {"name": "public", "namespace": "gateways", "listener": "https"},
    },
    "monitoring": {"mode": "operator", "probes": {}, "dcgm": {}},
    "models": {
        **{
            name: {
                **model,
                "scaling": {"min": 1, "max": 1},
                "expose": {"host": f"{name}.example.com", "auth": "none", "allowPublic": True},
            }
            for name, model in LAB_STACK["models"].items()
        },
        **VLLM,
    },
}


WORKLOADS = {workload.name: workload for workload in resolve(STACK, "dev").workloads}


def names_of(rules):
    """What the rules of this object may ask for."""
    return known(WORKLOADS[rules].engine.name, WORKLOADS[rules].engine.version) if rules in WORKLOADS else known()


@pytest.fixture(scope="module")
def objects():
    return manifests(STACK)


@pytest.mark.parametrize("name", ["llm-stack", *STACK["models"]])
def test_the_linter_finds_nothing(objects, name):
    groups = objects[f"PrometheusRule/{name}"]["spec"]["groups"]
    assert sum(len(group["rules"]) for group in groups) > 0
    assert lint_groups(groups, names_of(name)) == []


def test_a_name_that_the_version_does_not_have_is_found():
    """Since vLLM 0.32.0; and one that is gone since 0.12.0."""
    rules = [{"record": "llm:x", "expr": "sum(rate(vllm:admission_rejections_total[5m]))"}]
    assert lint_groups([{"name": "g", "rules": rules}], known("vllm", "0.33.0")) == []
    assert len(lint_groups([{"name": "g", "rules": rules}], known("vllm", "0.31.0"))) == 1
    rules = [{"record": "llm:x", "expr": "sum(vllm:gpu_cache_usage_perc)"}]
    assert len(lint_groups([{"name": "g", "rules": rules}], known("vllm", "0.33.0"))) == 1


@pytest.mark.parametrize("name", ["llm-stack", *STACK["models"]])
def test_each_alert_names_a_dashboard_that_is_there(objects, name):
    rules = [rule for group in objects[f"PrometheusRule/{name}"]["spec"]["groups"] for rule in group["rules"]]
    named = {rule["annotations"]["dashboard"] for rule in rules if "alert" in rule}
    assert named
    assert named <= {dashboard.uid for dashboard in dashboards()}


def test_each_dashboard_is_a_config_map_that_the_sidecar_loads(objects):
    maps = {name: one for name, one in objects.items() if name.startswith("ConfigMap/") and "-llm-" in name}
    assert len(maps) == 6
    for name, one in maps.items():
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert one["metadata"]["annotations"]["grafana_folder"] == "LLM"
        assert one["metadata"]["namespace"] == "llm"
        assert list(one["data"]) == [f"{name.removeprefix('ConfigMap/llm-stack-')}.json"]
    assert "vector(9000.0)" in maps["ConfigMap/llm-stack-llm-cost"]["data"]["llm-cost.json"]


def test_dashboards_can_be_off():
    off = manifests({**STACK, "monitoring": {"mode": "operator", "dashboards": False}})
    assert [name for name in off if name.startswith("ConfigMap/llm-stack")] == []
    assert "PrometheusRule/llm-stack" in off
