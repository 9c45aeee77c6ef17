"""The real Loki with the configuration that a stack deploys, behind the real collector with its own."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from blueprint.monitoring.dashboards import dashboards
from blueprint.monitoring.stores import LINKS, LOKI_FOLDER
from lab.tools.build import ensure
from lab.tools.sets import LOKI
from tests.monitoring.collecting import PATIENCE, at_work, collecting, free_ports
from tests.monitoring.otlp import receiver, status
from tests.support import lab_config, manifests

pytestmark = pytest.mark.prove  # building Loki takes minutes

CONFIG = lab_config(
    monitoring={"mode": "standalone", "standalone": {"loki": {"retentionDays": 30}, "jaeger": {}}, "collector": {}}
)
TRACE = "0af7651916cd43dd8448eb211c80319c"
CANARY = "canary: what did my doctor say?"
# By pod, of the namespace llm unless another is named: severity of the record, if any, and its text.
SAID = {
    "m-7c9f6d5b8-x2x7k": (
        (None, "INFO 11-30 16:00:00 [loggers.py:1] Avg prompt throughput: 3.1 tokens/s"),
        (17, f'{{"message": "failed", "trace_id": "{TRACE}"}}'),
        (None, f"ERROR 11-30 16:00:01 Received request: prompt: '{CANARY}'"),
    ),
    "m-decode-7c9f6d5b8-x2x7k": ((None, "of llm-d"),),
    "m-0-1": ((None, "of a group"),),
    "m-download-x2x7k": ((None, "of its download"),),
    "m-next-7c9f6d5b8-x2x7k": ((17, "of another model, whose name begins alike"),),
    "m-next-0": ((None, "of its group"),),
    "shop/m-7c9f6d5b8-zk4tq": ((17, "of another namespace"),),
}
OWN = ("m-7c9f6d5b8-x2x7k", "m-decode-7c9f6d5b8-x2x7k", "m-0-1", "m-download-x2x7k")
PANELS = {
    panel["title"]: panel
    for dashboard in dashboards(stores=["loki"])
    for panel in dashboard.model()["panels"]
    if panel.get("datasource", {}).get("type") == "loki"
}


@dataclass
class Loki:
    """One at work."""

    port: int

    def ask(self, expr: str) -> list[Any]:
        """The streams or series of the last hour, as Grafana asks for them."""
        now = time.time_ns()
        words = {"query": expr, "start": now - 3600 * 10**9, "end": now, "step": 60, "limit": 500}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", f"/loki/api/v1/query_range?{urlencode(words)}")
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        assert answer.status == HTTPStatus.OK, f"{expr}: {text}"
        found: list[Any] = json.loads(text)["data"]["result"]
        return found

    def lines(self, expr: str) -> set[str]:
        """The lines of an answer."""
        return {line for stream in self.ask(expr) for _, line, *_ in stream["values"]}


@contextmanager
def loki(folder: Path) -> Iterator[Loki]:
    """With this machine's folder and port in place of the pod's, and no other place to write to."""
    objects = manifests(CONFIG)
    (text,) = objects["ConfigMap/llm-loki"]["data"].values()
    port, grpc = free_ports(2)
    for there, here in {
        LOKI_FOLDER: str(folder / "data"),
        "http_listen_port: 3100": f"http_listen_port: {port}",
    }.items():
        assert there in text
        text = text.replace(there, here)
    file = folder / "loki.yaml"
    file.write_text(text)
    (empty := folder / "empty").mkdir()
    (container,) = objects["StatefulSet/llm-loki"]["spec"]["template"]["spec"]["containers"]
    (argument,) = container["args"]
    command = [str(ensure(LOKI).program("loki")), f"{argument.partition('=')[0]}={file}"]
    # As the configuration does not say them: a port that no other has, and loopback.
    command += [f"-server.grpc-listen-port={grpc}", "-server.http-listen-address=127.0.0.1"]
    nowhere = {"PATH": "", "HOME": "/nonexistent", "TMPDIR": "/nonexistent"}
    ready = container["readinessProbe"]["httpGet"]["path"]
    with at_work(command, port, folder / "loki.log", ready, env=nowhere, cwd=empty):
        yield Loki(port)
    assert list(empty.iterdir()) == []


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loki]:
    """A Loki that has what the pods said, by way of the collector."""
    folder = tmp_path_factory.mktemp("stores")
    with loki(folder) as store, receiver() as (_, traces, _):
        addresses = {"http://llm-loki:3100": f"http://127.0.0.1:{store.port}", "llm-jaeger:4317": f"127.0.0.1:{traces}"}
        with collecting(CONFIG, folder, addresses) as collector:
            assert status(collector.http, "POST", "/v1/logs", logs()) == HTTPStatus.OK
            assert collector.stop() == 0
        until = time.monotonic() + PATIENCE
        while len(store.lines('{k8s_namespace_name=~".+"}')) < sum(len(some) for some in SAID.values()):
            assert time.monotonic() < until
            time.sleep(0.2)
        yield store


def logs() -> Any:
    """What an agent of the nodes hands in."""
    resources = []
    for where, some in SAID.items():
        namespace, _, pod = where.rpartition("/")
        names = {"k8s.namespace.name": namespace or "llm", "k8s.pod.name": pod, "k8s.container.name": "engine"}
        names["k8s.pod.uid"] = f"uid of {pod}"
        records = [
            {
                "timeUnixNano": str(time.time_ns()),
                **({"severityNumber": severity} if severity else {}),
                "body": {"stringValue": text},
            }
            for severity, text in some
        ]
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in names.items()]
        resources.append({"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": records}]})
    return {"resourceLogs": resources}


def asked(title: str) -> str:
    """A panel's query as Grafana sends it."""
    (target,) = PANELS[title]["targets"]
    expr: str = target["expr"]
    return expr.replace("$namespace", "llm").replace("${model}", "m").replace("$__auto", "5m")


def test_every_question_of_the_dashboard_is_logql_and_has_an_answer(kept, capsys):
    for title, panel in PANELS.items():
        found = kept.ask(asked(title))
        assert found, title
        legend = panel["targets"][0]["legendFormat"]
        if panel["type"] != "logs":
            assert {f"{{{{{label}}}}}" for series in found for label in series["metric"]} == {legend}
    with capsys.disabled():
        print(f"\n{len(PANELS)} panels of logs answered by Loki")  # noqa: T201


def test_a_models_lines_are_those_of_its_pods_and_of_no_other_models(kept):
    texts = {text for pod in OWN for _, text in SAID[pod] if CANARY not in text}
    assert kept.lines(asked("Lines")) == {*texts, "ERROR 11-30 16:00:01 Received request: prompt: [redacted]"}
    assert not any(CANARY in line for line in kept.lines('{k8s_namespace_name=~".+"}'))


def test_errors_are_told_by_the_record_or_by_the_text(kept):
    failed, redacted = sorted(kept.lines(asked("Errors")), reverse=True)
    assert TRACE in failed
    assert redacted.startswith("ERROR 11-30")
    by_severity = {series["metric"]["detected_level"] for series in kept.ask(asked("Lines by severity"))}
    assert {"error", "info"} <= by_severity
    assert [series["metric"] for series in kept.ask(asked("Errors by pod"))] == [{"k8s_pod_name": OWN[0]}]


def test_each_workload_has_its_own_volume(kept):
    found = {series["metric"]["workload"] for series in kept.ask(asked("Lines by workload"))}
    assert found == {"m", "m-next"}


def test_a_trace_leads_to_its_lines_and_a_line_to_its_trace(kept):
    query = LINKS["jaeger"]["tracesToLogsV2"]["query"].replace("$$", "$")
    (tag,) = LINKS["jaeger"]["tracesToLogsV2"]["tags"]
    # What Grafana fills in of a span.
    filled = query.replace("${__tags}", f'{tag["value"]}="llm"').replace("${__trace.traceId}", TRACE)
    (stream,) = kept.ask(filled)
    assert [TRACE in line for _, line, *_ in stream["values"]] == [True]
    (field,) = LINKS["loki"]["derivedFields"]
    assert stream["stream"][field["matcherRegex"]] == TRACE
    assert tag["key"] == "k8s.namespace.name"


def test_only_few_attributes_make_streams(kept):
    """A label with a value for each pod's life makes a stream of each: Loki would drown in them."""
    connection = HTTPConnection("127.0.0.1", kept.port, timeout=PATIENCE)
    try:
        connection.request("GET", "/loki/api/v1/labels")
        labels = set(json.loads(connection.getresponse().read())["data"])
    finally:
        connection.close()
    assert labels == {"k8s_container_name", "k8s_namespace_name", "k8s_pod_name", "service_name"}
    (stream,) = kept.ask(f'{{k8s_namespace_name="llm"}} | trace_id="{TRACE}"')
    assert stream["stream"]["k8s_pod_uid"] == f"uid of {OWN[0]}"


def test_it_deletes_by_age_and_by_nobodys_request(kept):
    connection = HTTPConnection("127.0.0.1", kept.port, timeout=PATIENCE)
    try:
        connection.request("GET", "/config")
        config = connection.getresponse().read().decode()
    finally:
        connection.close()
    assert "retention_period: 30d" in config or "retention_period: 720h" in config
    assert "retention_enabled: true" in config
    assert "reporting_enabled: false" in config
    words = urlencode({"query": '{k8s_namespace_name="llm"}', "start": 1, "end": int(time.time())})
    assert status(kept.port, "POST", f"/loki/api/v1/delete?{words}") >= HTTPStatus.BAD_REQUEST
