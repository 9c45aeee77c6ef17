"""The server's spans, as collectors of OTLP receive them."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.server.own_python import needs_server, run

pytestmark = needs_server

KEY = "Bearer collectors-key"
LANGFUSE = {"langfuse_public_key": "pk-1", "langfuse_secret_key": "sk-langfuses-key"}


def sent(mode: str = "answer", **asked: Any) -> tuple[Mapping[str, Any], str]:
    options = {"otlp_headers": "Authorization=Bearer%20collectors-key", **asked.pop("options", {})}
    environment = asked.pop("environment", {})
    return run("trace.py", json.dumps({"mode": mode, "options": options, **asked}), **environment)


def spans(found: Mapping[str, Any]) -> Sequence[Any]:
    return [
        {**span, "attributes": plain(span.get("attributes", ()))}
        for message in found["arrived"]
        for resource in message["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def plain(attributes: Any) -> Mapping[str, Any]:
    return {one["key"]: scalar(one["value"]) for one in attributes}


def scalar(value: Any) -> Any:
    ((kind, content),) = value.items()
    if kind == "arrayValue":
        return [scalar(one) for one in content["values"]]
    return int(content) if kind == "intValue" else content


def server_span(found: Mapping[str, Any], request_id: str) -> Any:
    (span,) = (one for one in spans(found) if one["attributes"].get("gen_ai.request.id") == request_id)
    return span


def phases(found: Mapping[str, Any], span: Any) -> list[str]:
    return [one["name"] for one in spans(found) if one.get("parentSpanId") == span["spanId"]]


@pytest.fixture(scope="module", params=["grpc", "http/protobuf"])
def found(request) -> Mapping[str, Any]:
    return sent(collector=request.param)[0]


def test_a_request_is_a_server_span_of_the_callers_trace(found):
    span = server_span(found, "ok")
    assert span["name"] == "chat tiny"
    assert span["kind"] == "SPAN_KIND_SERVER"
    assert base64.b64decode(span["traceId"]).hex() == "0af7651916cd43dd8448eb211c80319c"
    assert base64.b64decode(span["parentSpanId"]).hex() == "b7ad6b7169203331"


def test_it_is_named_as_the_conventions_say(found):
    assert server_span(found, "ok")["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "llm-inference",
        "gen_ai.request.id": "ok",
        "gen_ai.request.model": "tiny",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.max_tokens": 8,
        "gen_ai.response.model": "tiny",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 4,
        "llm.request.status": "ok",
    }


def test_its_phases_follow_one_another(found):
    span = server_span(found, "ok")
    children = {one["name"]: one for one in spans(found) if one.get("parentSpanId") == span["spanId"]}
    assert list(children) == ["queue", "prefill", "decode"]
    assert {one["traceId"] for one in children.values()} == {span["traceId"]}
    times = [
        span["startTimeUnixNano"],
        *(children["queue"][key] for key in ("startTimeUnixNano", "endTimeUnixNano")),
        *(children["prefill"][key] for key in ("startTimeUnixNano", "endTimeUnixNano")),
        *(children["decode"][key] for key in ("startTimeUnixNano", "endTimeUnixNano")),
        span["endTimeUnixNano"],
    ]
    assert times == sorted(times, key=int)
    (event,) = span["events"]
    assert event["name"] == "gen_ai.first_token"
    assert event["timeUnixNano"] == children["prefill"]["endTimeUnixNano"]
    assert plain(event["attributes"])["gen_ai.server.time_to_first_token"] > 0


def test_a_caller_who_does_not_sample_is_not_traced(found):
    assert not [one for one in spans(found) if one["attributes"].get("gen_ai.request.id") == "unsampled"]


def test_a_garbled_parent_starts_a_trace(found):
    assert not server_span(found, "garbled").get("parentSpanId")


@pytest.mark.parametrize(
    ("request_id", "code", "reached"),
    [
        ("rejected", "STATUS_CODE_ERROR", []),
        ("invalid", None, []),
        ("cancelled", None, ["queue"]),
        ("error", "STATUS_CODE_ERROR", ["queue", "prefill"]),
    ],
)
def test_an_end_before_its_time_shows_how_far_a_request_came(found, request_id, code, reached):
    span = server_span(found, request_id)
    assert span.get("status", {}).get("code") == code
    assert span["attributes"].get("error.type") == (request_id if code else None)
    assert span["attributes"]["llm.request.status"] == request_id
    assert phases(found, span) == reached
    assert "gen_ai.response.model" not in span["attributes"]
    assert "events" not in span


def test_nothing_is_kept_of_what_was_said(found):
    assert "secret" not in str(found)


def test_the_collector_gets_its_headers(found):
    assert {message["headers"]["authorization"] for message in found["arrived"]} == {KEY}
    assert {message.get("path") for message in found["arrived"]} <= {None, "/v1/traces"}
    (name,) = {
        plain(resource["resource"]["attributes"])["service.name"]
        for message in found["arrived"]
        for resource in message["resourceSpans"]
    }
    assert name == "llm-inference-server"


def test_what_was_said_goes_out_where_the_operator_asks_for_it():
    """Up to a length: a collector refuses messages above 4 MiB, and all other spans in them."""
    found, _ = sent(collector="grpc", options={"capture_prompts": True}, dots=100_000)
    attributes = server_span(found, "ok")["attributes"]
    (asked,) = json.loads(attributes["gen_ai.input.messages"])
    assert asked == {"role": "user", "parts": [{"type": "text", "content": "a secret question"}]}
    (answer,) = json.loads(attributes["gen_ai.output.messages"])
    assert (answer["role"], answer["finish_reason"]) == ("assistant", "stop")
    assert len(answer["parts"][0]["content"]) == 32_768


def test_langfuse_gets_its_own_headers_beside_the_collector():
    """Not the collector's: the exporter would add those that it finds in the environment."""
    environment = {"OTEL_EXPORTER_OTLP_HEADERS": "x-collectors-key=collectors-key"}
    found, _ = sent(collector="grpc", langfuse=True, options=LANGFUSE, environment=environment)
    assert {message["via"] for message in found["arrived"]} == {"grpc", "http"}
    for message in found["arrived"]:
        if message["via"] == "http":
            assert message["path"] == "/api/public/otel/v1/traces"
            assert message["headers"]["authorization"] == "Basic " + base64.b64encode(b"pk-1:sk-langfuses-key").decode()
            assert message["headers"]["x-langfuse-ingestion-version"] == "4"
            assert "collectors-key" not in str(message["headers"])


@pytest.mark.parametrize("collector", ["grpc", "http/protobuf"])
def test_a_collector_that_says_nothing_holds_nobody_up(collector):
    """2,000 requests make more spans than wait at most; and a pod has to end in time."""
    found, log = sent("silent", collector=collector, langfuse=True, options=LANGFUSE, more=2000)
    assert found["waited"] < 8
    assert found["closed"] < 6
    assert "s-key" not in log


@pytest.mark.parametrize("collector", ["grpc", "http/protobuf"])
def test_an_error_is_told_once_and_without_headers(collector):
    """This collector repeats the key in its reason."""
    _, log = sent("refuse", collector=collector, langfuse=True, options=LANGFUSE, more=500)
    assert log.count("Traces do not reach the OTLP collector") == 1
    assert log.count("Traces do not reach Langfuse") == 1
    assert "s-key" not in log
    assert base64.b64encode(b"pk-1:sk-langfuses-key").decode() not in log


def test_a_collector_that_comes_back_is_told_of():
    found, log = sent("returning", collector="http/protobuf")
    assert server_span(found, "second")
    assert log.count("Traces do not reach the OTLP collector") == 1
    assert log.count("Traces reach the OTLP collector again") == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"otlp_endpoint": "collector:4317"}, "otlp_endpoint: an address with http:// or https:// is needed"),
        ({"otlp_endpoint": "http://me:s-key@collector"}, "otlp_endpoint: credentials belong into headers"),
        ({"langfuse_host": "https://langfuse"}, "Langfuse needs langfuse_host, langfuse_public_key and"),
        ({"otlp_headers": "s-key"}, "otlp_headers: an entry is not name=value"),
    ],
)
def test_options_that_cannot_work_are_refused_without_their_secrets(options, problem):
    told, log = run("options.py", json.dumps(options))
    assert told.startswith(problem)
    assert "s-key" not in told + log


def test_options_are_shown_without_their_secrets():
    told, _ = run(
        "options.py", json.dumps({"langfuse_host": "https://langfuse", "otlp_headers": "a=s-key", **LANGFUSE})
    )
    assert "https://langfuse" in told
    assert "s-key" not in told
