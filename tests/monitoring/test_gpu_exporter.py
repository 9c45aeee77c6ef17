"""dcgm-exporter: its list of fields, and what a real Prometheus makes of both generations of its labels."""

import csv
import re

import pytest
import yaml

from blueprint.metrics import dcgm
from blueprint.monitoring.dashboards import dashboards
from tests.blueprint.test_rules import rules, stack
from tests.monitoring.synthetic import served
from tests.prometheus import needs_prometheus, prometheus
from tests.support import lab_config, manifests, merged

CONFIG = lab_config(monitoring={"mode": "standalone", "dcgm": {}})
TYPES = ("gauge", "counter")  # of those that internal/pkg/counters/variables.go of dcgm-exporter knows


@pytest.fixture(scope="module")
def objects():
    return manifests(CONFIG)


def fields(objects, key="dcgm-metrics.csv"):
    """As internal/pkg/counters/counter_config.go reads them: comments, and lines of three fields."""
    lines = objects["ConfigMap/llm-stack-dcgm-fields-llm"]["data"][key].splitlines()
    return list(csv.reader(line for line in lines if not line.startswith("#")))


@pytest.mark.parametrize("key", ["dcgm-metrics.csv", "metrics"])
def test_the_exporter_can_read_its_list_of_fields(objects, key):
    records = fields(objects, key)
    assert all(len(record) == 3 and all(part == part.strip() != "" for part in record) for record in records)
    assert {kind for _, kind, _ in records} <= set(TYPES)
    assert [name for name, _, _ in records] == [metric.name for metric in dcgm.METRICS]
    assert objects["ConfigMap/llm-stack-dcgm-fields-llm"]["metadata"]["namespace"] == "gpu-operator"


def test_every_field_that_a_rule_or_a_panel_asks_for_is_in_the_list(objects):
    asked = str(rules(stack("vllm"))) + "".join(dashboard.text() for dashboard in dashboards())
    listed = {name for name, _, _ in fields(objects)}
    used = set(re.findall(r"DCGM_\w+", asked))
    assert used
    assert used <= listed


FIRST = """\
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a",Hostname="n1",namespace="llm",pod="m-1",container="engine"} 30
DCGM_FI_DEV_FB_USED{gpu="1",UUID="GPU-b",Hostname="n1"} 0
"""
LATER = """\
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-c",hostname="n2",namespace="llm",pod="m-2",container="engine"} 40
"""


@needs_prometheus
def test_a_gpu_is_its_holders_on_its_node_whichever_exporter_tells(objects, tmp_path):
    """Debian builds Prometheus without discovery of pods: what it would find is in a file."""
    config = yaml.safe_load(objects["ConfigMap/llm-prometheus"]["data"]["prometheus.yaml"])
    (job,) = (one for one in config["scrape_configs"] if one["job_name"] == "llm/llm-stack-dcgm")
    (found,) = job.pop("kubernetes_sd_configs")
    assert found["namespaces"] == {"names": ["gpu-operator"]}
    assert found["selectors"] == [{"role": "pod", "label": "app=nvidia-dcgm-exporter"}]
    with served(lambda _: FIRST) as first, served(lambda _: LATER) as later:
        targets = [
            {
                "targets": [f"127.0.0.1:{port}"],
                "labels": {
                    "__meta_kubernetes_pod_node_name": node,
                    "__meta_kubernetes_pod_container_port_name": name,
                },
            }
            for port, node, name in ((first, "n1", "metrics"), (later, "n2", "metrics"), (later, "n2", "health"))
        ]
        job["static_configs"] = targets
        with prometheus(tmp_path, {"scrape_configs": [{**job, "scrape_interval": "1s"}]}) as server:
            server.wait(lambda: len(server.query("DCGM_FI_DEV_FB_USED")) == 3)
            samples = {one["metric"]["UUID"]: one["metric"] for one in server.query("DCGM_FI_DEV_FB_USED")}
    of = {uuid: [one.get(key) for key in ("namespace", "pod", "container")] for uuid, one in samples.items()}
    assert of == {
        "GPU-a": ["llm", "m-1", "engine"],
        "GPU-b": [None, None, None],
        "GPU-c": ["llm", "m-2", "engine"],
    }
    assert {uuid: (one["Hostname"], one["node"]) for uuid, one in samples.items()} == {
        "GPU-a": ("n1", "n1"),
        "GPU-b": ("n1", "n1"),
        "GPU-c": ("n2", "n2"),
    }
    assert not any("hostname" in one or "exported_pod" in one for one in samples.values())


def test_the_stacks_own_prometheus_may_look_for_the_exporter_where_that_runs(objects):
    role = objects["Role/llm-prometheus-llm"]
    assert role["metadata"]["namespace"] == "gpu-operator"
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    (subject,) = objects["RoleBinding/llm-prometheus-llm"]["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "llm-prometheus", "namespace": "llm"}


def test_the_operators_monitor_says_what_the_job_says(objects):
    config = merged(CONFIG, {"monitoring": {"mode": "operator", "labels": {"release": "prom"}}})
    operated = manifests(config)
    monitor = operated["PodMonitor/llm-stack-dcgm"]
    assert monitor["metadata"]["labels"]["release"] == "prom"
    spec, (endpoint,) = monitor["spec"], monitor["spec"]["podMetricsEndpoints"]
    assert spec["selector"] == {"matchLabels": {"app": "nvidia-dcgm-exporter"}}
    assert spec["namespaceSelector"] == {"matchNames": ["gpu-operator"]}
    assert endpoint["honorLabels"] is True
    jobs = yaml.safe_load(objects["ConfigMap/llm-prometheus"]["data"]["prometheus.yaml"])["scrape_configs"]
    (job,) = (one for one in jobs if one["job_name"] == "llm/llm-stack-dcgm")
    spelled = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
    steps = [{spelled.get(key, key): value for key, value in step.items()} for step in job["metric_relabel_configs"]]
    assert endpoint["metricRelabelings"] == steps
    assert [name for name in operated if name.startswith("Role") and "prometheus" in name] == []


def test_a_given_prometheus_gets_the_job_as_a_file():
    existing = {"mode": "existing", "prometheus": "http://prometheus.example.com"}
    given = manifests(merged(CONFIG, {"monitoring": existing}))["ConfigMap/llm-llm-stack"]["data"]
    (job,) = yaml.safe_load(given["stack.scrape.yaml"])["scrape_configs"]
    assert job["honor_labels"] is True
    assert "stack.rules.yaml" in given


def test_nothing_of_it_is_there_unasked():
    assert [name for name in manifests(lab_config(monitoring={"mode": "operator"})) if "dcgm" in name] == []
