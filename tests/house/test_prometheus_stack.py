"""kube-prometheus-stack itself, rendered with the stack's values and put to a real API server."""

import os
from datetime import date
from pathlib import Path

import pytest
import yaml

from blueprint.helm import COMMAND
from components.platform import namespace_metadata
from lab.tools.build import ensure
from lab.tools.sets import HELM
from policy.charts import render_release
from policy.judging import Judge
from policy.rules import RULES
from policy.settings import StackRules
from tests.components.test_installed import installing, release

CHART = os.environ.get("KUBE_PROMETHEUS_STACK_CHART")
"""Folder of the chart with its dependencies, from https://github.com/prometheus-community/helm-charts"""

pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(CHART is None, reason="needs KUBE_PROMETHEUS_STACK_CHART=folder of the chart with its charts/"),
]


@pytest.fixture(scope="module")
def inputs():
    given = release(installing({"storageClass": "fast"}))
    return {key: value for key, value in given.items() if key not in ("version", "repositoryOpts")} | {"chart": CHART}


@pytest.fixture(scope="module")
def objects(inputs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(COMMAND, str(ensure(HELM).program("helm")))
        return render_release(inputs, Path.cwd())


def of_kind(objects, kind):
    return {item["metadata"]["name"]: item for item in objects if item["kind"] == kind}


def test_every_value_is_one_that_the_chart_has(inputs):
    known = yaml.safe_load((Path(CHART) / "values.yaml").read_text())
    assert unknown(inputs["values"], known) == []


def unknown(values, known, path=""):
    """Paths that the chart's own values do not have; below an empty mapping are Kubernetes' fields."""
    found = []
    for key, value in values.items():
        here = f"{path}.{key}".lstrip(".")
        if key not in known:
            found.append(here)
        elif isinstance(value, dict) and known[key]:
            found += unknown(value, known[key], here)
    return found


def test_it_selects_what_any_namespace_has(objects):
    (prometheus,) = of_kind(objects, "Prometheus").values()
    for kind in ("podMonitor", "rule", "serviceMonitor", "probe", "scrapeConfig"):
        assert prometheus["spec"][f"{kind}Selector"] == {}
        assert prometheus["spec"][f"{kind}NamespaceSelector"] == {}
    (alertmanager,) = of_kind(objects, "Alertmanager").values()
    assert alertmanager["spec"]["alertmanagerConfigSelector"] == {}
    assert alertmanager["spec"]["alertmanagerConfigNamespaceSelector"] == {}


def test_grafana_loads_dashboards_of_all_namespaces_and_has_the_stacks_password(objects):
    grafana = of_kind(objects, "Deployment")["kube-prometheus-stack-grafana"]["spec"]["template"]["spec"]
    (sidecar,) = (one for one in grafana["containers"] if one["name"] == "grafana-sc-dashboard")
    environment = {one["name"]: one.get("value") for one in sidecar["env"]}
    assert (environment["LABEL"], environment["LABEL_VALUE"], environment["NAMESPACE"]) == (
        "grafana_dashboard",
        "1",
        "ALL",
    )
    text = yaml.safe_dump(grafana)
    assert "llm-grafana-admin" in text
    assert not [one for one in of_kind(objects, "Secret") if "grafana" in one]


def test_only_images_by_tag_break_a_rule(objects):
    judge = Judge(StackRules(), date.max)
    broken = {one.rule.name for rule in RULES for one in judge.release(rule, "operator-release", objects)}
    assert broken <= {"image-by-digest"}


def test_its_pods_are_admitted_under_the_strictest_rules(objects, cluster, tmp_path):
    """The operator's own pods: what it makes of Prometheus and Alertmanager is seen by nobody here."""
    metadata = namespace_metadata("kps-admitted")
    cluster.kubectl("apply", "-f", written(tmp_path, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
    try:
        for item in [*of_kind(objects, "Deployment").values(), *of_kind(objects, "Job").values()]:
            template = item["spec"]["template"]
            pod = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": item["metadata"]["name"], "namespace": "kps-admitted"},
                "spec": {**template["spec"], "serviceAccountName": "default", "restartPolicy": "Never"},
            }
            cluster.kubectl("create", "--dry-run=server", "-f", written(tmp_path, pod))
    finally:
        cluster.kubectl("delete", "namespace", "kps-admitted", "--wait=false")


def written(folder, item):
    path = folder / "object.yaml"
    path.write_text(yaml.safe_dump(item))
    return str(path)
