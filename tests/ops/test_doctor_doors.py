"""What `llm doctor` says about the doors of a cluster: Gateways, classes, certificates, keys."""

import dataclasses

import pytest

from blueprint.locks import ImagesLock, ModelsLock
from blueprint.stack import resolve_stack
from ops.cluster.reading import Unread
from ops.preflight import doors
from ops.preflight.facts import Doors, Facts, Listener, Namespace
from tests.ops.test_doctor_lab import describe, examined
from tests.support import lab_config

GATEWAY = {"gateway": {"name": "public", "namespace": "gateways", "listener": "https"}}
HTTPS = Listener(name="https", protocol="HTTPS", hostname="*.example.com", namespaces="All")
THERE = Namespace()
ROUTES = {"httproutes.gateway.networking.k8s.io": True}


def config(cluster, **expose):
    callers = {"auth": "engineKey", "keySecret": {"name": "caller-keys", "key": "keys.yaml"}}
    return lab_config({"m": {"expose": {"host": "llm.example.com", **callers, **expose}}}, cluster=cluster)


def findings(described, namespace=THERE, **facts):
    stack = resolve_stack("dev", described, ModelsLock(), ImagesLock())
    known = Doors(
        **{
            "definitions": ROUTES,
            "listeners": [HTTPS],
            "secrets": {"caller-keys": frozenset({"keys.yaml"}), "llm-tls": frozenset({"tls.crt", "tls.key"})},
            **facts,
        }
    )
    found = doors.check(stack, stack.cluster, Facts(version="v1.34.1", namespace=namespace, doors=known))
    return {finding.check: finding for finding in found}


def test_a_host_whose_door_and_keys_are_there_is_ok():
    found = findings(config(GATEWAY))
    assert {finding.status for finding in found.values()} == {"ok"}
    assert found.keys() == {"httproutes", "listener of llm.example.com", "keys caller-keys"}


@pytest.mark.parametrize(
    ("listeners", "status", "said"),
    [
        (None, "FAIL", "no such Gateway"),
        ([dataclasses.replace(HTTPS, name="http")], "FAIL", "has http / https. Correct cluster.gateway.listener"),
        ([dataclasses.replace(HTTPS, protocol="HTTP")], "FAIL", "speaks HTTP / HTTPS"),
        ([dataclasses.replace(HTTPS, hostname="*.example.org")], "FAIL", "serves *.example.org / llm.example.com"),
        ([dataclasses.replace(HTTPS, namespaces="Same")], "FAIL", "its own namespace only / llm. Set allowedRoutes"),
        ([dataclasses.replace(HTTPS, namespaces="Selector")], "warn", "Look whether it is one"),
        ([dataclasses.replace(HTTPS, hostname="llm.example.com")], "ok", "serves it"),
        (Unread("needs the right to get gateways"), "warn", "not checked"),
    ],
)
def test_a_listener_that_would_not_serve_the_host_is_named_before_up(listeners, status, said):
    finding = findings(config(GATEWAY), listeners=listeners)["listener of llm.example.com"]
    assert (finding.status, said in finding.message) == (status, True), finding.message


def test_missing_definitions_classes_and_issuers_fail_with_their_names():
    cluster = {
        "gateway": {"className": "envoy", "podNamespace": "envoy-gateway-system"},
        "ingress": {"controller": "nginx"},
        "certIssuer": "letsencrypt",
    }
    missing = {("gateway class", "envoy"): False, ("ingress class", "nginx"): True, ("cluster issuer", "x"): False}
    found = findings(config(cluster), definitions={"certificates.cert-manager.io": False}, classes=missing)
    failed = {name for name, finding in found.items() if finding.status == "FAIL"}
    assert failed == {"certificates", "gateway class", "cluster issuer"}
    assert "httproutes" not in found


def test_a_certificate_that_is_no_certificate_and_keys_that_are_elsewhere_fail():
    described = config({"ingress": {"controller": "nginx"}}, tlsSecret="llm-tls")
    found = findings(described, secrets={"llm-tls": frozenset({"tls.crt"}), "caller-keys": None})
    assert found["certificate llm-tls"].status == found["keys caller-keys"].status == "FAIL"
    assert "Missing: tls.key" in found["certificate llm-tls"].message
    first = findings(described, namespace=None, secrets={})
    assert first["keys caller-keys"].status == "warn"


def test_the_lab_has_the_definitions_and_no_gateway_until_somebody_makes_one(cluster, monkeypatch, tmp_path):
    described = config(GATEWAY)
    describe(tmp_path, described, monkeypatch)
    _, before = examined(cluster, monkeypatch)
    assert before["httproutes"]["status"] == "ok"
    assert before["listener of llm.example.com"]["message"].startswith("there is no such Gateway")
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gateways"}},
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "public", "namespace": "gateways"},
            "spec": {
                "gatewayClassName": "any",
                "listeners": [
                    {
                        "name": "https",
                        "port": 443,
                        "protocol": "HTTPS",
                        "tls": {"certificateRefs": [{"name": "wildcard"}]},
                        "allowedRoutes": {"namespaces": {"from": "All"}},
                    }
                ],
            },
        },
    )
    _, after = examined(cluster, monkeypatch)
    assert after["listener of llm.example.com"]["status"] == "ok"
