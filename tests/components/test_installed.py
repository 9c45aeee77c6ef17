"""kube-prometheus-stack, installed by the stack: the release, and what waits for it. The chart itself: tests/house."""

import pytest

from blueprint.monitoring.standalone import ADMIN_PASSWORD
from blueprint.stack import resolve_stack
from components.monitoring.admin import ADMIN_USER
from ops import program
from tests.support import PROJECT, lab_config, merged, registered

OUTSIDE = {"cluster": {"context": "prod", "id": "prod"}}
OPERATORS_API = "kubernetes:monitoring.coreos.com/"
GATEWAY = {"name": "public", "namespace": "gateways", "listener": "https"}
EXPOSED = {"host": "m.example.com", "auth": "gateway"}
ROUTES = {"owners": {}, "watchdog": "snitch"}


def installing(install=None, **monitoring):
    given = {"mode": "operator", "install": install or {}, "routes": ROUTES, **monitoring}
    return merged(lab_config(monitoring=given), OUTSIDE)


def release(config):
    (found,) = (one for one in registered(config) if one.type == "kubernetes:helm.sh/v3:Release")
    return found.inputs


def test_the_release_is_named_versioned_and_undone_when_it_fails():
    inputs = release(installing())
    assert (inputs["name"], inputs["namespace"]) == ("kube-prometheus-stack", "monitoring")
    assert (inputs["chart"], inputs["version"]) == ("kube-prometheus-stack", "88.5.3")
    assert inputs["repositoryOpts"] == {"repo": "https://prometheus-community.github.io/helm-charts"}
    assert inputs["atomic"] is True


def test_sizes_reach_prometheus_and_its_claim():
    sizes = {"retentionDays": 30, "sizeGiB": 100, "memoryGiB": 8, "cpu": 2, "replicas": 2, "storageClass": "fast"}
    spec = release(installing(sizes))["values"]["prometheus"]["prometheusSpec"]
    assert (spec["replicas"], spec["retention"], spec["retentionSize"]) == (2, "30d", "81920MB")
    assert spec["resources"] == {"requests": {"cpu": "2000m", "memory": "8Gi"}, "limits": {"memory": "8Gi"}}
    claim = spec["storageSpec"]["volumeClaimTemplate"]["spec"]
    assert (claim["resources"]["requests"]["storage"], claim["storageClassName"]) == ("100Gi", "fast")


def test_grafanas_password_is_a_secret_of_the_stack_and_in_no_value_of_the_chart():
    resources = registered(installing())
    (admin,) = (one.inputs for one in resources if one.name == "operator-grafana-admin")
    assert admin["data"] == program.SECRET
    grafana = release(installing())["values"]["grafana"]["admin"]
    assert admin["metadata"]["name"] == grafana["existingSecret"]
    assert (grafana["userKey"], grafana["passwordKey"]) == (ADMIN_USER, ADMIN_PASSWORD)


def test_the_namespace_is_made_with_the_strictest_rules_or_taken_as_it_is():
    def namespaces(config):
        return {
            one.inputs["metadata"]["name"]: one.inputs for one in registered(config) if one.type.endswith(":Namespace")
        }

    labels = namespaces(installing(namespace="watch"))["watch"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert namespaces(installing({"createNamespace": False})).keys() == {"llm"}


def test_all_that_the_operator_defines_waits_for_it(monkeypatch):
    after = {}

    class Recorder(program._Recorder):  # noqa: SLF001  it sees the requests
        def RegisterResource(self, request):  # noqa: N802
            answer = super().RegisterResource(request)
            after[answer.urn] = set(request.dependencies)
            return answer

    monkeypatch.setattr(program, "_Recorder", Recorder)
    everything = {
        "dcgm": {"namespace": "gpu-operator"},
        "probes": {"prober": {"address": "https://prober.example.com"}},
    }
    config = merged(installing(**everything), {"cluster": {"gateway": GATEWAY}, "models": {"m": {"expose": EXPOSED}}})
    registered(config)
    (installed,) = (urn for urn in after if "helm.sh/v3:Release" in urn)
    waiting = [urn for urn in after if OPERATORS_API in urn]
    kinds = {urn.rpartition("::")[0].rpartition(":")[2] for urn in waiting}
    assert kinds == {"PodMonitor", "PrometheusRule", "AlertmanagerConfig", "Probe"}
    assert len(waiting) == 6  # of the model a monitor, rules and a Probe; of the stack rules, routes and the GPUs'
    assert all(installed in after[urn] for urn in waiting)


@pytest.mark.parametrize("mode", ["operator", "standalone"])
def test_without_install_nothing_of_it_is_there(mode):
    config = lab_config(monitoring={"mode": mode})
    assert resolve_stack("dev", config, PROJECT.models_lock(), PROJECT.images_lock()).installation is None
    assert not [one for one in registered(config) if one.type.endswith(":Release") or one.name.startswith("operator")]
