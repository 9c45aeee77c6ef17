"""`llm metrics`: what models promise and how they do, read from a real Prometheus."""

import json
import os
import shutil
import sys

import pytest
import yaml
from click.testing import CliRunner

from blueprint.monitoring import recorded
from ops.metrics.command import LOAD, command
from tests.blueprint.stack_files import MODEL
from tests.monitoring.synthetic import Job, recorded_series, scraping
from tests.prometheus import needs_prometheus
from tests.support import PROJECT, lab_config

# A kubectl that writes down what it is asked, and leads to a port; or complains.
KUBECTL = """\
#!{python}
import json, sys, time
json.dump(sys.argv[1:], open({seen!r}, "w"))
if not {port}:
    sys.exit("error: services \\"prometheus-operated\\" not found")
print("Forwarding from 127.0.0.1:{port} -> 9090", flush=True)
time.sleep(60)
"""

OBJECTIVES = {
    "a": {"ttft": {"seconds": 1, "share": 0.9, "burnFactors": {"page": 9}}, "itl": None},
    "b": {"availability": None, "ttft": None, "itl": None},
}


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """A checkout; writes the stack dev with these sections and the models a and b."""
    for name in ("Pulumi.yaml", "models.lock.yaml", "images.lock.yaml"):
        shutil.copy(PROJECT.root / name, tmp_path)
    monkeypatch.chdir(tmp_path)

    def write(**sections):
        one = {**MODEL, "scaling": {"min": 1, "max": 1}}
        models = {"a": one, "b": one}
        if "monitoring" in sections:
            models = {name: {**one, "objectives": objectives} for name, objectives in OBJECTIVES.items()}
        values = {**lab_config(**sections), "models": models}
        file = {"config": {f"llm-inference:{key}": value for key, value in values.items()}}
        (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump(file))

    return write


def llm(*words):
    return CliRunner().invoke(command, [*words])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """One that has the recorded series of a and b, which tests/monitoring/synthetic.py gives, and of idle ones."""
    idle = f'{recorded.first_token("p95")}{{namespace="idle",model="a"}} NaN\n'
    jobs = [Job("recorded", recorded_series), Job("idle", lambda _: idle)]
    with scraping(tmp_path_factory.mktemp("prometheus"), jobs) as server:
        server.answered("llm:requests_running:sum")
        server.answered(f'{recorded.first_token("p95")}{{namespace="idle"}}')
        yield server


@needs_prometheus
def test_the_numbers_are_those_of_prometheus(stack, prometheus):
    stack(monitoring={"mode": "operator"})
    result = llm("--url", prometheus.address, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["version"] == 1
    a, b = found["models"]
    assert (a["model"], b["model"]) == ("a", "b")
    load = a["load"]
    assert (load["running"], load["waiting"], load["replicas_up"]) == (8, 4, 2)
    assert load["usd_per_hour"] == 2.4
    assert load["ttft_p95_seconds"] == 0.8
    promised = {one["objective"]: one for one in a["objectives"]}
    assert promised.keys() == {"availability", "ttft"}
    assert (promised["ttft"]["seconds"], promised["ttft"]["promised"]) == (1, 0.9)
    # A tenth missed it, and a tenth may.
    assert promised["ttft"]["good_1h"] == pytest.approx(0.9)
    assert promised["ttft"]["burn_1h"] == pytest.approx(1)
    assert promised["availability"]["burn_1h"] == pytest.approx(10)
    assert b["objectives"] == []


@needs_prometheus
def test_a_table_shows_them_and_one_model_can_be_chosen(stack, prometheus):
    stack(monitoring={"mode": "operator"})
    head, line, empty, promises, *objectives = llm("a", "--url", prometheus.address).output.splitlines()
    assert head.split()[:5] == ["model", "req/s", "tokens/s", "running", "waiting"]
    assert line.split()[:5] == ["a", "9", "900", "8", "4"]
    assert empty == ""
    assert promises.split() == ["model", "objective", "promised", "1", "h", "3", "d", "burns"]
    assert [one.split()[1] for one in objectives] == ["availability", "ttft"]
    assert objectives[1].split()[2:] == ["<=", "1", "s", "0.9", "0.9000", "0.9800", "1.0"]


@needs_prometheus
def test_what_is_not_recorded_is_no_zero(stack, prometheus):
    """Another namespace has nothing."""
    stack(monitoring={"mode": "operator"}, cluster={"namespace": {"name": "elsewhere"}})
    result = llm("--url", prometheus.address)
    assert result.exit_code == 0
    assert set(result.output.splitlines()[1].split()[1:]) == {"-"}
    assert "No running replica is recorded of a, b: docs/monitoring.md says" in result.output


@needs_prometheus
def test_a_quantile_of_no_request_is_no_number(stack, prometheus):
    stack(monitoring={"mode": "operator"}, cluster={"namespace": {"name": "idle"}})
    assert "nan" not in llm("a", "--url", prometheus.address).output
    assert json.loads(llm("a", "--url", prometheus.address, "--json").output)["models"][0]["load"] == dict.fromkeys(
        LOAD
    )


def kubectl(tmp_path, monkeypatch, port):
    program = tmp_path / "bin/kubectl"
    program.parent.mkdir()
    program.write_text(KUBECTL.format(python=sys.executable, seen=str(tmp_path / "seen.json"), port=port))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


WAYS = [
    ({"mode": "operator"}, ["monitoring", "prometheus-operated", 9090]),
    ({"mode": "standalone"}, ["llm", "llm-prometheus", 9090]),
    ({"mode": "existing", "prometheus": "http://prom.watch.svc"}, ["watch", "prom", 80]),
]


@needs_prometheus
@pytest.mark.parametrize("way", WAYS)
def test_without_a_url_kubectl_leads_to_it(stack, prometheus, tmp_path, monkeypatch, way):
    monitoring, (namespace, service, port) = way
    stack(monitoring=monitoring)
    kubectl(tmp_path, monkeypatch, int(prometheus.address.rpartition(":")[2]))
    result = llm("--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["models"][0]["load"]["running"] == 8
    expected = ["--context", "lab", "--namespace", namespace, "port-forward", f"service/{service}", f":{port}"]
    assert json.loads((tmp_path / "seen.json").read_text()) == [*expected, "--address=127.0.0.1"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "Pulumi.dev.yaml has no monitoring: add it, or give --url."),
        (["--url", "somewhere"], 2, "--url: 'somewhere' is no http:// or https:// address."),
        (["--url", "http://127.0.0.1:9"], 1, "http://127.0.0.1:9: ConnectError. --url takes the address of"),
        (["c"], 1, "No such model with target: kubernetes in stack dev. There: a, b."),
    ],
)
def test_what_cannot_be_is_said(stack, words, code, said):
    stack()
    result = llm(*words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_the_complaint_of_kubectl_is_passed_on(stack, tmp_path, monkeypatch):
    stack(monitoring={"mode": "operator"})
    kubectl(tmp_path, monkeypatch, 0)
    result = llm()
    assert result.exit_code == 1
    assert 'Prometheus: kubectl port-forward: error: services "prometheus-operated" not found' in result.stderr
    assert "The lab runs a Prometheus of the stack's own alone (monitoring.mode standalone" in result.stderr


@needs_prometheus
def test_in_the_lab_the_data_planes_file_leads_to_it(stack, prometheus, tmp_path, monkeypatch):
    stack(monitoring={"mode": "standalone"})
    addresses = tmp_path / "addresses.json"
    addresses.write_text(json.dumps({"services": {"llm/llm-prometheus": prometheus.address}}))
    monkeypatch.setenv("LLM_LAB_ADDRESSES", str(addresses))
    result = llm("a", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["models"][0]["load"]["running"] == 8
