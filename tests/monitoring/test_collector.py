"""The configuration that a stack deploys, in the real collector: what comes in, and what goes out."""

import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.collecting import PATIENCE, Collecting, collecting, configuration, program
from tests.monitoring.otlp import TRACE_SERVICE, Received, attributes, receiver, send_spans, status
from tests.support import caller_keys, lab_config

pytestmark = pytest.mark.prove  # building the collector takes minutes

JAEGER, LOKI, LANGFUSE = (
    "jaeger.monitoring.svc:4317",
    "http://loki.monitoring.svc:3100",
    "http://langfuse.tools.svc:3000",
)
SETTINGS = {
    "tracesTo": {"address": f"http://{JAEGER}", "headers": {"x-scope-orgid": "tenant"}},
    "logsTo": {"address": f"{LOKI}/otlp"},
    "langfuse": {"host": LANGFUSE, "publicKey": "lf-public", "secretKey": "lf-secret"},
    # None by share: what arrives was kept for a reason of its own.
    "sampling": {"percent": 0},
}
TRACES, GENERATIONS, LOGS = f"/{TRACE_SERVICE}/Export", "/api/public/otel/v1/traces", "/otlp/v1/logs"
CANARY = "canary: what did my doctor say?"
RESOURCE = {"service.name": "m", "llm.model": "m", "k8s.pod.name": "m-0"}
WITH_CONTENT = (
    "gen_ai.prompt",
    "gen_ai.prompt.0.content",
    "gen_ai.completion",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "input.value",
    "output.value",
)
CONTENT = dict.fromkeys(WITH_CONTENT, CANARY)
OF_VLLM = {
    "gen_ai.request.id": "cmpl-1",
    "gen_ai.usage.prompt_tokens": 12,
    "gen_ai.usage.completion_tokens": 34,
    **CONTENT,
}
QUICK, FAILED, SLOW, PROBED = (bytes([number]) * 16 for number in (1, 2, 3, 4))
SPANS: list[dict[str, Any]] = [
    {"name": "quick", "trace": QUICK, "attributes": OF_VLLM},
    {"name": "failed", "trace": FAILED, "failed": True, "attributes": OF_VLLM, "events": {"content": CONTENT}},
    {"name": "POST /v1/completions", "trace": FAILED, "attributes": {"url.path": "/v1/completions"}},
    {"name": "slow", "trace": SLOW, "seconds": 6, "attributes": OF_VLLM},
    {"name": "scrape", "trace": PROBED, "failed": True, "attributes": {"url.path": "/metrics"}},
    {"name": "probe", "trace": PROBED, "failed": True, "attributes": {"http.target": "/health?verbose=1"}},
]


@dataclass
class Running:
    """A collector at work. received: what its targets got."""

    collecting: Collecting
    received: Received

    @property
    def grpc(self) -> int:
        return self.collecting.grpc

    @property
    def http(self) -> int:
        return self.collecting.http

    def wait_for(self, path: str) -> None:
        """Wait until something came to a path: at most the 10 s of a decision, and what a busy machine adds."""
        until = time.monotonic() + PATIENCE
        while not self.received.bodies(path):
            assert time.monotonic() < until, f"nothing came to {path}"
            time.sleep(0.1)

    def stop(self) -> int:
        return self.collecting.stop()


def rendered(**change: Any) -> dict[str, Any]:
    settings = {**SETTINGS, **change}
    collector = {key: value for key, value in settings.items() if value is not None}
    return lab_config(monitoring={"mode": "operator", "collector": collector})


@contextmanager
def running(config: dict[str, Any], folder: Path) -> Iterator[Running]:
    """One whose targets record what they get."""
    with receiver() as (received, to_grpc, to_http):
        addresses = {
            JAEGER: f"127.0.0.1:{to_grpc}",
            LOKI: f"http://127.0.0.1:{to_http}",
            LANGFUSE: f"http://127.0.0.1:{to_http}",
        }
        with collecting(config, folder, addresses) as collector:
            yield Running(collector, received)


@pytest.fixture(scope="module")
def arrived(tmp_path_factory: pytest.TempPathFactory) -> Received:
    """What the targets got of SPANS."""
    with running(rendered(), tmp_path_factory.mktemp("collector")) as collector:
        send_spans(collector.grpc, RESOURCE, SPANS)
        collector.wait_for(TRACES)
        assert collector.stop() == 0
        return collector.received


@pytest.mark.parametrize("left", ["tracesTo", "logsTo", "langfuse", None])
def test_what_is_deployed_is_valid(left, tmp_path):
    config = rendered(**{key: None for key in ("tracesTo", "logsTo", "langfuse") if left not in (key, None)})
    file = tmp_path / "collector.yaml"
    file.write_text(configuration(config))
    done = subprocess.run([program(), "validate", f"--config={file}"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_failed_and_slow_traces_are_kept_whole_and_probes_are_no_traces(arrived):
    assert set(arrived.spans(TRACES)) == {"failed", "POST /v1/completions", "slow"}
    assert {headers["x-scope-orgid"] for headers in arrived.headers(TRACES)} == {secret("tenant")}


def test_langfuse_gets_every_generation_and_nothing_else_with_its_keys(arrived):
    assert set(arrived.spans(GENERATIONS)) == {"quick", "failed", "slow"}
    basic = b64encode(f"{secret('lf-public')}:{secret('lf-secret')}".encode()).decode()
    for headers in arrived.headers(GENERATIONS):
        assert headers["authorization"] == f"Basic {basic}"
        assert headers["x-langfuse-ingestion-version"] == "4"
        assert "x-scope-orgid" not in headers


@pytest.mark.parametrize("path", [TRACES, GENERATIONS])
def test_spans_have_the_conventions_names_and_no_prompt(arrived, path):
    assert CANARY.encode() not in arrived.bodies(path)
    assert attributes(arrived.spans(path)["failed"]) == {
        "gen_ai.request.id": "cmpl-1",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 34,
    }
    assert arrived.spans(path)["failed"].trace_id == FAILED


def test_prompts_arrive_where_they_were_allowed(tmp_path):
    with running(rendered(keepContent=True, sampling={"percent": 100}), tmp_path) as collector:
        send_spans(collector.grpc, RESOURCE, SPANS)
        collector.wait_for(TRACES)
        assert collector.stop() == 0
        for path in (TRACES, GENERATIONS):
            assert attributes(collector.received.spans(path)["quick"])["gen_ai.prompt"] == CANARY


TRACE = "0af7651916cd43dd8448eb211c80319c"
LINES = {
    # By what was written, what is stored.
    f"Received request cmpl-1: prompt: '{CANARY}', params: SamplingParams(n=1)": (
        "Received request cmpl-1: prompt: [redacted]"
    ),
    f"Generated response cmpl-1: output: '{CANARY}\nand more', output_token_ids: [1]": (
        "Generated response cmpl-1: output: ' [redacted]"
    ),
    f"Receive: obj=GenerateReqInput(rid='1', text='{CANARY}')": (
        "Receive: obj=GenerateReqInput(rid='1', text=' [redacted]"
    ),
    f'{{"request_id": "1", "messages": [{{"role": "user", "content": "{CANARY}"}}]}}': (
        '{"request_id": "1", "messages": [redacted]'
    ),
    "Engine 000: Avg prompt throughput: 3.1 tokens/s, Running: 1 reqs": (
        "Engine 000: Avg prompt throughput: 3.1 tokens/s, Running: 1 reqs"
    ),
    '{"message": "answered", "prompt_tokens": 12, "completion_tokens": 34}': (
        '{"message": "answered", "prompt_tokens": 12, "completion_tokens": 34}'
    ),
}


def log_records() -> list[dict[str, Any]]:
    text = {"stringValue": CANARY}
    return [
        *({"traceId": TRACE, "body": {"stringValue": line}} for line in LINES),
        {"body": {"stringValue": f'{{"message": "of a trace", "trace_id": "{TRACE}"}}'}},
        {"body": {"kvlistValue": {"values": [{"key": "prompt", "value": text}]}}},
        {"body": {"stringValue": CANARY}, "eventName": "gen_ai.user.message"},
        {"body": text, "attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.choice"}}]},
        {"body": {"stringValue": "done"}, "attributes": [{"key": "gen_ai.input.messages", "value": text}]},
    ]


def test_log_lines_arrive_with_their_trace_and_without_prompts(tmp_path):
    with running(rendered(), tmp_path) as collector:
        sent = {"resourceLogs": [{"scopeLogs": [{"logRecords": log_records()}]}]}
        assert status(collector.http, "POST", "/v1/logs", sent) == HTTPStatus.OK
        collector.wait_for(LOGS)
        assert collector.stop() == 0
        received = collector.received
    assert CANARY.encode() not in received.bodies(LOGS)
    records = received.records(LOGS)
    assert [one.body.string_value for one in records] == [
        *LINES.values(),
        f'{{"message": "of a trace", "trace_id": "{TRACE}"}}',
        "[redacted]",
        "[redacted]",
        "[redacted]",
        "done",
    ]
    assert [one.trace_id.hex() for one in records] == [TRACE] * (len(LINES) + 1) + [""] * 4


def secret(name: str) -> str:
    (value,) = (value for key, value in caller_keys(rendered()).items() if key.endswith(f":{name}"))
    return value


def test_no_statement_is_lost_between_the_settings_and_the_file():
    """The pipelines name every processor that is configured, memory first and batches last."""
    read = yaml.safe_load(configuration(rendered()))
    pipelines = read["service"]["pipelines"].values()
    assert {name for one in pipelines for name in one["processors"]} == set(read["processors"])
    assert {(one["processors"][0], one["processors"][-1]) for one in pipelines} == {("memory_limiter", "batch")}
