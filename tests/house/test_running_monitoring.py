"""Prometheus and the collector of a stack, as the lab runs them: the real programs, with what was deployed."""

import json

import httpx2
import psutil
import pytest
import yaml

from blueprint.monitoring import recorded
from lab.cluster.processes import Processes
from lab.containers.programs import PROGRAMS, installed
from lab.dataplane import ENGINES
from tests.conftest import clean
from tests.lab.conftest import eventually
from tests.monitoring.otlp import TRACE_SERVICE, attributes, receiver, status
from tests.prometheus import PATIENCE, Prometheus
from tests.server.own_python import needs_server
from tests.support import lab_config, manifests

MISSING = sorted(set(PROGRAMS) - set(installed()))
pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)} (make monitoring-tools)"),
]

READY = "--timeout=300s"
TRACE = "0af7651916cd43dd8448eb211c80319c"
CANARY = "canary: what did my doctor say?"


OWN = {
    "engine": {"name": "custom", "image": "registry.example.com/team/server:1", "userId": 1000, "maxModelLen": None},
    "cache": {"preDownload": False},
}
MODELS = ("m", "s", "own")
RULED = [f"model-{model}" for model in MODELS]


def config(port):
    """Models of three engines, and a collector that sends to this machine's port."""
    traces = {"address": f"http://jaeger.default.svc:{port}"}
    return lab_config(
        {"m": {}, "s": {"engine": {"name": "sglang"}}, "own": OWN},
        monitoring={"mode": "standalone", "collector": {"tracesTo": traces, "sampling": {"percent": 100}}},
    )


@pytest.fixture(scope="module")
def stack(cluster):
    """The stack on the lab, rolled out; what its objects are, and what its collector's target got."""
    with receiver() as (received, port, _):
        objects = manifests(config(port))
        here = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
        jaeger = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "jaeger", "namespace": "default"}}
        cluster.apply(*objects.values(), {**jaeger, "spec": here})
        served = [f"deployment/{model}" for model in MODELS]
        for name in ("statefulset/llm-prometheus", "deployment/llm-collector", *served):
            cluster.kubectl("rollout", "status", name, "--namespace=llm", READY)
        yield objects, received
        cluster.kubectl("delete", "service", "jaeger", "--namespace=default")
        clean(cluster)


@pytest.fixture
def prometheus(cluster, stack):
    client = Prometheus(service(cluster, "llm-prometheus"))
    yield client
    client.close()


def service(cluster, name):
    """Where a Service of the stack is reached."""
    return json.loads(cluster.lab.addresses.read_text())["services"][f"llm/{name}"]


def test_it_runs_with_the_very_files_that_were_deployed(prometheus, stack):
    objects, _ = stack
    written = yaml.safe_load(objects["ConfigMap/llm-prometheus"]["data"]["prometheus.yaml"])
    running = yaml.safe_load(prometheus.ask("status/config")["yaml"])
    assert running["rule_files"] == written["rule_files"]
    assert [job["job_name"] for job in running["scrape_configs"]] == [
        job["job_name"] for job in written["scrape_configs"]
    ]
    files = [objects[f"ConfigMap/llm-prometheus-rules-{part}"]["data"] for part in (*RULED, "stack")]
    groups = [group for data in files for text in data.values() for group in yaml.safe_load(text)["groups"]]
    loaded = prometheus.wait(lambda: prometheus.ask("rules")["groups"])
    assert {one["name"]: len(one["rules"]) for one in loaded} == {one["name"]: len(one["rules"]) for one in groups}
    assert prometheus.ask("status/buildinfo")["version"].startswith("3.")


def test_it_finds_the_pods_by_its_accounts_rights_and_scrapes_them_at_their_addresses(cluster, prometheus):
    """No other file and no other token is there for it to use."""

    def up():
        found = {one["metric"]["pod"]: one["value"][1] for one in prometheus.query('up{job=~"llm/.+"}')}
        return found if len(found) == len(pods) and set(found.values()) == {"1"} else None

    listed = json.loads(
        cluster.kubectl(
            "get", "pods", "--namespace=llm", "--selector=app.kubernetes.io/instance in (m,s,own)", "-ojson"
        )
    )["items"]
    pods = {pod["metadata"]["name"]: f"http://{pod['status']['podIP']}:{metrics_port(pod)}/metrics" for pod in listed}
    assert set(prometheus.wait(up)) == set(pods)
    targets = prometheus.ask("targets")["activeTargets"]
    assert {one["labels"]["pod"]: one["scrapeUrl"] for one in targets} == pods


def metrics_port(pod):
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    return ports.get("metrics", ports["http"])


def test_what_models_do_is_recorded(cluster, prometheus):
    url = service(cluster, "m")

    def asked():
        body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 8}
        httpx2.post(f"{url}/v1/chat/completions", json=body, trust_env=False).raise_for_status()
        return [one for one in prometheus.query(f'{recorded.GENERATION_TOKENS}{{model="m"}}') if one["value"][1] != "0"]

    assert prometheus.wait(asked)
    assert prometheus.wait(
        lambda: {one["metric"]["model"] for one in prometheus.query(recorded.TARGETS_UP)} == set(MODELS)
    )


def test_the_data_plane_may_restart_under_it(cluster, prometheus):
    (name,) = process_of(cluster, "llm-prometheus")
    processes = Processes(cluster.lab.home)
    before = processes.find(name).pid
    processes.find("dataplane").kill()
    assert cluster.lab.start() is True
    assert prometheus.answered("up")
    assert processes.find(name).pid == before


def test_one_that_is_killed_comes_back_with_what_it_had_stored(cluster, prometheus):
    processes, (name,) = Processes(cluster.lab.home), process_of(cluster, "llm-prometheus")
    prometheus.answered("up")
    (program,) = [one for one in processes.find(name).children(recursive=True) if one.name() == "prometheus"]
    old = processes.find(name).pid
    psutil.Process(program.pid).kill()
    eventually(lambda: (found := processes.find(name)) is not None and found.pid != old, seconds=PATIENCE)
    before = 'count_over_time(up{job=~"llm/.+"}[10m] offset 15s)'
    assert prometheus.answered(before)


def process_of(cluster, prefix):
    return [
        name
        for name in Processes(cluster.lab.home).names(f"{ENGINES}llm.")
        if name.startswith(f"{ENGINES}llm.{prefix}")
    ]


def test_a_trace_goes_through_the_collector_and_arrives_without_the_prompt(cluster, stack):
    _, received = stack
    span = {
        "name": "generation",
        "traceId": TRACE,
        "spanId": TRACE[:16],
        "startTimeUnixNano": "1800000000000000000",
        "endTimeUnixNano": "1800000000200000000",
        "attributes": [
            {"key": "gen_ai.prompt", "value": {"stringValue": CANARY}},
            {"key": "gen_ai.usage.prompt_tokens", "value": {"intValue": "12"}},
        ],
    }
    port = int(service(cluster, "llm-collector").rpartition(":")[2])
    sent = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    assert status(port, "POST", "/v1/traces", sent) == httpx2.codes.OK
    path = f"/{TRACE_SERVICE}/Export"
    eventually(lambda: received.bodies(path), seconds=PATIENCE)
    assert attributes(received.spans(path)["generation"]) == {"gen_ai.usage.input_tokens": 12}
    assert CANARY.encode() not in received.bodies(path)


@needs_server
def test_the_servers_own_traces_go_the_same_way(cluster, stack):
    _, received = stack
    path = f"/{TRACE_SERVICE}/Export"

    def seen():
        body = {"messages": [{"role": "user", "content": CANARY}], "max_tokens": 5}
        httpx2.post(f"{service(cluster, 'own')}/v1/chat/completions", json=body, trust_env=False, timeout=60)
        return [span for span in received.spans(path).values() if attributes(span).get("gen_ai.request.model") == "own"]

    assert eventually(seen, seconds=PATIENCE)
    assert CANARY.encode() not in received.bodies(path)
    (pod,) = cluster.kubectl(
        "get", "pods", "--namespace=llm", "--selector=app.kubernetes.io/instance=own", "-oname"
    ).split()
    assert pod.removeprefix("pod/").encode() in received.bodies(path)
