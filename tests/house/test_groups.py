"""A model on two nodes, on a real control plane with LeaderWorkerSet's own controller: one thing, in all it does."""

import json

import pytest

from ops.manifests import differences
from tests.conftest import clean
from tests.lab.conftest import eventually
from tests.support import lab_config, manifests

TWO_NODES = {
    "accelerator": {"type": "nvidia-l4", "count": 4},
    "parallel": {"nodes": 2},
    "scaling": {"min": 1, "max": 1},
}
"""All GPUs of the tests' two nodes of this type: nothing is spare."""


def two_nodes(**engine):
    return manifests(lab_config({"m": {**TWO_NODES, "engine": engine}}))


def pods(cluster):
    items = json.loads(
        cluster.kubectl("get", "pods", "--namespace=llm", "--selector=app.kubernetes.io/instance=m", "-ojson")
    )["items"]
    return {item["metadata"]["name"]: item for item in items}


def uids(cluster):
    return {name: pod["metadata"]["uid"] for name, pod in pods(cluster).items()}


def is_available(cluster):
    """Whether the controller says so, of this generation and not of the last."""
    group = json.loads(cluster.kubectl("get", "leaderworkerset", "m", "--namespace=llm", "-ojson"))
    conditions = {item["type"]: item for item in group.get("status", {}).get("conditions", [])}
    available = conditions.get("Available", {})
    current = available.get("observedGeneration") == group["metadata"]["generation"]
    return current and available["status"] == "True"


@pytest.fixture(scope="module")
def group(cluster):
    """One group for all tests: each leaves it available."""
    cluster.apply(*two_nodes(maxModelLen=8192).values())
    eventually(lambda: is_available(cluster))
    yield cluster
    clean(cluster)


def test_both_pods_have_a_node_of_their_own_and_the_service_leads_to_the_leader_alone(group):
    found = pods(group)
    assert set(found) == {"m-0", "m-0-1"}
    assert {pod["spec"]["nodeName"] for pod in found.values()} == {"nvidia-l4-0", "nvidia-l4-1"}
    addresses = group.kubectl(
        "get",
        "endpointslices",
        "--namespace=llm",
        "--selector=kubernetes.io/service-name=m",
        "--output=jsonpath={.items[*].endpoints[*].addresses[*]}",
    )
    assert addresses == found["m-0"]["status"]["podIP"]


def test_each_pod_is_told_its_place_before_its_own_environment(group):
    """Only what stands before is put into arguments; the leader's name needs a Service without address."""
    for index, name in enumerate(("m-0", "m-0-1")):
        first, *rest = pods(group)[name]["spec"]["containers"][0]["env"]
        assert first == {"name": "LWS_LEADER_ADDRESS", "value": "m-0.m-0.llm"}
        assert {"name": "LWS_WORKER_INDEX", "value": str(index)} in rest
    assert group.get("service", "m-0", ".spec.clusterIP") == "None"
    assert group.get("service", "m-0", ".spec.publishNotReadyAddresses") == "true"


def test_nothing_of_it_is_rewritten_by_the_server(group):
    """A field that the controller's webhook or the definition changes would show as drift for ever."""
    wanted = two_nodes(maxModelLen=8192)["LeaderWorkerSet/m"]
    live = json.loads(group.kubectl("get", "leaderworkerset", "m", "--namespace=llm", "-ojson"))
    assert [line for line in differences(wanted, live) if ": (absent) ->" not in line] == []


@pytest.mark.parametrize("victim", ["m-0", "m-0-1"])
def test_a_pod_that_goes_takes_its_group_with_it(group, victim):
    before = uids(group)
    group.kubectl("delete", "pod", victim, "--namespace=llm", "--wait=false")
    eventually(lambda: set(uids(group)) == set(before) and not set(uids(group).values()) & set(before.values()))
    eventually(lambda: is_available(group))


def test_a_container_that_restarts_takes_its_group_with_it(group):
    """The kubelet counts; there is none here, so the test does."""
    before = uids(group)
    patch = [{"op": "replace", "path": "/status/containerStatuses/0/restartCount", "value": 1}]
    group.kubectl(
        "patch", "pod", "m-0-1", "--namespace=llm", "--subresource=status", "--type=json", f"-p={json.dumps(patch)}"
    )
    eventually(lambda: set(uids(group)) == set(before) and not set(uids(group).values()) & set(before.values()))
    eventually(lambda: is_available(group))


def test_a_change_rolls_the_group_though_all_gpus_are_taken(group):
    before = uids(group)
    group.apply(*two_nodes(maxModelLen=4096).values())
    eventually(lambda: is_available(group) and not set(uids(group).values()) & set(before.values()))
    for pod in pods(group).values():
        assert "--max-model-len=4096" in pod["spec"]["containers"][0]["args"]
