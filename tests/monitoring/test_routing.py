"""Who is told of which alert: asked of amtool, and of a real Alertmanager (Debian's 0.25)."""

import subprocess

import pytest
import yaml

from blueprint.monitoring.routing import NOTHING_SCRAPED, WATCHDOG, alertmanager_config, url_names
from blueprint.settings.monitoring import Routes
from tests.alertmanager import alertmanager, needs_alertmanager, needs_amtool
from tests.support import lab_config, manifests

ROUTES = Routes.model_validate(
    {
        "owners": {
            "team-search": [
                {"kind": "webhook", "url": "pager", "severities": ["critical"]},
                {"kind": "slack", "url": "search-chat", "severities": ["critical", "warning"]},
            ],
            "team-quiet": [{"kind": "slack", "url": "quiet-chat", "severities": ["critical"]}],
        },
        "others": [{"kind": "slack", "url": "platform-chat"}],
        "watchdog": "snitch",
    }
)
URLS = {name: f"https://{name}.example.com/hook" for name in url_names(ROUTES)}

TABLE = {
    # Whose model, how bad: who is told.
    ("LLMErrorRateHigh", "team-search", "critical"): ["owners/team-search/1", "owners/team-search/2"],
    ("LLMErrorRateHigh", "team-search", "warning"): ["owners/team-search/2"],
    ("LLMErrorRateHigh", "team-search", "info"): ["nobody"],
    ("LLMErrorRateHigh", "team-quiet", "critical"): ["owners/team-quiet/1"],
    ("LLMErrorRateHigh", "team-quiet", "warning"): ["nobody"],
    ("LLMErrorRateHigh", "team-unlisted", "warning"): ["others/1"],
    # Of the stack.
    ("LLMSpendAboveBudget", "", "warning"): ["others/1"],
    ("GpuEccDoubleBit", "", "critical"): ["others/1"],
    ("LLMGpuIdle", "", "info"): ["nobody"],
    (WATCHDOG, "", "info"): ["watchdog"],
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(alertmanager_config(ROUTES, URLS)))
    return path


def amtool(*arguments):
    done = subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_amtool
def test_the_configuration_passes_amtool(config):
    told = amtool("check-config", str(config))
    assert "2 inhibit rules" in told
    assert "6 receivers" in told


@needs_amtool
def test_without_routes_there_is_a_configuration_too_and_nobody_is_told(tmp_path):
    path = tmp_path / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(alertmanager_config(None, {})))
    amtool("check-config", str(path))
    for alert, owner, severity in TABLE:
        labels = (f"alertname={alert}", f"owner={owner}", f"severity={severity}")
        told = amtool("config", "routes", "test", f"--config.file={path}", *labels).split()
        assert told == (["watchdog"] if alert == WATCHDOG else ["nobody"])


@needs_amtool
@pytest.mark.parametrize(("alert", "owner", "severity"), TABLE)
def test_an_alert_goes_to_whom_it_concerns(config, alert, owner, severity):
    labels = [f"alertname={alert}", f"severity={severity}", *([f"owner={owner}"] if owner else [])]
    told = amtool("config", "routes", "test", f"--config.file={config}", *labels).strip()
    assert told.split(",") == TABLE[alert, owner, severity]


def test_the_alerts_that_are_treated_apart_are_rules_of_the_stack():
    objects = manifests(lab_config(monitoring={"mode": "operator"}))
    rules = [
        rule["alert"]
        for name, one in objects.items()
        if name.startswith("PrometheusRule/")
        for group in one["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert {WATCHDOG, NOTHING_SCRAPED} <= set(rules)


def alert(name, model, severity):
    labels = {"alertname": name, "namespace": "llm", "severity": severity, **({"model": model} if model else {})}
    return {"labels": labels}


FIRING = [
    alert("LLMErrorRateHigh", "a", "critical"),
    alert("LLMLatencyHigh", "a", "warning"),
    alert("LLMLatencyHigh", "b", "warning"),
    alert(NOTHING_SCRAPED, "c", "critical"),
    alert("LLMTargetDown", "c", "critical"),
    alert("LLMGpuIdle", "c", "info"),
    # Of the stack: its cards have nothing to do with its bill.
    alert("GpuEccDoubleBit", None, "critical"),
    alert("LLMSpendAboveBudget", None, "warning"),
]
SILENCED = {("LLMLatencyHigh", "a"), ("LLMTargetDown", "c"), ("LLMGpuIdle", "c")}


@needs_alertmanager
def test_a_real_alertmanager_takes_it_and_silences_what_follows_from_something_worse(config, tmp_path):
    with alertmanager(tmp_path, yaml.safe_load(config.read_text())) as server:
        server.fire(FIRING)
        found = server.alerts(at_least=len(FIRING))
    silenced = {
        (one["labels"]["alertname"], one["labels"].get("model")) for one in found if one["status"]["inhibitedBy"]
    }
    assert silenced == SILENCED
