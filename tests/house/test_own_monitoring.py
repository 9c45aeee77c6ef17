"""A stack with a Prometheus and all that goes with it of its own, on a real control plane. Pods are simulated."""

import base64
import json
import os
import subprocess
import sys
import uuid

import pytest
import yaml

from ops.manifests import differences
from tests.support import copy_project, lab_config, manifests, merged

OWN = {"mode": "standalone", "standalone": {"replicas": 2, "loki": {}, "jaeger": {}}, "collector": {}}
SETS = (
    *(f"statefulset/llm-{part}" for part in ("prometheus", "alertmanager", "loki", "jaeger")),
    *(f"deployment/llm-{part}" for part in ("grafana", "collector")),
)
ROLLED_OUT = "--timeout=300s"


def test_all_are_admitted_scheduled_and_stand_as_they_were_written(namespace):
    objects = manifests(lab_config(monitoring=OWN))
    namespace.apply(*objects.values())
    for name in SETS:
        namespace.kubectl("rollout", "status", name, "--namespace=llm", ROLLED_OUT)
    claims = namespace.kubectl("get", "pvc", "--namespace=llm", "-oname").split()
    owners = ("alertmanager-0", "jaeger-0", "loki-0", "prometheus-0", "prometheus-1")
    assert [f"persistentvolumeclaim/data-llm-{one}" for one in owners] == [
        claim for claim in claims if "/data-" in claim
    ]
    for wanted in (one for key, one in objects.items() if "/llm-" in key and key != "Namespace/llm"):
        resource = f"{wanted['kind'].lower()}/{wanted['metadata']['name']}"
        live = yaml.safe_load(namespace.kubectl("get", resource, "--namespace=llm", "--output=yaml"))
        assert [line for line in differences(wanted, live) if ": (absent) ->" not in line] == []


def test_prometheus_may_look_for_pods_of_its_namespace_and_nothing_else(namespace):
    namespace.apply(*manifests(lab_config(monitoring=OWN)).values())
    account = "--as=system:serviceaccount:llm:llm-prometheus"

    def may(*request):
        done = subprocess.run(
            [str(namespace.lab.kubectl), "auth", "can-i", *request, account],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split()[0]

    assert [may(verb, "pods", "--namespace=llm") for verb in ("list", "watch", "delete")] == ["yes", "yes", "no"]
    assert may("list", "pods", "--namespace=default") == "no"
    assert may("get", "secrets", "--namespace=llm") == "no"


def test_routes_are_accepted_as_the_operator_defines_them(namespace):
    receivers = [{"kind": "slack", "url": "chat"}, {"kind": "webhook", "url": "pager", "severities": ["critical"]}]
    routes = {"owners": {"team-search": receivers}, "others": receivers, "watchdog": "snitch"}
    objects = manifests(lab_config(monitoring={"mode": "operator", "routes": routes}))
    wanted = objects["AlertmanagerConfig/llm-stack"]
    namespace.apply(objects["Namespace/llm"], wanted)
    # Not as YAML, in which a bare = is no text.
    live = json.loads(namespace.kubectl("get", "alertmanagerconfig/llm-stack", "--namespace=llm", "--output=json"))
    assert list(differences(wanted["spec"], live["spec"])) == []


@pytest.fixture
def stack(cluster, tmp_path):
    """Run the project's own program with the lab's engine, in a namespace of its own."""
    copy_project(tmp_path / "project")
    name = f"own-{uuid.uuid4().hex[:6]}"

    def run(command, monitoring, *options):
        whole = merged(lab_config(monitoring=monitoring), {"cluster": {"namespace": {"name": name}}})
        text = yaml.safe_dump({"config": {f"llm-inference:{key}": value for key, value in whole.items()}})
        (tmp_path / "project/Pulumi.dev.yaml").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "lab.engine", command, "--stack=dev", *options],
            cwd=tmp_path / "project",
            env={
                **os.environ,
                "KUBECONFIG": str(cluster.kubeconfig),
                "PULUMI_BACKEND_URL": f"file://{tmp_path}",
                "PULUMI_CONFIG_PASSPHRASE": "word",
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.namespace = name
    run.state = tmp_path / ".pulumi/stacks/llm-inference/dev.json"
    yield run
    cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")


@pytest.mark.prove
def test_the_password_is_made_once_and_is_a_secret(cluster, stack):
    """Each run of the program makes another one; the first stays, and nothing is to do when nothing changed."""

    def password():
        path = "--output=jsonpath={.data.admin-password}"
        found = cluster.kubectl("get", "secret", "llm-grafana-admin", f"--namespace={stack.namespace}", path)
        return base64.b64decode(found).decode()

    stack("up", {"mode": "standalone"}, "--yes", "--skip-preview")
    first = password()
    assert len(first) == 32
    shown = stack("preview", {"mode": "standalone"})
    assert not any(word in shown for word in ("to create", "to update", "to replace", "to delete"))
    changed = {"mode": "standalone", "trafficFloor": 0.1}
    told = stack("up", changed, "--yes", "--skip-preview")
    # A ConfigMap with other data is another one to the provider.
    replaced = [line for line in told.splitlines() if "replaced" in line and "kubernetes:" in line]
    assert all(":ConfigMap " in line for line in replaced)
    resources = json.loads(stack.state.read_text())["checkpoint"]["latest"]["resources"]
    (servers,) = [one for one in resources if one["urn"].endswith("::monitoring-servers-prometheus-replicas")]
    assert any(urn.endswith("prometheus-rules-model-m") for urn in servers["dependencies"])
    assert password() == first
    assert all(text not in stack.state.read_text() for text in (first, base64.b64encode(first.encode()).decode()))
    # As docs/monitoring-standalone.md says to have another one.
    cluster.kubectl("delete", "secret", "llm-grafana-admin", f"--namespace={stack.namespace}")
    stack("refresh", changed, "--yes")
    stack("up", changed, "--yes", "--skip-preview")
    assert password() != first
