"""The data plane on a running lab: which engine answers where, and what its own restarts, and engines' ends, do."""

import json
import time

import httpx2
import psutil
import pytest
from lightkube.codecs import from_dict
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Pod
from lightkube.types import PatchType

from lab.cluster.processes import Processes, marked
from lab.dataplane import ENGINES
from tests.lab.conftest import START_SECONDS, eventually
from tests.traffic import Asking

HTTPRoute = create_namespaced_resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")


def model(name, *, replicas=1, pre_stop=15):
    """A Deployment of a model and its Service, as far as the data plane looks."""
    labels = {"app.kubernetes.io/part-of": "llm-inference", "app.kubernetes.io/name": "vllm", "app": name}
    container = {
        "name": "engine",
        "image": "example.invalid/vllm:1",
        "command": ["vllm", "serve"],
        "args": ["org/model", "--served-model-name", name, "org/model", "--shutdown-timeout=60"],
        "ports": [{"name": "http", "containerPort": 8000}],
        "lifecycle": {"preStop": {"sleep": {"seconds": pre_stop}}},
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    selector = {"matchLabels": labels}
    strategy = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    template["spec"]["terminationGracePeriodSeconds"] = 90
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": selector, "template": template, "strategy": strategy},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]},
        },
    ]


def route(name, host, **weights):
    backends = [{"name": service, "port": 80, "weight": weight} for service, weight in weights.items()]
    match = {"path": {"type": "Exact", "value": "/v1/chat/completions"}}
    rule = {"matches": [match], "backendRefs": backends, "timeouts": {"request": "0s"}}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {"hostnames": [host], "rules": [rule]},
    }


def create(client, namespace, *objects):
    for item in objects:
        client.create(from_dict(item), namespace=namespace)


def addresses(lab):
    return json.loads(lab.addresses.read_text())


@pytest.fixture
def served(lab, client, namespace):
    """Models a and b, which answer; gives their addresses."""
    create(client, namespace, *model("a"), *model("b"))

    def answering():
        if not lab.addresses.exists():
            return None
        services = addresses(lab)["services"]
        found = {name: services.get(f"{namespace}/{name}") for name in ("a", "b")}
        return found if all(url and get(f"{url}/health") == 200 for url in found.values()) else None

    return eventually(answering)


def get(url):
    try:
        return httpx2.get(url, trust_env=False).status_code
    except httpx2.HTTPError:
        return None


def chat(url, host=None, **body):
    question = {"messages": [{"role": "user", "content": "hi"}], **body}
    headers = {"Host": host} if host else {}
    return httpx2.post(f"{url}/v1/chat/completions", json=question, headers=headers, trust_env=False)


def engines(lab, namespace):
    """Pids of the engines of a namespace's pods, by pod."""
    processes, prefix = Processes(lab.home), f"{ENGINES}{namespace}."
    names = processes.names(prefix)
    return {name.removeprefix(prefix): found.pid for name in names if (found := processes.find(name))}


def test_each_service_leads_to_the_engine_that_its_pods_arguments_describe(served):
    listed = httpx2.get(f"{served['a']}/v1/models", trust_env=False).json()["data"]
    assert [item["id"] for item in listed] == ["a", "org/model"]
    assert chat(served["a"], model="a").json()["choices"][0]["message"]["content"].endswith("no model has read: hi")
    assert chat(served["a"], model="b").status_code == 404
    assert "vllm:num_requests_running" in httpx2.get(f"{served['a']}/metrics", trust_env=False).text


def test_the_gateway_follows_hosts_paths_and_weights_without_losing_a_request(lab, client, namespace, served):
    gateway, host = addresses(lab)["gateway"], f"{namespace}.example.com"
    assert chat(gateway, host).status_code == 404
    create(client, namespace, route("r", host, a=1, b=0))
    eventually(lambda: chat(gateway, host).status_code == 200)
    assert httpx2.get(f"{gateway}/metrics", headers={"Host": host}, trust_env=False).status_code == 404
    with Asking(gateway, host) as asking:
        for weights in ({"a": 0, "b": 1}, {"a": 1, "b": 1}, {"a": 1, "b": 0}, {"a": 0, "b": 1}):
            client.patch(HTTPRoute, "r", route("r", host, **weights), namespace=namespace, patch_type=PatchType.MERGE)
            asking.wait_for_answers(10)
    assert asking.failures == []
    eventually(lambda: chat(gateway, host, model="b").status_code == 200)
    assert [chat(gateway, host, model="a").status_code for _ in range(5)] == [404] * 5


def test_an_engine_that_is_killed_costs_requests_and_comes_back(lab, served, namespace):
    """Also: the client that asks all the time notices when requests fail."""
    pid = next(pid for pod, pid in engines(lab, namespace).items() if pod.startswith("a-"))
    with Asking(served["a"]) as asking:
        asking.wait_for_answers(5)
        psutil.Process(pid).kill()
        eventually(lambda: asking.failures)
        asking.wait_for_answers(20)
    assert asking.failures


def test_without_a_wait_before_the_signal_the_pod_ends_at_once(lab, client, namespace, served):
    """What preStop is for: the engine gets SIGTERM while the pod is still known."""
    create(client, namespace, *model("hasty", pre_stop=0))

    def hasty():
        return [pod for pod in engines(lab, namespace) if pod.startswith("hasty-")]

    pod = eventually(hasty)[0]
    client.delete(Deployment, "hasty", namespace=namespace)
    eventually(lambda: not hasty())
    assert client.get(Pod, pod, namespace=namespace).metadata.deletionTimestamp


def test_a_stream_that_has_begun_ends_well_after_its_pod_was_deleted(lab, client, namespace, served):
    pod = next(item.metadata.name for item in client.list(Pod, namespace=namespace, labels={"app": "a"}))
    question = {"messages": [{"role": "user", "content": " ".join(["word"] * 30)}], "stream": True}
    with httpx2.stream("POST", f"{served['a']}/v1/chat/completions", json=question, trust_env=False) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("data: ")
        client.delete(Pod, pod, namespace=namespace)
        assert [line for line in lines if line][-1] == "data: [DONE]"
    eventually(lambda: pod not in engines(lab, namespace))


def test_the_data_plane_may_restart_without_anybody_noticing(lab, namespace, served):
    before = engines(lab, namespace)
    process = Processes(lab.home).find("dataplane")
    with Asking(served["a"]) as asking:
        asking.wait_for_answers(5)
        process.kill()
        assert lab.start() is True
        asking.wait_for_answers(20)
    assert asking.failures == []
    assert engines(lab, namespace) == before


def test_a_pod_is_not_ready_before_its_engine_answers(lab, client, namespace):
    """Where it was, a rollout ended the old engine before the new one was there, if that took long to start."""
    process = Processes(lab.home).find("dataplane")
    process.suspend()
    try:
        create(client, namespace, *model("slow"))
        eventually(lambda: [pod for pod in client.list(Pod, namespace=namespace) if pod.spec.nodeName])
        time.sleep(4 * START_SECONDS)
        assert [pod.status.phase for pod in client.list(Pod, namespace=namespace)] == ["Pending"]
    finally:
        process.resume()
    eventually(lambda: [pod.status.phase for pod in client.list(Pod, namespace=namespace)] == ["Running"])
    assert [pod for pod in engines(lab, namespace) if pod.startswith("slow-")]


@pytest.mark.prove
def test_a_restart_of_the_api_server_cuts_no_request(lab, namespace, served):
    before = engines(lab, namespace)
    with Asking(served["a"]) as asking:
        Processes(lab.home).find("kube-apiserver").kill()
        assert lab.start() is True
        asking.wait_for_answers(20)
    assert asking.failures == []
    assert engines(lab, namespace) == before
    with lab.client() as client:
        create(client, namespace, *model("later"))
    eventually(lambda: f"{namespace}/later" in addresses(lab)["services"])


def test_status_shows_the_proxy_and_the_data_plane(lab):
    shown = {process.name: process.problem for process in lab.status()}
    assert (shown["proxy"], shown["dataplane"]) == (None, None)


def test_engines_are_small_and_listen_on_loopback_alone(lab, namespace, served):
    for pid in engines(lab, namespace).values():
        process = psutil.Process(pid)
        assert process.memory_info().rss < 60e6
        listening = {item.laddr.ip for item in process.net_connections() if item.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}


@pytest.mark.prove
def test_no_engine_outlives_the_lab_and_all_come_back_with_it(lab, namespace, served):
    """Last: the others share this lab."""
    before = engines(lab, namespace)
    lab.stop()
    assert marked(lab.home) == []
    lab.start()
    eventually(lambda: get(f"{served['a']}/health") == 200)
    assert not set(before.values()) & set(engines(lab, namespace).values())
