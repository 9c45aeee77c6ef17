"""The exporter as a process, beside a stand-in of the control plane: the metrics follow, and no token is anywhere."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from blueprint.metrics import endpoints as metrics
from blueprint.monitoring.dashboards.endpoints import ENDPOINTS
from lab.hub.machine import Machine
from lab.hub.server import HubServer
from lab.hub.world import MANAGE, SEE, Token
from tests.endpoints.support import ORG, OTHER_OWNER, OWNER, SLEEPY
from tests.monitoring.synthetic import filled
from tests.prometheus import needs_prometheus, prometheus

CANARY = "hf_CanaryThatSees"
TAGS = [OWNER, "owner:team-search"]
COMPUTE = {
    "accelerator": "gpu",
    "instanceType": "nvidia-l4",
    "instanceSize": "x1",
    "scaling": {"minReplica": 1, "maxReplica": 2},
}


@dataclass(kw_only=True)
class Exporter:
    """One that runs. output: all that it has written."""

    process: subprocess.Popen[str]
    url: str
    output: list[str]

    def text(self) -> str:
        return httpx2.get(self.url, timeout=5, trust_env=False).text

    def series(self, name: str, **labels: str) -> dict[frozenset[tuple[str, str]], float]:
        """The samples of a name that have these labels."""
        return {
            frozenset(sample.labels.items()): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        }

    def value(self, name: str, **labels: str) -> float | None:
        """The one value; None where there is none."""
        found = list(self.series(name, **labels).values())
        assert len(found) <= 1, found
        return found[0] if found else None

    def state(self, endpoint: str) -> str | None:
        """The state that is 1; each other one has to be 0."""
        found = self.series(metrics.STATE.name, endpoint=endpoint)
        assert {dict(labels)["state"] for labels in found} >= set(metrics.STATES) or not found
        is_in = [dict(labels)["state"] for labels, value in found.items() if value == 1]
        assert len(is_in) == (1 if found else 0)
        return is_in[0] if is_in else None

    def stop(self) -> float:
        """SIGTERM; the seconds that it took to end."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        return time.monotonic() - begun


def command(**options: str) -> list[str]:
    given = {"namespace": ORG, "api": "lab", "tag": OWNER, "model": "one=answers", "poll-seconds": "0.2", "port": "0"}
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in {**given, **options}.items()]
    return [sys.executable, "-m", "endpoints.exporter", *arguments]


def environment(hub: HubServer, token: str = CANARY) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LLM_LAB_HUB": hub.url, "LLM_LAB_HUB_READ_TOKEN": token, "NO_PROXY": "127.0.0.1"}


@contextlib.contextmanager
def exporting(hub: HubServer, **options: str) -> Iterator[Exporter]:
    """An exporter; whatever it wrote or showed holds no token."""
    process = subprocess.Popen(
        command(**options), env=dict(environment(hub)), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.search(r"http://\S+", first)
        assert found, first + process.stderr.read()
        exporter = Exporter(process=process, url=found.group(), output=[first])
        yield exporter
        shown = exporter.text() if process.poll() is None else ""
        process.terminate()
        exporter.output.append(process.stderr.read())
        assert CANARY not in shown + "".join(exporter.output) + " ".join(process.args)  # type: ignore[arg-type]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture(autouse=True)
def _sees(hub: HubServer) -> None:
    scopes = {ORG: frozenset({SEE})}
    hub.world.add_token(Token(id="canary", value=CANARY, account="lab-user", scopes=scopes))


def until(holds: Callable[[], Any]) -> Any:
    """Wait until something is so; a poll comes five times a second."""
    deadline = time.monotonic() + 20
    while not (found := holds()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
    return found


def settle(hub: HubServer, name: str = "one") -> None:
    endpoint = hub.endpoint(name)
    assert endpoint is not None
    with hub.lock:
        Machine(hub.world).finish(endpoint)


def asks(hub: HubServer, action: str, name: str = "one") -> None:
    """What somebody does to an endpoint by the API."""
    method, path = ("DELETE", "") if action == "delete" else ("POST", f"/{action}")
    headers = {"authorization": "Bearer lab-manage"}
    answer = httpx2.request(
        method, f"{hub.url}/v2/endpoint/{ORG}/{name}{path}", headers=headers, timeout=10, trust_env=False
    )
    assert answer.status_code == 200, answer.text


def test_the_metrics_follow_an_endpoint_through_its_life(hub):
    with exporting(hub) as exporter:
        until(lambda: exporter.value(metrics.POLL_SUCCESS.name) == 1)
        assert exporter.state("one") is None
        hub.add_endpoint("one", running=False, tags=TAGS, compute={**COMPUTE, "scaling": SLEEPY})
        until(lambda: exporter.state("one") == "pending")
        assert exporter.value(metrics.BILLED.name, endpoint="one") == 0
        settle(hub)
        until(lambda: exporter.state("one") == "running")
        numbers = {raw: exporter.value(raw.name, endpoint="one") for raw in (metrics.READY, metrics.BILLED)}
        assert set(numbers.values()) == {1}
        assert exporter.value(metrics.MOST.name, endpoint="one") == 1
        price = exporter.value(metrics.REPLICA_COST.name, endpoint="one")
        assert price == pytest.approx(0.8)
        assert exporter.value(metrics.COST.name, endpoint="one") == price
        for action, state in (("scale-to-zero", "scaledToZero"), ("pause", "paused")):
            asks(hub, action)
            until(lambda state=state: exporter.state("one") == state)
            assert exporter.value(metrics.COST.name, endpoint="one") == 0
            assert exporter.value(metrics.BILLED.name, endpoint="one") == 0
        asks(hub, "delete")
        hub.advance(3600)
        until(lambda: exporter.state("one") is None)
        assert exporter.series(metrics.READY.name) == {}
    assert {one.plane for one in hub.requests} == {"control", "hub"}, "a request to an endpoint would wake it"


def test_an_endpoint_that_fails_is_failed(hub):
    hub.fault(operation="start", kind="failed", message="no capacity")
    with exporting(hub) as exporter:
        hub.add_endpoint("one", running=False, tags=TAGS)
        hub.advance(3600)
        until(lambda: exporter.state("one") == "failed")
        assert exporter.value(metrics.READY.name, endpoint="one") == 0


def test_each_endpoint_says_which_model_it_is_and_whose(hub):
    hub.add_endpoint("one", tags=TAGS, compute=COMPUTE)
    hub.add_endpoint("left-over", tags=[OWNER])
    hub.add_endpoint("theirs", tags=[OTHER_OWNER])
    with exporting(hub) as exporter:
        until(lambda: exporter.state("theirs"))
        found = {dict(labels)["endpoint"]: dict(labels) for labels in exporter.series(metrics.READY.name)}
        whose = {name: (one["model"], one["stack"], one["owner"]) for name, one in found.items()}
    assert whose == {"one": ("answers", "dev", "team-search"), "left-over": ("", "dev", ""), "theirs": ("", "", "")}
    place = {key: found["one"][key] for key in ("hf_namespace", "vendor", "region", "instance_type", "instance_size")}
    assert list(place.values()) == [ORG, "aws", "us-east-1", "nvidia-l4", "x1"]


def test_more_endpoints_than_a_page_of_the_api_has_are_all_there(hub):
    hub.world.catalogue.quotas[ORG, "aws", "intel-spr"] = 200
    for number in range(120):
        hub.add_endpoint(f"e{number}")
    with exporting(hub) as exporter:
        until(lambda: exporter.value(metrics.POLL_SUCCESS.name) == 1)
        assert len(exporter.series(metrics.READY.name)) == 120


def test_a_price_that_is_not_known_is_no_zero(hub):
    hub.add_endpoint("one", tags=TAGS)
    hub.fault(operation="hardware", kind=503, times=None)
    with exporting(hub) as exporter:
        until(lambda: exporter.state("one"))
        assert exporter.series(metrics.COST.name) == exporter.series(metrics.REPLICA_COST.name) == {}
        assert exporter.value(metrics.BILLED.name, endpoint="one") == 1
        assert exporter.value(metrics.POLL_SUCCESS.name) == 1
        hub.world.faults.clear()
        until(lambda: exporter.value(metrics.COST.name, endpoint="one"))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": 429, "retry_after": 0.1}, "rate_limited"),
        ({"kind": 503}, "unavailable"),
        ({"kind": "reset"}, "unavailable"),
        ({"kind": 401}, "denied"),
        ({"kind": "not-json"}, "unreadable"),
        ({"kind": "invalid"}, "unreadable"),
        ({"kind": 500, "message": f"Bearer {CANARY}"}, "unavailable"),
    ],
    ids=lambda one: str(one.get("kind")) if isinstance(one, dict) else one,
)
def test_values_outlive_a_failing_api_for_a_while_and_it_is_told(hub, fault, reason):
    hub.add_endpoint("one", tags=TAGS)
    with exporting(hub, keep_seconds="1") as exporter:
        until(lambda: exporter.state("one") == "running")
        hub.fault(operation="list", times=None, **fault)
        until(lambda: exporter.value(metrics.KEPT.name) == 1)
        assert exporter.value(metrics.POLL_SUCCESS.name) == 0
        assert exporter.state("one") == "running"
        until(lambda: exporter.state("one") is None)
        assert exporter.value(metrics.KEPT.name) == exporter.value(metrics.POLL_SUCCESS.name) == 0
        until(lambda: exporter.value(metrics.POLL_FAILURES.name, reason=reason) > 1)
        assert exporter.value(metrics.LAST_POLL.name) > exporter.value(metrics.LAST_SUCCESS.name)
        hub.world.faults.clear()
        until(lambda: exporter.state("one") == "running" and exporter.value(metrics.POLL_SUCCESS.name) == 1)
        assert exporter.value(metrics.KEPT.name) == 0
    told = "".join(exporter.output)
    assert told.count(f"({reason})") == 1, "the first of a row, and not each"


def test_no_faster_than_the_api_asks_for(hub):
    hub.fault(operation="list", kind=429, retry_after=2, times=1)
    with exporting(hub) as exporter:
        begun = time.monotonic()
        until(lambda: exporter.value(metrics.POLL_SUCCESS.name) == 1)
        assert time.monotonic() - begun > 1.5


def test_it_ends_at_once_while_it_waits_for_an_answer(hub):
    hub.fault(operation="list", kind="hang", seconds=30, times=None)
    with exporting(hub) as exporter:
        until(lambda: any(one.operation == "list" for one in hub.requests))
        assert exporter.stop() < 3
        assert exporter.process.returncode == 0


def refused(hub: HubServer, token: str, **options: str) -> str:
    """What one says that ends by itself."""
    done = subprocess.run(
        command(**options),
        env=dict(environment(hub, token)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert not token or token not in done.stdout + done.stderr
    return done.stderr


@pytest.mark.parametrize(
    "token",
    [
        Token(id="fine", value="hf_CanaryManages", account="lab-user", scopes={"other-org": frozenset({SEE, MANAGE})}),
        Token(id="classic", value="hf_CanaryWrites", account="lab-user", role="write"),
    ],
    ids=lambda one: one.id,
)
def test_a_token_that_may_manage_is_refused(hub, token):
    hub.world.add_token(token)
    said = refused(hub, token.value)
    assert "may change and delete endpoints" in said
    assert not any(one.operation == "list" for one in hub.requests)


def test_a_token_of_which_the_hub_does_not_tell_is_tried(hub):
    hub.fault(operation="whoami", kind=429, times=None)
    hub.add_endpoint("one")
    with exporting(hub) as exporter:
        until(lambda: exporter.state("one") == "running")
    assert sum(one.operation == "whoami" for one in hub.requests) == 1, "the Hub allows few such questions"
    assert "not known yet" in "".join(exporter.output)


@pytest.mark.parametrize("role", ["read"])
def test_a_token_of_the_role_read_will_do(hub, role):
    hub.world.add_token(Token(id="canary", value=CANARY, account="lab-user", role=role))
    hub.add_endpoint("one")
    with exporting(hub) as exporter:
        until(lambda: exporter.state("one") == "running")


def test_without_a_token_it_says_which_variable(hub):
    assert "LLM_LAB_HUB_READ_TOKEN is not set" in refused(hub, "")


def test_a_port_that_is_taken_is_named(hub):
    with exporting(hub) as exporter:
        port = exporter.url.split(":")[2].split("/")[0]
        assert f"127.0.0.1:{port} cannot be listened on" in refused(hub, CANARY, port=port)


def test_all_series_are_those_of_the_registry(hub):
    hub.add_endpoint("one", tags=TAGS)
    with exporting(hub) as exporter:
        until(lambda: exporter.state("one"))
        families = list(text_string_to_metric_families(exporter.text()))
    found = {(sample.name, family.type, frozenset(sample.labels)) for family in families for sample in family.samples}
    known = {(raw.name, raw.type, frozenset(raw.labels)) for raw in metrics.METRICS}
    assert found <= known
    # Nobody has asked this endpoint.
    assert known - found == {(metrics.LAST_USED.name, "gauge", frozenset(metrics.WHICH))}


@needs_prometheus
def test_a_real_prometheus_answers_every_panel_of_the_dashboard(hub, tmp_path, capsys):
    endpoint = hub.add_endpoint("one", tags=TAGS)
    hub.fault(operation="list", kind=503, times=1, skip=3)
    with exporting(hub) as exporter:
        job = {
            "job_name": "llm/llm-endpoints",
            "honor_labels": True,
            "static_configs": [{"targets": [exporter.url.split("/")[2]], "labels": {"namespace": "llm"}}],
        }
        config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "scrape_configs": [job]}
        with hub.lock:
            endpoint.used_at = hub.world.clock.now()
        until(lambda: exporter.value(metrics.LAST_USED.name, endpoint="one"))
        queries = {
            (panel["title"], target["expr"]): filled("llm-endpoints", target["expr"], model="")
            for panel in ENDPOINTS.model()["panels"]
            for target in panel.get("targets", ())
        }
        with prometheus(tmp_path, config) as server:
            server.answered(f"rate({metrics.POLL_FAILURES.name}[10s])")
            assert [key for key, expr in queries.items() if not server.query(expr)] == []
            (state,) = (server.query(expr) for (title, _), expr in queries.items() if title == "State")
    assert [(one["metric"]["endpoint"], float(one["value"][1])) for one in state] == [
        ("one", metrics.STATES.index("running") + 1)
    ]
    with capsys.disabled():
        print(f"\n{len(queries)} queries of llm-endpoints answered from the exporter")  # noqa: T201
