"""Requests at the public hosts: by a real exporter with the rendered configuration, to real doors."""

import contextlib
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
import trustme
import yaml

from blueprint.metrics import blackbox as registry
from blueprint.monitoring import recorded
from blueprint.monitoring.probes import PATH, TOKENS_FOLDER
from ops.program import secrets_in
from tests.monitoring.doors import PROGRAM, blackbox, door, needs_blackbox
from tests.prometheus import needs_prometheus, prometheus
from tests.support import lab_config, manifests, merged, registered

NOW = datetime.now(UTC)
TOKEN = "a-key-of-the-tests.gate" + "~" * 28


def host(name, auth, **expose):
    return {"expose": {"host": f"{name}.example.com", "auth": auth, **expose}}


def answers(status):
    return lambda _, path: status if path == PATH else 404


def checks(token):
    return lambda headers, path: 200 if path == PATH and headers.get("Authorization") == f"Bearer {token}" else 401


OPEN = {"allowPublic": True}
KEYS = {"keys": ["callers"]}
# By model: how it is published, what its door does, and whether that is as it has to be.
DOORS = {
    "open": (host("open", "none", **OPEN), answers(200), True),
    "down": (host("down", "none", **OPEN), answers(503), False),
    "unrouted": (host("unrouted", "none", **OPEN), answers(404), False),
    "moved": (host("moved", "none", **OPEN), answers(302), False),
    "keyed": (host("keyed", "engineKey", **KEYS), checks("of a caller"), True),
    "unkeyed": (host("unkeyed", "engineKey", **KEYS), answers(200), False),
    "keyed-down": (host("keyed-down", "engineKey", **KEYS), answers(502), False),
    "login": (host("login", "gateway"), answers(302), True),
    "gated": (host("gated", "gateway"), answers(403), True),
    "gated-down": (host("gated-down", "gateway"), answers(504), False),
    "known": (host("known", "gateway"), checks(TOKEN), True),
    "unknown": (host("unknown", "gateway"), checks("another"), False),
}
UNTIL = {"open": timedelta(days=90, hours=1), "keyed": timedelta(days=10), "login": timedelta(days=2)}
ENDED = {"ended": host("ended", "none", **OPEN)}
CONFIG = lab_config(
    {**{name: published for name, (published, _, _) in DOORS.items()}, **ENDED},
    cluster={
        "accelerators": {"nvidia-l4": {"available": 40}},
        "gateway": {"name": "public", "namespace": "gateways", "listener": "https"},
    },
    monitoring={"mode": "standalone", "probes": {"tokens": {"known": "gate", "unknown": "gate"}}},
)


@pytest.fixture(scope="module")
def objects():
    return manifests(CONFIG)


def modules(objects, folder):
    """The exporter's configuration; its tokens below the folder, as the kubelet would write them."""
    text = objects["ConfigMap/llm-blackbox"]["data"]["blackbox.yaml"]
    (folder / "tokens").mkdir()
    (folder / "tokens/gate").write_text(TOKEN)
    return yaml.safe_load(text.replace(TOKENS_FOLDER, str(folder / "tokens")))


def jobs(objects):
    config = yaml.safe_load(objects["ConfigMap/llm-prometheus"]["data"]["prometheus.yaml"])
    return {
        target["labels"]["model"]: job
        for job in config["scrape_configs"]
        for target in job.get("static_configs", ())
        if job["metrics_path"] == "/probe"
    }


def scraping(objects, folder, ports, exporter):
    """Prometheus' configuration: the rendered jobs, which find exporter and hosts here, and the rendered rules."""
    moved = []
    for model, job in jobs(objects).items():
        (target,) = job["static_configs"]
        assert target["targets"] == [f"https://{model}.example.com{PATH}"]
        target["targets"] = [f"https://localhost:{ports.get(model, 1)}{PATH}"]
        job["relabel_configs"][-1]["replacement"] = exporter
        moved.append({**job, "scrape_interval": "5s", "scrape_timeout": "5s"})
    groups = []
    for model in jobs(objects):
        (text,) = objects[f"ConfigMap/llm-prometheus-rules-model-{model}"]["data"].values()
        for group in yaml.safe_load(text)["groups"]:
            if "outside" in group["name"]:
                rules = [{**rule, **({"for": "0s"} if "alert" in rule else {})} for rule in group["rules"]]
                groups.append({**group, "interval": "1s", "rules": rules})
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    return {"rule_files": ["rules.yaml"], "scrape_configs": moved}


@pytest.fixture(scope="module")
def seen(objects, tmp_path_factory):
    """A Prometheus that has the answer of every host."""
    folder, authority = tmp_path_factory.mktemp("outside"), trustme.CA()
    with contextlib.ExitStack() as stack:
        ports = {
            name: stack.enter_context(door(authority, status, until=NOW + UNTIL.get(name, timedelta(days=60))))
            for name, (_, status, _) in DOORS.items()
        }
        ports["ended"] = stack.enter_context(door(authority, answers(200), until=NOW - timedelta(days=1)))
        exporter = stack.enter_context(blackbox(folder, modules(objects, folder), authority))
        server = stack.enter_context(prometheus(folder, scraping(objects, folder, ports, exporter)))
        server.wait(lambda: len(server.query(recorded.REACHABLE)) == len(ports))
        yield server


def numbers(server, query):
    return {one["metric"]["model"]: float(one["value"][1]) for one in server.query(query)}


@needs_blackbox
@needs_prometheus
def test_a_host_is_reachable_when_what_answers_is_what_has_to(seen):
    wanted = {name: float(good) for name, (_, _, good) in DOORS.items()}
    assert numbers(seen, recorded.REACHABLE) == {**wanted, "ended": 0}
    labels = [one["metric"] for one in seen.query(recorded.REACHABLE)]
    assert {(one["namespace"], one["engine"]) for one in labels} == {("llm", "vllm")}


@needs_blackbox
@needs_prometheus
def test_the_registry_names_what_the_exporter_tells(seen):
    for raw in registry.METRICS:
        series = seen.answered(f'{raw.name}{{model="open"}}')
        assert [set(one["metric"]) for one in series] == [{"__name__", "job", "instance", *raw.labels}]
    assert numbers(seen, registry.STATUS.name) == {
        "open": 200,
        "down": 503,
        "unrouted": 404,
        "moved": 302,
        "keyed": 401,
        "unkeyed": 200,
        "keyed-down": 502,
        "login": 302,
        "gated": 403,
        "gated-down": 504,
        "known": 200,
        "unknown": 401,
        "ended": 0,
    }
    assert "ended" not in numbers(seen, registry.CERTIFICATE_EXPIRY.name)


@needs_blackbox
@needs_prometheus
def test_what_callers_do_not_reach_raises_an_alert_that_says_what_came(seen):
    unreachable = {name for name, (_, _, good) in DOORS.items() if not good} | {"ended"}
    seen.wait(lambda: unreachable <= set(numbers(seen, 'ALERTS{alertname="LLMModelUnreachable",alertstate="firing"}')))
    fired = [one for one in seen.ask("alerts")["alerts"] if one["labels"]["alertname"] == "LLMModelUnreachable"]
    said = {one["labels"]["model"]: one["annotations"]["summary"] for one in fired}
    assert said.keys() == unreachable
    assert said["down"] == "down: https://down.example.com does not answer as it has to; last status 503"
    assert said["ended"].endswith("last status 0")


@needs_blackbox
@needs_prometheus
def test_a_certificate_warns_before_it_ends_and_calls_somebody_at_last(seen):
    left = numbers(seen, recorded.CERTIFICATE_SECONDS)
    assert left["open"] == pytest.approx(90 * 86400, abs=3700)
    seen.answered('ALERTS{alertname="LLMCertificateExpires",model="login",severity="critical",alertstate="firing"}')
    raised = {
        (one["metric"]["model"], one["metric"]["severity"])
        for one in seen.query('ALERTS{alertname="LLMCertificateExpires"}')
    }
    assert raised == {("keyed", "warning"), ("login", "warning"), ("login", "critical")}


@needs_prometheus
def test_a_prober_that_is_gone_raises_an_alert_for_each_host(objects, tmp_path):
    with prometheus(tmp_path, scraping(objects, tmp_path, {}, "127.0.0.1:1")) as server:
        server.wait(
            lambda: len(server.query('ALERTS{alertname="LLMProbeMissing",alertstate="firing"}')) == len(DOORS) + 1
        )
        (sample,) = server.query('ALERTS{alertname="LLMProbeMissing",model="open"}')
    assert sample["metric"]["owner"] == "team-search"


@needs_blackbox
def test_the_exporter_finds_nothing_wrong_with_its_configuration(objects, tmp_path):
    path = tmp_path / "blackbox.yaml"
    path.write_text(yaml.safe_dump(modules(objects, tmp_path)))
    done = subprocess.run(
        [PROGRAM, f"--config.file={path}", "--config.check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_token_is_nowhere_but_in_a_secret():
    resources = registered(CONFIG)
    assert TOKEN not in str([one.inputs for one in resources])
    (secret,) = [
        one.inputs
        for one in resources
        if one.type.endswith(":Secret") and one.inputs["metadata"]["name"] == "llm-blackbox-tokens"
    ]
    assert list(secrets_in(secret)) == ["stringData"]


OPERATOR = {"monitoring": {"mode": "operator", "labels": {"release": "prom"}}}


def test_the_operator_gets_a_probe_of_each_host_that_says_what_the_job_says(objects):
    operated = manifests(merged(CONFIG, OPERATOR))
    for model, job in jobs(objects).items():
        probe = operated[f"Probe/{model}"]
        assert probe["metadata"]["labels"]["release"] == "prom"
        assert job["job_name"] == f"probe/llm/{model}"
        spec, (target,) = probe["spec"], job["static_configs"]
        assert spec["targets"]["staticConfig"]["static"] == target["targets"]
        assert {**spec["targets"]["staticConfig"]["labels"], "namespace": "llm"} == target["labels"]
        assert [spec["module"]] == job["params"]["module"]
        assert (spec["interval"], spec["scrapeTimeout"]) == (job["scrape_interval"], job["scrape_timeout"])
        assert spec["prober"] == {"scheme": "http", "url": "llm-blackbox.llm.svc:9115", "path": "/probe"}
    assert operated["ConfigMap/llm-blackbox"]["data"] == objects["ConfigMap/llm-blackbox"]["data"]
    assert "StatefulSet/llm-prometheus" not in operated


def test_a_given_prometheus_gets_the_jobs_as_a_file(objects):
    existing = {"mode": "existing", "prometheus": "http://prometheus.example.com", "rules": False}
    given = manifests(merged(CONFIG, {"monitoring": existing}))
    (text,) = given["ConfigMap/llm-llm-stack"]["data"].values()
    assert yaml.safe_load(text)["scrape_configs"] == list(jobs(objects).values())
    assert "Deployment/llm-blackbox" in given


def test_a_prober_of_others_is_asked_with_modules_that_are_given_to_its_owner():
    prober = {"prober": {"address": "https://prober.example.com/blackbox"}, "tokens": {}}
    config = merged(CONFIG, {"monitoring": {"mode": "operator"}})
    config["monitoring"]["probes"] = prober
    theirs = manifests(config)
    assert [name for name in theirs if "llm-blackbox" in name] == []
    assert theirs["Probe/open"]["spec"]["prober"] == {
        "scheme": "https",
        "url": "prober.example.com:443",
        "path": "/blackbox/probe",
    }
    given = yaml.safe_load(theirs["ConfigMap/llm-stack-probes"]["data"]["blackbox.yaml"])["modules"]
    assert {theirs[name]["spec"]["module"] for name in theirs if name.startswith("Probe/")} == given.keys()
