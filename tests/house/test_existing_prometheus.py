"""A Prometheus without operator, with the files that mode existing gives it: whom it finds in a real cluster."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import Cluster
from tests.prometheus import needs_prometheus, prometheus
from tests.support import lab_config, manifests

# The name of one begins with the other's.
MODELS: dict[str, Any] = {"m": {"scaling": {"min": 2, "max": 2}}, "m-2": {"engine": {"name": "sglang"}}}
FILES = ("ConfigMap/llm-llm-model-m", "ConfigMap/llm-llm-model-m-2", "ConfigMap/llm-llm-stack")


def described(**monitoring: Any) -> dict[str, Any]:
    return manifests(lab_config(MODELS, monitoring={"mode": "existing", **monitoring}))


def test_the_operators_objects_are_not_made():
    kinds = {name.partition("/")[0] for name in described()}
    assert not kinds & {"PodMonitor", "PrometheusRule"}


def test_the_files_lie_beside_the_prometheus_under_the_labels_that_its_sidecar_looks_for():
    objects = described(namespace="watch", labels={"prometheus-file": "yes"})
    for name in FILES:
        assert objects[name]["metadata"]["namespace"] == "watch"
        assert objects[name]["metadata"]["labels"]["prometheus-file"] == "yes"


def test_without_rules_only_the_jobs_are_there():
    objects = described(rules=False)
    assert [name for name in FILES if name in objects] == list(FILES[:2])
    assert list(objects[FILES[0]]["data"]) == ["m.scrape.yaml"]


def written(folder: Path, objects: Mapping[str, Any]) -> list[Any]:
    """The rule files in the folder; the scrape jobs, which 2.42 wants in its configuration itself."""
    jobs = []
    for name in FILES:
        for file, text in objects[name]["data"].items():
            if file.endswith(".scrape.yaml"):
                jobs += yaml.safe_load(text)["scrape_configs"]
            else:
                (folder / file).write_text(text)
    return jobs


def discovered(cluster: Cluster, asked: list[Any], folder: Path) -> Any:
    """What Prometheus' own discovery makes of the cluster's pods, since Debian builds it without: as a file.

    Source of the labels: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#pod.
    """
    ((where,), (selector,)) = asked[0]["namespaces"]["names"], [one["label"] for one in asked[0]["selectors"]]
    pods = json.loads(cluster.kubectl("get", "pods", f"--namespace={where}", f"--selector={selector}", "--output=json"))
    found = [
        {
            "targets": [f"{pod['status']['podIP']}:{port['containerPort']}"],
            "labels": {
                "__meta_kubernetes_namespace": where,
                "__meta_kubernetes_pod_name": pod["metadata"]["name"],
                "__meta_kubernetes_pod_phase": pod["status"]["phase"],
                "__meta_kubernetes_pod_container_name": container["name"],
                "__meta_kubernetes_pod_container_port_name": port["name"],
            },
        }
        for pod in pods["items"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
    ]
    # A port that is not asked for, and a pod that has ended.
    found += [
        {**found[0], "labels": {**found[0]["labels"], **other}}
        for other in (
            {"__meta_kubernetes_pod_container_port_name": "debug"},
            {"__meta_kubernetes_pod_phase": "Failed"},
        )
    ]
    path = folder / f"{selector.partition(',')[0].rpartition('=')[2]}.targets.json"
    path.write_text(json.dumps(found))
    return {"files": [str(path)]}


@needs_prometheus
def test_it_finds_each_models_pods_under_the_operators_labels_and_takes_all_rules(namespace: Cluster, tmp_path):
    objects = described()
    mine = [one for one in objects.values() if one["metadata"].get("namespace") != "monitoring"]
    namespace.apply(*mine)
    for name in MODELS:
        namespace.kubectl("rollout", "status", f"deployment/{name}", "--namespace=llm", "--timeout=300s")
    jobs = written(tmp_path, objects)
    for job in jobs:
        job["file_sd_configs"] = [discovered(namespace, job.pop("kubernetes_sd_configs"), tmp_path)]
    with prometheus(tmp_path, {"rule_files": ["*.rules.yaml"], "scrape_configs": jobs}) as server:
        found = server.wait(lambda: (all_of := server.ask("targets")["activeTargets"])[2:] and all_of)
        groups = server.ask("rules")["groups"]
    names = namespace.kubectl("get", "pods", "--namespace=llm", "--output=jsonpath={.items[*].metadata.name}").split()
    seen = {one["labels"]["pod"]: one["labels"] for one in found}
    assert len(found) == 3
    assert seen.keys() <= set(names)
    assert sorted(one["job"] for one in seen.values()) == ["llm/m", "llm/m", "llm/m-2"]
    for one in seen.values():
        assert {key: one[key] for key in ("namespace", "container", "endpoint")} == {
            "namespace": "llm",
            "container": "engine",
            "endpoint": "http",
        }
        assert one["instance"].endswith((":8000", ":30000"))
    files = [yaml.safe_load(path.read_text()) for path in tmp_path.glob("*.rules.yaml")]
    assert len(files) == 3
    expected = {(group["name"], len(group["rules"])) for file in files for group in file["groups"]}
    assert {(group["name"], len(group["rules"])) for group in groups} == expected
