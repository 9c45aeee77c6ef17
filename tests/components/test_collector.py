"""The collector's objects, and what the engines are told of it."""

import json
from base64 import b64encode
from typing import Any

import pytest
import yaml

from ops.program import SECRET
from tests.components.reachability import Host, may_connect
from tests.support import caller_keys, lab_config, manifests, merged, registered

PART_OF = {"app.kubernetes.io/part-of": "llm-inference"}
COLLECTOR = {
    "tracesTo": {"address": "http://jaeger.monitoring.svc:4317", "headers": {"x-scope-orgid": "tenant"}},
    "logsTo": {"address": "http://loki-gateway.logs.svc/otlp", "podPort": 8080},
    "langfuse": {"host": "https://cloud.langfuse.com", "publicKey": "lf-public", "secretKey": "lf-secret"},
}
OWN_SERVER = {"server": {"repository": "registry.example.com/team/server", "tag": "1"}}


def collecting(models: dict[str, Any] | None = None, **change: Any) -> dict[str, Any]:
    collector = {key: value for key, value in merged(COLLECTOR, change).items() if value is not None}
    return lab_config(models, monitoring={"mode": "operator", "collector": collector}, images=OWN_SERVER)


def pod(objects: dict[str, Any], name: str) -> Any:
    return objects[f"Deployment/{name}"]["spec"]["template"]


def engine(objects: dict[str, Any], name: str) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of a model's engine, as its pod has them."""
    (container,) = pod(objects, name)["spec"]["containers"]
    (source,) = container["envFrom"]
    environment = dict(objects[f"ConfigMap/{source['configMapRef']['name']}"]["data"])
    environment |= {one["name"]: one.get("value", "") for one in container.get("env", [])}
    return container.get("args", []), environment


def test_engines_send_their_traces_to_it_each_in_its_own_words():
    objects = manifests(
        collecting(
            {
                "v": {},
                "s": {"engine": {"name": "sglang"}},
                "own": {"engine": {"name": "custom", "image": "server", "maxModelLen": None}},
            }
        )
    )
    for name, flags in {
        "v": ["--otlp-traces-endpoint=http://llm-collector:4317"],
        "s": ["--enable-trace", "--otlp-traces-endpoint=llm-collector:4317"],
        "own": [],
    }.items():
        arguments, environment = engine(objects, name)
        assert arguments[len(arguments) - len(flags) :] == flags
        assert environment["OTEL_SERVICE_NAME"] == name
        assert environment["OTEL_RESOURCE_ATTRIBUTES"].startswith(
            f"llm.model={name},k8s.namespace.name=$(POD_NAMESPACE)"
        )
        assert environment["OTEL_TRACES_SAMPLER"] == "parentbased_always_on"
    assert engine(objects, "own")[1]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://llm-collector:4317"


def test_variables_that_name_others_come_after_them():
    """Kubernetes fills in $(NAME) from those before it alone."""
    (container,) = pod(manifests(collecting()), "m")["spec"]["containers"]
    names = [one["name"] for one in container["env"]]
    assert names[-1] == "OTEL_RESOURCE_ATTRIBUTES"
    for name in ("POD_NAMESPACE", "POD_NAME", "POD_UID", "NODE_NAME"):
        assert f"$({name})" in container["env"][-1]["value"]
        assert name in names


@pytest.mark.parametrize("collector", [None, {"logsTo": {"address": "http://loki.monitoring.svc:3100/otlp"}}])
def test_without_a_target_for_traces_the_engines_stay_as_they_are(collector):
    plain = manifests(lab_config(monitoring={"mode": "operator"}))
    monitoring = {"mode": "operator", **({"collector": collector} if collector else {})}
    objects = manifests(lab_config(monitoring=monitoring))
    # Its dashboard leads to the logs, where there are some.
    plain.pop("ConfigMap/llm-stack-llm-model")
    assert {key: objects[key] for key in plain} == plain


@pytest.mark.parametrize("mode", ["standalone", "existing"])
def test_it_is_the_same_whoever_scrapes(mode):
    with_operator = manifests(collecting())
    objects = manifests(merged(collecting(), {"monitoring": {"mode": mode}}))
    for kind in ("ConfigMap", "Deployment", "NetworkPolicy", "Service", "ServiceAccount"):
        assert objects[f"{kind}/llm-collector"] == with_operator[f"{kind}/llm-collector"]
    assert engine(objects, "m") == engine(with_operator, "m")


def test_secrets_stand_in_the_secret_and_nowhere_else():
    resources = registered(collecting())
    (secret,) = [one for one in resources if one.name == "monitoring-collector-keys"]
    assert secret.inputs["stringData"] == SECRET
    keys = caller_keys(collecting()).values()
    basic = b64encode(":".join(value for value in sorted(keys) if ".lf-" in value).encode()).decode()
    shown = json.dumps([one.inputs for one in resources])
    assert not [value for value in (*keys, basic) if value in shown]


@pytest.mark.parametrize(
    "change", [{"sampling": {"percent": 50}}, {"keepContent": True}, {"langfuse": {"secretKey": "lf-other"}}]
)
def test_a_change_makes_a_new_pod(change):
    before, after = (pod(manifests(collecting(**one)), "llm-collector") for one in ({}, change))
    assert before["metadata"]["annotations"] != after["metadata"]["annotations"]


def host(name: str, namespace: str, labels: dict[str, str], *ports: int) -> Host:
    number = sum(name.encode()) % 250
    return Host(name, f"10.244.9.{number}", namespace, labels, {str(port): (port, "TCP") for port in ports})


def test_it_is_reached_by_models_and_agents_and_reaches_its_targets_alone():
    objects = manifests(collecting({"m": {}}))
    policies = [item for key, item in objects.items() if key.startswith("NetworkPolicy/")]
    collector = host("collector", "llm", {"app.kubernetes.io/instance": "llm-collector", **PART_OF}, 4317, 4318, 13133)
    model = host("model", "llm", {"app.kubernetes.io/instance": "m", **PART_OF})
    others = [
        model,
        host("download", "llm", {"app.kubernetes.io/instance": "m-download", **PART_OF}),
        host("notebook", "llm", {"app": "notebook"}, 8888),
        host("agent", "monitoring", {"app": "alloy"}, 4317, 12345),
        host("loki", "logs", {"app": "loki"}, 80, 8080),
        host("shop", "team-b", {"app": "shop"}, 8080),
        Host("api server", "10.96.0.1", ports={"443": (443, "TCP")}),
        Host("metadata", "169.254.169.254", ports={"80": (80, "TCP"), "443": (443, "TCP")}),
        Host("langfuse", "18.164.174.23", ports={"80": (80, "TCP"), "443": (443, "TCP")}),
    ]
    incoming = {one.name: [p for p in collector.ports if may_connect(policies, one, collector, p)] for one in others}
    outgoing = {one.name: [p for p in one.ports if may_connect(policies, collector, one, p)] for one in others}
    assert {name: ports for name, ports in incoming.items() if ports} == {"model": ["4317"], "agent": ["4317", "4318"]}
    assert {name: ports for name, ports in outgoing.items() if ports} == {
        "agent": ["4317"],  # stands for Jaeger: a pod of that namespace
        "loki": ["8080"],
        "langfuse": ["443"],
    }
    elsewhere = host("collector of others", "monitoring", {"app": "otel"}, 4317)
    assert not may_connect(policies, model, elsewhere, "4317")


OWN = {"mode": "standalone", "standalone": {"loki": {}, "jaeger": {}}, "collector": {}}


def sent_to(objects: dict[str, Any]) -> dict[str, str]:
    exporters = yaml.safe_load(objects["ConfigMap/llm-collector"]["data"]["collector.yaml"])["exporters"]
    return {name: exporter["endpoint"] for name, exporter in exporters.items()}


def test_it_sends_to_the_stacks_own_stores_unless_others_are_named():
    own = lab_config(monitoring=OWN)
    assert sent_to(manifests(own)) == {
        "otlp_grpc/traces": "llm-jaeger:4317",
        "otlp_http/logs": "http://llm-loki:3100/otlp",
    }
    named = merged(own, {"monitoring": {"collector": {"tracesTo": {"address": "http://tempo.monitoring.svc:4317"}}}})
    assert sent_to(manifests(named)) == {
        "otlp_grpc/traces": "tempo.monitoring.svc:4317",
        "otlp_http/logs": "http://llm-loki:3100/otlp",
    }
    shared = merged(own, {"cluster": {"namespace": {"create": False}}})
    exporters = manifests(shared)["ConfigMap/llm-collector-dev"]["data"]["collector.yaml"]
    assert "llm-jaeger-dev:4317" in exporters
    assert "http://llm-loki-dev:3100/otlp" in exporters


def test_engines_send_traces_where_only_the_stacks_own_jaeger_takes_them():
    jaeger = {**OWN, "standalone": {"jaeger": {}}}
    assert (
        "--otlp-traces-endpoint=http://llm-collector:4317" in engine(manifests(lab_config(monitoring=jaeger)), "m")[0]
    )
    loki = {**OWN, "standalone": {"loki": {}}}
    assert manifests(lab_config(monitoring=loki))["Deployment/m"] == manifests(lab_config())["Deployment/m"]


def test_it_may_do_as_little_as_a_pod_can():
    spec = pod(manifests(collecting()), "llm-collector")["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
