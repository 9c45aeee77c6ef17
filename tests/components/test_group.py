"""The objects of a model on several nodes, read from what the program really registers."""

import pytest

from tests.support import lab_config, manifests

TWO_NODES = {
    "accelerator": {"count": 4},
    "parallel": {"nodes": 2},
    "lifecycle": {"startupMinutes": 20, "drainSeconds": 100},
}


@pytest.fixture(scope="module")
def objects():
    return manifests(lab_config({"m": TWO_NODES}, monitoring={"mode": "operator"}))


@pytest.fixture(scope="module")
def group(objects):
    return objects["LeaderWorkerSet/m"]["spec"]["leaderWorkerTemplate"]


@pytest.fixture(scope="module")
def leader(group):
    (container,) = group["leaderTemplate"]["spec"]["containers"]
    return container


@pytest.fixture(scope="module")
def worker(group):
    (container,) = group["workerTemplate"]["spec"]["containers"]
    return container


def test_a_group_replaces_the_deployment_and_is_waited_for(objects):
    assert "Deployment/m" not in objects
    annotations = objects["LeaderWorkerSet/m"]["metadata"]["annotations"]
    assert annotations == {"pulumi.com/waitFor": "condition=Available"}


def test_every_pod_finds_the_leader_by_what_the_controller_tells_it(leader, worker):
    for argument in ("--nnodes=2", "--node-rank=$(LWS_WORKER_INDEX)", "--master-addr=$(LWS_LEADER_ADDRESS)"):
        assert argument in leader["args"]
        assert argument in worker["args"]
    assert "--tensor-parallel-size=4" in leader["args"]
    assert "--pipeline-parallel-size=2" in leader["args"]


def test_a_worker_differs_from_the_leader_by_its_api_server_alone(group, leader, worker):
    assert worker["args"] == [*leader["args"], "--headless"]
    of_the_leader = {"ports", "startupProbe", "readinessProbe", "livenessProbe"}
    assert leader.keys() - worker.keys() == of_the_leader
    apart = of_the_leader | {"args", "lifecycle"}
    assert {k: v for k, v in leader.items() if k not in apart} == {k: v for k, v in worker.items() if k not in apart}
    leader_pod, worker_pod = group["leaderTemplate"], group["workerTemplate"]
    assert leader_pod["metadata"] == worker_pod["metadata"]
    assert {**leader_pod["spec"], "containers": []} == {**worker_pod["spec"], "containers": []}


def test_a_worker_stays_until_the_leader_has_drained(group, leader, worker):
    waits = worker["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert waits >= leader["lifecycle"]["preStop"]["sleep"]["seconds"] + 100
    assert group["workerTemplate"]["spec"]["terminationGracePeriodSeconds"] >= waits + 10


def test_requests_and_scrapes_reach_the_leader_alone(objects, worker):
    """The Service by the index that the controller gives, the scrape by the port's name."""
    selector = objects["Service/m"]["spec"]["selector"]
    assert selector["leaderworkerset.sigs.k8s.io/worker-index"] == "0"
    (endpoint,) = objects["PodMonitor/m"]["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == "http"
    assert "ports" not in worker


def test_the_groups_service_has_another_name_than_the_models(objects):
    """Shared, it would be called as the group is, find that name taken, and the leader would have no address."""
    spec = objects["LeaderWorkerSet/m"]["spec"]
    assert spec["networkConfig"] == {"subdomainPolicy": "UniquePerReplica"}


def test_a_model_on_one_node_is_as_it_was():
    objects = manifests(lab_config({"m": {"accelerator": {"count": 4}}}))
    assert "LeaderWorkerSet/m" not in objects
    assert set(objects["Service/m"]["spec"]["selector"]) == {"app.kubernetes.io/instance", "app.kubernetes.io/part-of"}
    args = objects["Deployment/m"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert not [one for one in args if one.startswith(("--nnodes", "--pipeline", "--distributed"))]


def test_stages_on_one_node_need_no_group():
    objects = manifests(lab_config({"m": {"accelerator": {"count": 4}, "parallel": {"tensor": 2, "pipeline": 2}}}))
    args = objects["Deployment/m"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert {"--tensor-parallel-size=2", "--pipeline-parallel-size=2"} <= set(args)
