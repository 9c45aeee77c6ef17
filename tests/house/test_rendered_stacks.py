"""What the program describes, on a real control plane: admitted, scheduled, rolled out."""

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from ops.manifests import differences, to_yaml
from ops.program import run_program
from ops.render import render
from tests.components.test_endpoints_exporter import NAME as EXPORTER
from tests.components.test_endpoints_exporter import watching
from tests.conftest import SCARCE
from tests.strategies import lab_configs
from tests.support import PROJECT, lab_config, manifests

ROLLED_OUT = "--timeout=300s"


def deployments(objects):
    return [item["metadata"]["name"] for item in objects if item["kind"] == "Deployment"]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_our_own_stacks_become_available_behind_their_services(namespace, stack):
    rendered, _ = render(run_program(PROJECT, stack))
    objects = [rendered[name] for name in sorted(rendered)]
    namespace.apply(*objects)
    for name in deployments(objects):
        namespace.kubectl("rollout", "status", f"deployment/{name}", "--namespace=llm", ROLLED_OUT)
        assert namespace.get("deployment", name, ".status.availableReplicas") == namespace.get(
            "deployment", name, ".spec.replicas"
        )
        slices = yaml.safe_load(
            namespace.kubectl(
                "get", "endpointslices", "--namespace=llm", f"--selector=kubernetes.io/service-name={name}", "-oyaml"
            )
        )
        endpoints = [endpoint for item in slices["items"] for endpoint in item["endpoints"]]
        assert endpoints
        assert all(endpoint["conditions"]["ready"] for endpoint in endpoints)


def test_nothing_that_was_applied_is_rewritten_by_the_server(namespace):
    """A field that the server drops or changes would show as drift for ever."""
    rendered, _ = render(run_program(PROJECT, "dev"))
    namespace.apply(*(rendered[name] for name in sorted(rendered)))
    for wanted in rendered.values():
        where = ["--namespace=llm"] if "namespace" in wanted["metadata"] else []
        resource = f"{wanted['kind'].lower()}/{wanted['metadata']['name']}"
        live = yaml.safe_load(namespace.kubectl("get", resource, *where, "--output=yaml"))
        # What the server adds is its business; what we wrote must stand.
        assert [line for line in differences(wanted, live) if ": (absent) ->" not in line] == []


def test_a_collector_becomes_available_as_it_was_written(namespace):
    collector = {"tracesTo": {"address": "http://jaeger.monitoring.svc:4317"}}
    objects = manifests(lab_config(monitoring={"mode": "operator", "collector": collector}))
    own = [item for key, item in objects.items() if key.endswith("/llm-collector")]
    assert len(own) == 5  # account, configuration, policy, Service, Deployment
    namespace.apply(objects["Namespace/llm"], *own)
    namespace.kubectl("rollout", "status", "deployment/llm-collector", "--namespace=llm", ROLLED_OUT)
    for wanted in own:
        resource = f"{wanted['kind'].lower()}/llm-collector"
        live = yaml.safe_load(namespace.kubectl("get", resource, "--namespace=llm", "--output=yaml"))
        assert [line for line in differences(wanted, live) if ": (absent) ->" not in line] == []


def test_an_exporter_of_endpoints_becomes_available_as_it_was_written(namespace):
    objects = manifests(watching())
    own = [objects[f"{kind}/{EXPORTER}"] for kind in ("NetworkPolicy", "Deployment")]
    token = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": EXPORTER, "namespace": "llm"}}
    namespace.apply(objects["Namespace/llm"], {**token, "stringData": {"token": "hf_of_this_test"}}, *own)
    namespace.kubectl("rollout", "status", f"deployment/{EXPORTER}", "--namespace=llm", ROLLED_OUT)
    for wanted in own:
        resource = f"{wanted['kind'].lower()}/{EXPORTER}"
        live = yaml.safe_load(namespace.kubectl("get", resource, "--namespace=llm", "--output=yaml"))
        assert [line for line in differences(wanted, live) if ": (absent) ->" not in line] == []


def scarce(**engine):
    model = {"accelerator": {"type": "nvidia-a10g"}, "scaling": {"min": 2, "max": 2}, "engine": engine}
    config = lab_config({"m": model})
    return {**config, **SCARCE}


def test_a_change_rolls_out_on_a_cluster_whose_gpus_are_all_taken(namespace):
    """The new pod must not wait for ever for the GPU of the old one, nor be kept out by the quota."""
    before, after = manifests(scarce(maxModelLen=8192)), manifests(scarce(maxModelLen=4096))
    namespace.apply(*before.values())
    namespace.kubectl("rollout", "status", "deployment/m", "--namespace=llm", ROLLED_OUT)
    assert list(differences(before, after)) == [
        "Deployment/m.spec.template.spec.containers[engine].args: --max-model-len=8192 -> --max-model-len=4096"
    ]
    namespace.apply(*after.values())
    namespace.kubectl("rollout", "status", "deployment/m", "--namespace=llm", ROLLED_OUT)
    replicas = "--selector=app.kubernetes.io/instance=m"
    pods = yaml.safe_load(namespace.kubectl("get", "pods", replicas, "--namespace=llm", "-oyaml"))["items"]
    running = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    assert len(running) == 2
    assert all("--max-model-len=4096" in pod["spec"]["containers"][0]["args"] for pod in running)
    # Admitted, a successor takes the GPU at once; refused, it would be tried again after ever longer delays.
    refusals = namespace.kubectl("get", "events", "--namespace=llm", "--field-selector=reason=FailedCreate", "-oname")
    assert refusals == ""


def test_the_namespace_refuses_what_the_restricted_profile_forbids(namespace):
    namespace.apply(manifests(lab_config())["Namespace/llm"])
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root", "namespace": "llm"},
        "spec": {"containers": [{"name": "c", "image": "i", "securityContext": {"privileged": True}}]},
    }
    with pytest.raises(AssertionError, match='violates PodSecurity "restricted'):
        namespace.apply(pod, dry_run=True)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=lab_configs(namespace="described"))
def test_any_settings_that_validate_render_objects_that_the_api_server_accepts(cluster, config):
    """Strictly: a field that Kubernetes does not know fails. And twice the same bytes."""
    objects = manifests(config)
    files = {key: to_yaml(item) for key, item in objects.items()}
    assert {key: to_yaml(item) for key, item in manifests(config).items()} == files
    name = config["cluster"]["namespace"]["name"]
    own = objects.pop(f"Namespace/{name}", None)
    # A dry run in a namespace that is not there fails, so this one object is applied.
    cluster.apply(own or {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    # Those of the scrapers and of GPUs' exporters are somebody else's.
    for other in {item["metadata"].get("namespace", name) for item in objects.values()} - {name}:
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    cluster.apply(*objects.values(), dry_run=True)


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_a_monitor_is_accepted_as_it_is_written(namespace, engine):
    """The operator's definition would drop what it does not know, and a Prometheus would scrape without it."""
    objects = manifests(lab_config({"m": {"engine": {"name": engine}}}, monitoring={"mode": "operator"}))
    wanted = objects["PodMonitor/m"]
    namespace.apply(objects["Namespace/llm"], wanted)
    live = yaml.safe_load(namespace.kubectl("get", "podmonitor/m", "--namespace=llm", "--output=yaml"))
    assert list(differences(wanted["spec"], live["spec"])) == []
