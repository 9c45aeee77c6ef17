"""The policy pack, judged through Pulumi's own policy host in another working directory."""

import subprocess
import sys

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from tests.support import PROJECT, lab_config, registered

DEPLOYMENT = "kubernetes:apps/v1:Deployment"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PROJECT.root / "policy")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path_factory.mktemp("elsewhere")) as host:
        try:
            port = int(host.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = analyzer_pb2_grpc.AnalyzerStub(channel)
                stub.GetAnalyzerInfo(empty_pb2.Empty(), timeout=120)
                yield stub
        finally:
            host.kill()


def judge(pack, resource_type, properties):
    """Names of the policies that a resource breaks."""
    struct = struct_pb2.Struct()
    struct.update(properties)
    request = analyzer_pb2.AnalyzeRequest(type=resource_type, properties=struct, name="m", urn="urn:pulumi:s::p::t::m")
    return {diagnostic.policyName: diagnostic.message for diagnostic in pack.Analyze(request, timeout=120).diagnostics}


def deployment(**container):
    spec = {"containers": [{"name": "engine", "image": "a@sha256:" + "0" * 64, **container}]}
    return {"spec": {"template": {"spec": spec}}}


@pytest.mark.parametrize(
    ("container", "broken"),
    [
        ({}, set()),
        ({"image": "a:latest"}, {"image-by-digest"}),
        ({"image": None}, {"image-by-digest"}),
        ({"image": UNKNOWN_STRING_VALUE}, set()),
        ({"image": UNKNOWN_STRING_VALUE, "securityContext": {"privileged": True}}, {"no-privileged-container"}),
        ({"securityContext": {"privileged": True}}, {"no-privileged-container"}),
        ({"securityContext": {"privileged": False}}, set()),
    ],
)
def test_each_rule_has_a_resource_that_breaks_it_and_a_twin_that_does_not(pack, container, broken):
    assert judge(pack, DEPLOYMENT, deployment(**container)).keys() == broken


def test_a_violation_names_the_container_and_what_to_change(pack):
    message = judge(pack, DEPLOYMENT, deployment(image="a:latest"))["image-by-digest"]
    assert 'container "engine"' in message
    assert "images.lock.yaml" in message


@pytest.mark.parametrize("properties", [{}, {"spec": None}, {"spec": {"template": []}}, {"spec": {"template": {}}}])
def test_missing_parts_crash_nothing(pack, properties):
    assert judge(pack, DEPLOYMENT, properties) == {}


def test_the_programs_own_resources_break_no_rule(pack):
    for resource in registered(lab_config()):
        assert judge(pack, resource.type, resource.inputs) == {}
