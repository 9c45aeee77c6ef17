"""The policy pack, judged through Pulumi's own policy host in another working directory."""

import contextlib
import os
import subprocess
import sys

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from tests.policy.cases import ENGINE_PATH, OBJECTS, laid
from tests.support import PROJECT, lab_config, registered

DEPLOYMENT = "kubernetes:apps/v1:Deployment"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    with started(PROJECT.root / "policy", tmp_path_factory.mktemp("elsewhere")) as stub:
        yield stub


@contextlib.contextmanager
def started(folder, elsewhere, environment=None):
    """The pack in a folder, its host started in another, with more in its environment."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(folder)]
    environment = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=elsewhere, env=environment) as host:
        try:
            port = int(host.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = analyzer_pb2_grpc.AnalyzerStub(channel)
                stub.GetAnalyzerInfo(empty_pb2.Empty(), timeout=120)
                yield stub
        finally:
            host.kill()


def judge(pack, resource_type, properties, stack="s"):
    """What is said of a resource, by the policies that it breaks."""
    return {one.policyName: one.message for one in ask(pack, resource_type, properties, stack)}


def ask(pack, resource_type, properties, stack):
    """What the host says of a resource."""
    struct = struct_pb2.Struct()
    struct.update(properties)
    urn = f"urn:pulumi:{stack}::p::t::m"
    request = analyzer_pb2.AnalyzeRequest(type=resource_type, properties=struct, name="m", urn=urn)
    return pack.Analyze(request, timeout=120).diagnostics


def test_what_is_known_is_judged_where_something_is_not(pack):
    """A digest of an image that this very `up` builds is judged once it is known."""
    unknown = laid(OBJECTS["Deployment"], (*ENGINE_PATH, "image"), UNKNOWN_STRING_VALUE)
    assert judge(pack, DEPLOYMENT, unknown) == {}
    assert judge(pack, DEPLOYMENT, laid(unknown, ("spec", "template", "spec", "hostPID"), True)).keys() == {
        "pod-security-restricted"
    }


@pytest.mark.parametrize("properties", [{}, {"spec": None}, {"spec": {"template": []}}, {"spec": {"template": {}}}])
def test_missing_parts_crash_nothing(pack, properties):
    assert judge(pack, DEPLOYMENT, properties) == {}


def test_the_programs_own_resources_break_no_rule(pack):
    for resource in registered(lab_config()):
        assert judge(pack, resource.type, resource.inputs) == {}
