"""The exporter of Inference Endpoints in the cluster: its objects, who reaches it, and which token it gets."""

import json
from typing import Any

import pytest
import yaml
from click import ClickException

from blueprint.metrics.queries import selector
from blueprint.monitoring.exporter import PORT
from ops.program import SECRET
from tests.components.reachability import Host, may_connect
from tests.support import lab_config, manifests, merged, registered

ENDPOINT = {
    "target": "endpoint",
    "model": "Qwen/Qwen2.5-1.5B-Instruct",
    "owner": "team-search",
    "engine": {"name": "vllm", "maxModelLen": 8192},
    "instance": {"vendor": "aws", "region": "us-east-1", "type": "nvidia-l4", "size": "x1"},
}
PART_OF = {"app.kubernetes.io/part-of": "llm-inference"}
NAME = "llm-endpoints"


def watching(mode: str = "operator", **endpoints: Any) -> dict[str, Any]:
    config = lab_config(
        monitoring={"mode": mode, "endpoints": {"token": "hf-see", **endpoints}},
        images={"endpoints-exporter": {"repository": "registry.example.com/team/exporter", "tag": "1"}},
        huggingface={"namespace": "lab-org", "api": "lab"},
        budget={"monthlyUsd": 1e6},
        cluster={"accelerators": {"nvidia-l4": {"hourlyUsd": 0.8}}},
    )
    config["models"]["answers"] = {**ENDPOINT, "endpointName": "answers-1"}
    return config


def without(config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "monitoring": {"mode": config["monitoring"]["mode"]}}


def container(objects: dict[str, Any]) -> Any:
    (found,) = objects[f"Deployment/{NAME}"]["spec"]["template"]["spec"]["containers"]
    return found


@pytest.mark.parametrize("mode", ["operator", "standalone", "existing"])
def test_it_is_off_by_default_and_changes_nothing_that_it_is_not_about(mode):
    plain, objects = manifests(without(watching(mode))), manifests(watching(mode))
    assert not [key for key in plain if NAME in key]
    new = {"NetworkPolicy/llm-endpoints", "Deployment/llm-endpoints"}
    new |= {"ConfigMap/llm-stack-llm-endpoints"} | ({"PodMonitor/llm-endpoints"} if mode == "operator" else set())
    assert objects.keys() - plain.keys() == new
    about = {
        "operator": {"PrometheusRule/llm-stack"},
        "existing": {"ConfigMap/llm-llm-stack"},
        "standalone": {
            "ConfigMap/llm-prometheus",
            "ConfigMap/llm-prometheus-rules-stack",
            "NetworkPolicy/llm-prometheus",
            "StatefulSet/llm-prometheus",
            "Deployment/llm-grafana",
        },
    }
    assert {key for key in plain if objects[key] != plain[key]} == about[mode]


def test_the_token_is_in_its_secret_and_nowhere_else():
    token = "a-key-of-the-tests.hf-see" + "~" * 26
    config = watching()
    resources = registered(config)
    (secret,) = [one for one in resources if one.name == "monitoring-endpoints-token"]
    assert secret.inputs["stringData"] == SECRET
    assert token not in json.dumps([one.inputs for one in resources])
    objects = manifests(config)
    assert container(objects)["env"] == [
        {"name": "LLM_LAB_HUB_READ_TOKEN", "valueFrom": {"secretKeyRef": {"name": NAME, "key": "token"}}}
    ]


def test_it_is_told_what_to_watch():
    arguments = container(manifests(watching(pollSeconds=30, keepMinutes=5)))["args"]
    assert [one for one in arguments if not one.startswith("--tag=")] == [
        "--api=lab",
        "--namespace=lab-org",
        "--model=answers-1=answers",
        "--poll-seconds=30",
        "--keep-seconds=300",
        "--listen=0.0.0.0",
        f"--port={PORT}",
    ]


def test_another_token_makes_another_pod():
    def annotations(name: str) -> Any:
        return manifests(watching(token=name))[f"Deployment/{NAME}"]["spec"]["template"]["metadata"]["annotations"]

    assert annotations("hf-see") == annotations("hf-see") != annotations("hf-look")


def test_its_pod_may_do_nothing_in_the_cluster():
    spec = manifests(watching())[f"Deployment/{NAME}"]["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    only = spec["containers"][0]["securityContext"]
    assert (only["readOnlyRootFilesystem"], only["allowPrivilegeEscalation"]) == (True, False)
    assert only["capabilities"] == {"drop": ["ALL"]}


METRICS = {"metrics": (PORT, "TCP")}
EXPORTER = Host("exporter", "10.244.0.9", "llm", {"app.kubernetes.io/instance": NAME, **PART_OF}, METRICS)
WEB = {"443": (443, "TCP"), "80": (80, "TCP")}
OPERATORS = Host("Prometheus", "10.244.5.1", "monitoring", {"app.kubernetes.io/name": "prometheus"})
OWN = Host("own", "10.244.5.2", "llm", {"app.kubernetes.io/instance": "llm-prometheus", **PART_OF})
GRAFANA = Host("Grafana", "10.244.5.3", "monitoring", {"app.kubernetes.io/name": "grafana"})
NEIGHBOUR = Host("neighbour", "10.244.5.4", "llm", {"app": "notebook"})


@pytest.mark.parametrize(("mode", "scraper"), [("operator", OPERATORS), ("existing", OPERATORS), ("standalone", OWN)])
def test_it_reaches_the_control_plane_and_only_prometheus_reaches_it(mode, scraper):
    policies = [one for key, one in manifests(watching(mode)).items() if key.startswith("NetworkPolicy/")]
    for source in (OPERATORS, OWN, GRAFANA, NEIGHBOUR):
        assert may_connect(policies, source, EXPORTER, "metrics") == (source == scraper), source
    for address, ports in {
        "18.164.174.23": ["443"],
        "2600:9000:2490::1": ["443"],
        "169.254.169.254": [],
        "192.168.7.7": [],
        "10.96.0.1": [],
    }.items():
        target = Host(address, address, ports=WEB)
        assert [port for port in WEB if may_connect(policies, EXPORTER, target, port)] == ports, address


def test_prometheus_scrapes_it_alike_whoever_runs_it():
    """honorLabels: `endpoint` is an endpoint's name then, and no port's."""
    (operators,) = manifests(watching())[f"PodMonitor/{NAME}"]["spec"]["podMetricsEndpoints"]
    assert (operators["honorLabels"], operators["port"], operators["path"]) == (True, "metrics", "/metrics")
    own = yaml.safe_load(manifests(watching("standalone"))["ConfigMap/llm-prometheus"]["data"]["prometheus.yaml"])
    files = manifests(watching("existing"))["ConfigMap/llm-llm-stack"]["data"]
    (job,) = yaml.safe_load(files[f"{NAME}.scrape.yaml"])["scrape_configs"]
    assert own["scrape_configs"][-1] == job
    assert (job["honor_labels"], job["metrics_path"]) == (True, "/metrics")
    assert job["job_name"] == selector("llm", NAME)["job"]
    port = container(manifests(watching()))["ports"][0]["name"]
    assert {"action": "keep", "source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": port} in job[
        "relabel_configs"
    ]


def test_what_endpoints_cost_counts_against_the_budget():
    for mode, where in (("operator", "PrometheusRule/llm-stack"),):
        rules = manifests(watching(mode))[where]["spec"]["groups"][0]["rules"]
        (spend,) = (one["expr"] for one in rules if one["alert"] == "LLMSpendAboveBudget")
        assert "hf_endpoint_usd_per_hour" in spend
        before = manifests(without(watching(mode)))[where]["spec"]["groups"][0]["rules"]
        assert not [one for one in before if one["alert"] == "LLMSpendAboveBudget" and "hf_endpoint" in one["expr"]]


@pytest.mark.parametrize("variable", ["HF_ENDPOINTS_TOKEN", "HF_INVOKE_TOKEN", "LLM_LAB_HUB_TOKEN"])
def test_a_token_of_this_machine_that_may_do_more_is_refused(variable, monkeypatch):
    token = "a-key-of-the-tests.hf-see" + "~" * 26
    monkeypatch.setenv(variable, token)
    with pytest.raises(
        ClickException, match="llm-inference-secrets:hf-see is a token that manages or calls endpoints"
    ) as told:
        manifests(watching())
    assert token not in str(told.value)


def test_in_a_namespace_of_somebody_else_it_has_the_stacks_name():
    config = merged(watching(), {"cluster": {"namespace": {"create": False}}})
    assert f"Deployment/{NAME}-dev" in manifests(config)
