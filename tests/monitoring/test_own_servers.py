"""The stack's own Prometheus, Alertmanager and Grafana: their configuration, in the real programs where those are."""

import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import click
import pytest
import yaml

from blueprint.monitoring.dashboards import dashboards
from blueprint.monitoring.routing import alertmanager_config
from blueprint.monitoring.standalone import DASHBOARDS_FOLDER, RULES_FOLDER
from blueprint.settings.monitoring import Routes
from blueprint.stack import NAMED_SECRETS
from ops.program import run_with, secrets_in
from tests.alertmanager import alertmanager, needs_alertmanager
from tests.prometheus import needs_prometheus, needs_promtool, prometheus
from tests.support import PROJECT, lab_config, manifests, merged, registered, wire

CONFIG = lab_config(
    {"m": {"scaling": {"min": 1, "max": 2}}, "s": {"engine": {"name": "sglang"}}},
    monitoring={"mode": "standalone"},
    cluster={"accelerators": {"nvidia-l4": {"available": 8, "hourlyUsd": 0.8}}},
)
SERVERS = ("StatefulSet/llm-prometheus", "StatefulSet/llm-alertmanager", "Deployment/llm-grafana")


@pytest.fixture(scope="module")
def objects():
    return manifests(CONFIG)


def moved(objects, folder):
    """Prometheus' configuration below a folder, its rules beside it. Debian builds it without discovery of pods."""
    config = yaml.safe_load(objects["ConfigMap/llm-prometheus"]["data"]["prometheus.yaml"])
    assert config["rule_files"] == [f"{RULES_FOLDER}/*.yaml"]
    (folder / "rules").mkdir()
    for name in ("model-m", "model-s", "stack"):
        for file, text in objects[f"ConfigMap/llm-prometheus-rules-{name}"]["data"].items():
            (folder / "rules" / file).write_text(text)
    (folder / "pods.json").write_text("[]")
    for job in config["scrape_configs"]:
        (discovery,) = job.pop("kubernetes_sd_configs")
        assert discovery["namespaces"] == {"names": ["llm"]}
        job["file_sd_configs"] = [{"files": ["pods.json"]}]
    return {**config, "rule_files": ["rules/*.yaml"]}


def groups(folder):
    files = [yaml.safe_load(path.read_text()) for path in sorted((folder / "rules").iterdir())]
    return {group["name"]: len(group["rules"]) for file in files for group in file["groups"]}


@needs_promtool
def test_promtool_finds_nothing_wrong_with_prometheus_configuration(objects, tmp_path):
    path = tmp_path / "prometheus.yaml"
    path.write_text(yaml.safe_dump(moved(objects, tmp_path)))
    done = subprocess.run(["promtool", "check", "config", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 rule files found" in done.stdout


@needs_prometheus
def test_a_real_prometheus_starts_with_the_rendered_arguments_and_takes_every_rule(objects, tmp_path):
    pod = objects["StatefulSet/llm-prometheus"]["spec"]["template"]["spec"]["containers"][0]
    elsewhere = ("--config.file=", "--storage.tsdb.path=")
    arguments = [argument for argument in pod["args"] if not argument.startswith(elsewhere)]
    assert len(arguments) == len(pod["args"]) - len(elsewhere)
    with prometheus(tmp_path, moved(objects, tmp_path), *arguments) as server:
        loaded = server.wait(lambda: server.ask("rules")["groups"])
        senders = server.wait(lambda: server.ask("alertmanagers")["activeAlertmanagers"])
    assert {group["name"]: len(group["rules"]) for group in loaded} == groups(tmp_path)
    assert [one["url"] for one in senders] == ["http://llm-alertmanager:9093/api/v2/alerts"]


@needs_prometheus
@needs_alertmanager
def test_the_watchdog_comes_from_prometheus_by_way_of_alertmanager_to_whoever_listens(objects, tmp_path):
    config = moved(objects, tmp_path)
    stack = tmp_path / "rules" / "stack.yaml"
    stack.write_text(stack.read_text().replace("interval: 30s", "interval: 1s"))
    with listener() as (address, heard):
        routes = Routes.model_validate({"watchdog": "snitch"})
        with alertmanager(tmp_path, alertmanager_config(routes, {"snitch": address})) as receiver:
            ((target,),) = [one["static_configs"] for one in config["alerting"]["alertmanagers"]]
            target["targets"] = [receiver.address]
            with prometheus(tmp_path, config) as server:
                server.wait(lambda: heard)
    assert {alert["labels"]["alertname"] for message in heard for alert in message["alerts"]} == {"LLMWatchdog"}
    assert heard[0]["groupLabels"] == {"alertname": "LLMWatchdog", "namespace": "llm"}


class listener:  # noqa: N801  it reads as a function
    """Whoever takes alerts by HTTP: its address, and the messages that came."""

    def __enter__(self):
        heard = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_address[1]}/", heard

    def __exit__(self, *error):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_grafana_shows_every_dashboard_over_the_stacks_own_prometheus_to_nobody_but_its_administrator(objects):
    data = objects["ConfigMap/llm-grafana"]["data"]
    pod = objects["Deployment/llm-grafana"]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    (provider,) = yaml.safe_load(data["dashboards.yaml"])["providers"]
    assert provider["options"]["path"] == mounts["dashboards"] == DASHBOARDS_FOLDER
    mounted = [source["configMap"]["name"] for source in volumes["dashboards"]["projected"]["sources"]]
    assert mounted == [f"llm-stack-{dashboard.uid}" for dashboard in dashboards(endpoints=False)]
    assert all(f"ConfigMap/{name}" in objects for name in mounted)
    sources = yaml.safe_load(data["datasources.yaml"])["datasources"]
    for source in sources:
        service = objects[f"Service/{source['url'].removeprefix('http://').partition(':')[0]}"]
        assert service["spec"]["type"] == "ClusterIP"
        assert source["url"].endswith(f":{service['spec']['ports'][0]['port']}")
    assert "[auth.anonymous]\nenabled = false" in data["grafana.ini"]
    assert "allow_sign_up = false" in data["grafana.ini"]
    assert "reporting_enabled = false" in data["grafana.ini"]


STORES = {"standalone": {"loki": {"retentionDays": 30, "sizeGiB": 50}, "jaeger": {}}, "collector": {}}


@pytest.fixture(scope="module")
def keeping():
    """With stores of logs and traces."""
    return manifests(merged(CONFIG, {"monitoring": STORES}))


def sources_of(objects):
    given = yaml.safe_load(objects["ConfigMap/llm-grafana"]["data"]["datasources.yaml"])["datasources"]
    return {one["uid"]: one for one in given}


def test_grafana_asks_the_stacks_own_stores_and_each_leads_to_the_other_by_a_traces_id(keeping):
    sources = sources_of(keeping)
    assert sources["loki"]["url"] == "http://llm-loki:3100"
    assert sources["jaeger"]["url"] == "http://llm-jaeger:16686"
    (field,) = sources["loki"]["jsonData"]["derivedFields"]
    assert (field["datasourceUid"], field["matcherType"], field["matcherRegex"]) == ("jaeger", "label", "trace_id")
    assert sources["jaeger"]["jsonData"]["tracesToLogsV2"]["datasourceUid"] == "loki"
    # In Grafana's files a lone $ would be a variable of its environment.
    text = keeping["ConfigMap/llm-grafana"]["data"]["datasources.yaml"]
    assert re.findall(r"(?<!\$)\$(?!\$)", re.sub(r"\$\$", "", text)) == []
    assert "$${__value.raw}" in text


def test_a_store_alone_has_no_link_to_one_that_is_not_there():
    alone = manifests(merged(CONFIG, {"monitoring": {"standalone": {"loki": {}}, "collector": {}}}))
    assert "jsonData" not in sources_of(alone)["loki"]
    assert "jaeger" not in sources_of(alone)
    dashboard = json.loads(alone["ConfigMap/llm-stack-llm-logs"]["data"]["llm-logs.json"])
    assert {panel["datasource"]["type"] for panel in dashboard["panels"] if panel["type"] != "row"} == {"loki"}


def test_stores_change_nothing_but_grafana_and_the_collector(objects, keeping):
    """Who has none keeps what he had. The models are told of the collector."""
    before, after = ({key: one for key, one in some.items() if "/llm-" in key} for some in (objects, keeping))
    assert {key for key in before if before[key] != after[key]} == {
        "ConfigMap/llm-grafana",
        "ConfigMap/llm-stack-llm-model",
        "Deployment/llm-grafana",
        "NetworkPolicy/llm-grafana",
    }
    kinds = ("ConfigMap", "NetworkPolicy", "Service", "StatefulSet")
    assert {key for key in after if key not in before and "llm-collector" not in key} == {
        *(f"{kind}/llm-{part}" for part in ("loki", "jaeger") for kind in kinds),
        "ConfigMap/llm-stack-llm-logs",
    }


@pytest.mark.parametrize(("name", "size"), {"llm-loki": "50Gi", "llm-jaeger": "10Gi"}.items())
def test_a_store_keeps_what_it_has_on_a_claim_for_as_long_as_is_said(keeping, name, size):
    spec = keeping[f"StatefulSet/{name}"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == size
    (container,) = spec["template"]["spec"]["containers"]
    folders = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    (text,) = keeping[f"ConfigMap/{name}"]["data"].values()
    assert {"llm-loki": "retention_period: 720h", "llm-jaeger": "spans: 72h"}[name] in text
    assert f"{folders['data']}/" in text
    (file,) = [argument.partition("=")[2] for argument in container["args"]]
    assert file == f"{folders['configuration']}/{next(iter(keeping[f'ConfigMap/{name}']['data']))}"


@pytest.mark.parametrize("change", [{"loki": {"retentionDays": 7}}, {"jaeger": {"retentionDays": 7}}])
def test_a_changed_retention_rolls_its_store_alone(keeping, change):
    changed = manifests(merged(CONFIG, {"monitoring": merged(STORES, {"standalone": change})}))
    sets = [key for key in keeping if key.startswith(("StatefulSet/", "Deployment/"))]
    assert [key for key in sets if changed[key] != keeping[key]] == [f"StatefulSet/llm-{next(iter(change))}"]


@pytest.mark.parametrize("name", [*SERVERS, "StatefulSet/llm-loki", "StatefulSet/llm-jaeger"])
def test_each_has_the_least_rights(keeping, name):
    pod = keeping[name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod["automountServiceAccountToken"] is (name == "StatefulSet/llm-prometheus")


def test_a_changed_rule_rolls_prometheus_and_nothing_else(objects):
    config = merged(CONFIG, {"models": {"m": {"objectives": {"latencyP95Seconds": 9}}}})
    changed = manifests(config)
    rolled = [name for name in SERVERS if changed[name]["spec"]["template"] != objects[name]["spec"]["template"]]
    assert rolled == ["StatefulSet/llm-prometheus"]


def test_parts_can_be_off():
    off = manifests(merged(CONFIG, {"monitoring": {"standalone": {"alertmanager": False, "grafana": False}}}))
    assert [name for name in off if "llm-alertmanager" in name or "llm-grafana" in name] == []
    assert "alerting" not in yaml.safe_load(off["ConfigMap/llm-prometheus"]["data"]["prometheus.yaml"])


def test_keda_asks_the_stacks_own_prometheus(objects):
    (asked,) = {trigger["metadata"]["serverAddress"] for trigger in objects["ScaledObject/m"]["spec"]["triggers"]}
    assert asked == "http://llm-prometheus.llm.svc:9090"


def test_in_a_namespace_of_others_two_stacks_do_not_meet():
    shared = manifests(merged(CONFIG, {"cluster": {"namespace": {"create": False}}}))
    assert "StatefulSet/llm-prometheus-dev" in shared
    assert "StatefulSet/llm-prometheus" not in shared
    (asked,) = {trigger["metadata"]["serverAddress"] for trigger in shared["ScaledObject/m"]["spec"]["triggers"]}
    assert asked == "http://llm-prometheus-dev.llm.svc:9090"


def test_an_operators_stack_has_none_of_it():
    operated = manifests(merged(CONFIG, {"monitoring": {"mode": "operator"}}))
    assert [name for name in operated if "prometheus" in name or "alertmanager" in name.lower()] == []


ROUTED = {"routes": {"others": [{"kind": "slack", "url": "chat"}], "watchdog": "snitch"}}


@pytest.mark.parametrize(
    ("mode", "name"), {"standalone": "llm-alertmanager", "operator": "llm-stack-receivers"}.items()
)
def test_addresses_of_receivers_are_nowhere_but_in_a_secret(mode, name):
    resources = registered(merged(CONFIG, {"monitoring": {"mode": mode, **ROUTED}}))
    assert "example.com/hook" not in json.dumps([one.inputs for one in resources])
    (secret,) = [
        one.inputs for one in resources if one.type.endswith(":Secret") and one.inputs["metadata"]["name"] == name
    ]
    assert list(secrets_in(secret)) == ["stringData"]


def test_a_changed_route_rolls_alertmanager_by_a_digest_that_anybody_may_see(objects):
    routed = manifests(merged(CONFIG, {"monitoring": ROUTED}))
    before, after = (
        one["StatefulSet/llm-alertmanager"]["spec"]["template"]["metadata"]["annotations"] for one in (objects, routed)
    )
    assert before != after
    assert all(re.fullmatch("[0-9a-f]{16}", value) for value in after.values())


@pytest.mark.parametrize("value", ["search-chat.example.com", "https://example.com/two words"])
def test_what_is_no_address_is_refused_without_showing_it(value):
    config = merged(CONFIG, {"monitoring": ROUTED})
    given = {f"{NAMED_SECRETS}:chat": value, f"{NAMED_SECRETS}:snitch": "https://example.com"}
    with pytest.raises(click.ClickException, match="llm-inference-secrets:chat is no address") as refused:
        run_with(PROJECT, "dev", {**wire(config), **given}, list(given))
    assert value not in str(refused.value)
