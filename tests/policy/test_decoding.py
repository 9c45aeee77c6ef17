"""What the policy host is asked about is read once, whatever the number of policies."""

from types import SimpleNamespace

import pulumi_policy.policy as host
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy

from policy.decoding import read_once


def asked(value):
    properties = struct_pb2.Struct()
    properties.update({"value": value})
    return analyzer_pb2.AnalyzeRequest(type="t", properties=properties, name="m", urn="urn:pulumi:s::p::t::m")


def test_three_policies_read_two_messages_twice_in_all(monkeypatch):
    read, seen = [], []

    def decode(message):
        read.append(message)
        return json_format.MessageToDict(message)

    monkeypatch.setattr(host, "json_format", SimpleNamespace(MessageToDict=decode))
    for name in ("deserialize_properties", "unknown_checking_proxy"):
        monkeypatch.setattr(host, name, getattr(host, name))
    read_once(host)
    policies = [
        ResourceValidationPolicy(f"p{number}", "Sees.", lambda args, _report: seen.append(args.props["value"]))
        for number in range(3)
    ]
    servicer = host._PolicyAnalyzerServicer("pack", "1", policies, EnforcementLevel.ADVISORY)  # noqa: SLF001
    for value in ("one", "other"):
        servicer.Analyze(asked(value), None)
    assert len(read) == 2
    assert seen == 3 * ["one"] + 3 * ["other"]
