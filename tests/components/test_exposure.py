"""Publication: which requests from outside reach a model, through which door, and who checks them."""

import json
import logging

import click
import pytest

from blueprint.engines import vllm
from components.pod.keys import key_data
from ops.program import run_with
from tests.blueprint.exposure_mistakes import INGRESS, OWN, SHARED
from tests.blueprint.stack_files import edited, resolve
from tests.support import PROJECT, lab_config, manifests, registered, wire

GATEWAY = {"name": "public", "namespace": "gateways", "listener": "https"}
EXPOSE = {"host": "llm.example.com", "auth": "engineKey", "keys": ["callers-2", "callers-1"]}
INSIDE = (
    "/metrics",
    "/health",
    "/pause",
    "/update_weights",
    "/invocations",
    "/tokenize",
    "/docs",
    "/v1/load_lora_adapter",
)
"""Paths of vLLM that are no caller's business."""


def published(gateway=None, models=None, **expose):
    """A lab's stack whose model m is published by an existing Gateway, or by another door."""
    door = {"gateway": GATEWAY} if gateway is None else gateway
    return lab_config({"m": {"expose": {**EXPOSE, **expose}}, **(models or {})}, cluster=door)


def engine(objects, name="m"):
    (container,) = objects[f"Deployment/{name}"]["spec"]["template"]["spec"]["containers"]
    return container


@pytest.fixture(scope="module")
def route():
    return manifests(published(split={"next": 10}, models={"next": {}}))["HTTPRoute/m"]["spec"]


def test_only_the_inference_paths_are_routed_each_in_full(route):
    (rule,) = route["rules"]
    paths = [match["path"] for match in rule["matches"]]
    assert {path["type"] for path in paths} == {"Exact"}
    routed = {path["value"] for path in paths}
    assert {"/v1/chat/completions", "/v1/completions", "/v1/models"} <= routed
    assert routed.isdisjoint(INSIDE)


def test_every_routed_path_of_vllm_is_behind_its_key():
    """GUARDED_PREFIX in vllm/entrypoints/serve/middleware/authenticate.py, 0.31.0 and 0.33.0."""
    assert all(path.startswith(("/v1", "/v2", "/inference", "/cohere")) for path in vllm.INFERENCE_PATHS)


def test_no_time_limit_cuts_a_stream(route):
    assert route["rules"][0]["timeouts"] == {"request": "0s", "backendRequest": "0s"}


def test_a_route_attaches_to_the_https_listener_alone(route):
    assert route["parentRefs"] == [{"name": "public", "namespace": "gateways", "sectionName": "https"}]


def test_a_second_model_answers_its_share_of_the_host(route):
    assert route["rules"][0]["backendRefs"] == [
        {"name": "m", "port": 80, "weight": 90},
        {"name": "next", "port": 80, "weight": 10},
    ]


def test_a_model_that_shares_requests_knows_their_name_and_their_keys():
    """Else one request in ten would be answered 404, or 401."""
    objects = manifests(published(split={"next": 10}, models={"next": {}}))
    arguments = engine(objects, "next")["args"]
    names = arguments[arguments.index("--served-model-name") + 1 :]
    assert names[:2] == ["next", "m"]
    assert [key for key in objects if key.startswith("HTTPRoute/")] == ["HTTPRoute/m"]
    assert "--config" in arguments
    own, shared = (resolve(SHARED).workloads[index].keys.value for index in (0, 1))
    assert own.names == shared.names == ["callers-2", "callers-1"]


def test_a_gateway_of_our_own_has_a_listener_with_tls_for_each_host_and_none_in_clear_text():
    door = {"gateway": {"className": "envoy", "podNamespace": "envoy-gateway-system"}, "certIssuer": "letsencrypt"}
    second = {"expose": {**EXPOSE, "host": "two.example.com", "tlsSecret": "two-certificate"}}
    objects = manifests(published(door, models={"n": second}))
    listeners = {one["name"]: one for one in objects["Gateway/llm"]["spec"]["listeners"]}
    assert {one["protocol"] for one in listeners.values()} == {"HTTPS"}
    for name, host, secret in (("m", "llm.example.com", "m-tls"), ("n", "two.example.com", "two-certificate")):
        assert listeners[name]["hostname"] == host
        assert listeners[name]["tls"]["certificateRefs"] == [{"name": secret}]
        assert objects[f"HTTPRoute/{name}"]["spec"]["parentRefs"] == [{"name": "llm", "sectionName": name}]
    certificate = objects["Certificate/m-tls"]["spec"]
    assert (certificate["secretName"], certificate["dnsNames"]) == ("m-tls", ["llm.example.com"])
    assert certificate["issuerRef"]["name"] == "letsencrypt"
    assert "Certificate/two-certificate" not in objects


@pytest.mark.parametrize(
    ("controller", "annotations"),
    [
        (
            "nginx",
            {
                "nginx.ingress.kubernetes.io/proxy-read-timeout": "300",
                "nginx.ingress.kubernetes.io/proxy-send-timeout": "300",
                "nginx.ingress.kubernetes.io/proxy-buffering": "off",
                "nginx.ingress.kubernetes.io/proxy-body-size": "64m",
            },
        ),
        (
            "f5-nginx",
            {
                "nginx.org/proxy-read-timeout": "300s",
                "nginx.org/proxy-send-timeout": "300s",
                "nginx.org/proxy-buffering": "False",
                "nginx.org/client-max-body-size": "64m",
            },
        ),
    ],
)
def test_an_ingress_lets_streams_through(controller, annotations):
    ingress = manifests(published({"ingress": {"controller": controller}}, tlsSecret="llm-tls"))["Ingress/m"]
    assert annotations.items() <= ingress["metadata"]["annotations"].items()
    assert ingress["spec"]["tls"] == [{"hosts": ["llm.example.com"], "secretName": "llm-tls"}]
    (rule,) = ingress["spec"]["rules"]
    assert {path["pathType"] for path in rule["http"]["paths"]} == {"Exact"}
    assert {path["path"] for path in rule["http"]["paths"]}.isdisjoint(INSIDE)


def test_both_doors_serve_a_host_while_dns_moves_from_one_to_the_other():
    doors = {"gateway": GATEWAY, "ingress": {"controller": "nginx"}}
    objects = manifests(published(doors, tlsSecret="llm-tls"))
    assert {"HTTPRoute/m", "Ingress/m"} <= objects.keys()


def test_a_controller_that_nobody_maintains_is_warned_of_with_the_way_out():
    warnings = resolve(edited(INGRESS, {"cluster.ingress.controller": "nginx"})).warnings
    (warning,) = [one for one in warnings if "cluster.ingress.controller" in one]
    assert "archived since March 2026" in warning
    assert "Add cluster.gateway" in warning
    assert not [one for one in resolve(INGRESS).warnings if "cluster.ingress" in one]


def test_keys_are_in_no_argument_and_in_no_input_that_can_be_read():
    config = published()
    resources = registered(config)
    assert "a-key-of-the-tests" not in str(resources)
    (secret,) = [one for one in resources if one.type == "kubernetes:core/v1:Secret"]
    assert secret.inputs["stringData"] == "(secret)"
    objects = manifests(config)
    arguments = engine(objects)["args"]
    path = arguments[arguments.index("--config") + 1]
    (mount,) = [one for one in engine(objects)["volumeMounts"] if one["name"] == "keys"]
    volumes = objects["Deployment/m"]["spec"]["template"]["spec"]["volumes"]
    (volume,) = [one["secret"] for one in volumes if one["name"] == "keys"]
    assert path == f"{mount['mountPath']}/{volume['items'][0]['path']}"
    # vLLM refuses another ending.
    assert path.endswith(".yaml")
    assert volume["secretName"] == secret.inputs["metadata"]["name"]


def test_both_keys_of_a_rotation_are_valid():
    (workload, _) = resolve(OWN).workloads
    content = key_data(workload, ["new", "old"])["keys.yaml"]
    assert json.loads(content.removeprefix("api-key: ")) == ["new", "old"]


def with_values(**values):
    """What the program registers when the keys have these values."""
    secrets = {f"llm-inference-secrets:{name.replace('_', '-')}": value for name, value in values.items()}
    return run_with(PROJECT, "dev", {**wire(published()), **secrets}, list(secrets))


def keys_secret(**values):
    (secret,) = [one for one in with_values(**values) if one.type == "kubernetes:core/v1:Secret"]
    return secret.inputs["metadata"]["name"]


def test_another_value_under_the_same_name_restarts_the_replicas_too():
    """A key that leaked must not stay valid in replicas that still run."""
    first = keys_secret(callers_1="a" * 32, callers_2="b" * 32)
    assert first == keys_secret(callers_1="b" * 32, callers_2="a" * 32)
    assert first != keys_secret(callers_1="a" * 32, callers_2="c" * 32)


@pytest.mark.parametrize("value", ["short-swordfish", "--swordfish" * 4, "swordfish " * 4])
def test_a_weak_or_malformed_key_is_refused_and_not_shown(value):
    with pytest.raises(click.ClickException, match=r"callers-1 is no key: .*openssl rand -hex 32") as refusal:
        with_values(callers_1=value, callers_2="b" * 32)
    assert "swordfish" not in str(refusal.value)


def test_keys_that_are_missing_or_in_clear_text_are_all_named():
    config = {**wire(published()), "llm-inference-secrets:callers-1": "swordfish" * 4}
    with pytest.raises(click.ClickException) as refusal:
        run_with(PROJECT, "dev", config, [])
    assert "llm-inference-secrets:callers-1 is in clear text" in str(refusal.value)
    assert "llm-inference-secrets:callers-2 is missing" in str(refusal.value)
    assert "swordfish" not in str(refusal.value)


def test_an_existing_secret_with_keys_is_mounted_and_none_is_made():
    config = published()
    del config["models"]["m"]["expose"]["keys"]
    config["models"]["m"]["expose"]["keySecret"] = {"name": "caller-keys", "key": "vllm.yaml"}
    objects = manifests(config)
    volumes = objects["Deployment/m"]["spec"]["template"]["spec"]["volumes"]
    (volume,) = [one["secret"] for one in volumes if one["name"] == "keys"]
    assert (volume["secretName"], volume["items"]) == ("caller-keys", [{"key": "vllm.yaml", "path": "keys.yaml"}])
    assert not [one for one in registered(config) if one.type == "kubernetes:core/v1:Secret"]


def test_probes_need_no_key():
    probes = engine(manifests(published()))
    assert {probes[kind]["httpGet"]["path"] for kind in ("startupProbe", "readinessProbe", "livenessProbe")} == {
        "/health"
    }


def test_preview_says_what_a_change_of_the_keys_interrupts(caplog):
    full = {"gateway": GATEWAY, "accelerators": {"nvidia-l4": {"available": 1}}}
    with caplog.at_level(logging.WARNING):
        registered(published(full))
    (warning,) = [record.getMessage() for record in caplog.records if "expose.keys" in record.getMessage()]
    assert "callers-2, callers-1 are valid" in warning
    assert "restarts all replicas: no answer until one is loaded again" in warning


def test_a_model_without_publication_has_no_door_and_no_keys():
    objects = manifests(lab_config(cluster={"gateway": GATEWAY}))
    assert not [key for key in objects if key.startswith(("HTTPRoute/", "Ingress/", "Gateway/", "Certificate/"))]
    assert "--config" not in engine(objects)["args"]
