"""What the running lab shows: the real controllers' doing on simulated nodes."""

import stat
import time

import httpx2
import psutil
import pytest
from lightkube import ApiError
from lightkube.codecs import from_dict
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.core_v1 import Event, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod
from lightkube.resources.discovery_v1 import EndpointSlice

from lab.cluster import components
from lab.cluster.processes import Processes

from .conftest import DRAIN_SECONDS, START_SECONDS, eventually, gpu_pod, pod


def create(client, namespace, *objects):
    for object_ in objects:
        client.create(from_dict(object_), namespace=namespace)


def read(client, kind, name, namespace=None):
    return client.get(kind, name, namespace=namespace).to_dict()


def is_ready(client, namespace, name):
    conditions = read(client, Pod, name, namespace).get("status", {}).get("conditions", [])
    return {"Ready": "True"}.items() <= {item["type"]: item["status"] for item in conditions}.items()


def claim(name, *, storage_class=None, modes=("ReadWriteMany",)):
    spec = {"accessModes": list(modes), "resources": {"requests": {"storage": "1Gi"}}}
    if storage_class:
        spec["storageClassName"] = storage_class
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def phase(client, namespace, name):
    return read(client, PersistentVolumeClaim, name, namespace)["status"]["phase"]


def test_four_of_five_pods_get_the_four_gpus_and_the_fifth_waits(client, namespace):
    names = [f"p{number}" for number in range(5)]
    create(client, namespace, *(gpu_pod(name) for name in names))
    eventually(lambda: sum(is_ready(client, namespace, name) for name in names) == 4)
    time.sleep(2 * START_SECONDS)
    waiting = [name for name in names if not is_ready(client, namespace, name)]
    assert len(waiting) == 1
    status = read(client, Pod, waiting[0], namespace)["status"]
    assert status["phase"] == "Pending"
    assert "Insufficient nvidia.com/gpu" in status["conditions"][0]["message"]


def test_a_terminating_pod_keeps_its_gpu_for_the_drain_time(client, namespace):
    first, second = (
        gpu_pod(name) | {"spec": gpu_pod(name)["spec"] | {"nodeSelector": {"kubernetes.io/hostname": "nvidia-l4-1"}}}
        for name in ("first", "second")
    )
    create(client, namespace, first)
    eventually(lambda: is_ready(client, namespace, "first"))
    create(client, namespace, second)
    began = time.monotonic()
    client.delete(Pod, "first", namespace=namespace)
    eventually(lambda: "nodeName" in read(client, Pod, "second", namespace)["spec"])
    assert time.monotonic() - began >= DRAIN_SECONDS - 0.2


def test_a_service_gets_the_endpoints_of_its_ready_pods(client, namespace):
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"selector": {"app": "p"}, "ports": [{"port": 80}]},
    }
    create(client, namespace, service, pod("p"))

    def ready_addresses():
        return [
            endpoint["addresses"]
            for piece in client.list(EndpointSlice, namespace=namespace)
            for endpoint in piece.to_dict().get("endpoints", [])
            if endpoint["conditions"]["ready"]
        ]

    assert len(eventually(ready_addresses)) == 1


def test_pod_security_refuses_a_privileged_pod(client, namespace):
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    client.patch(Namespace, namespace, label)
    with pytest.raises(ApiError, match="violates PodSecurity"):
        create(client, namespace, pod("p", security={"privileged": True}))


def test_a_quota_refuses_one_gpu_too_many(client, namespace):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "gpus"},
        "spec": {"hard": {"requests.nvidia.com/gpu": "0"}},
    }
    create(client, namespace, quota)

    def refused():
        try:
            create(client, namespace, gpu_pod("p"))
        except ApiError as error:
            return "exceeded quota" in str(error)
        return False

    assert refused()


def test_shared_storage_is_the_default_and_binds_at_once(client, namespace):
    create(client, namespace, claim("c"))
    eventually(lambda: phase(client, namespace, "c") == "Bound")
    assert read(client, PersistentVolumeClaim, "c", namespace)["spec"]["storageClassName"] == "lab-rwx"


def test_a_disk_binds_when_a_pod_that_uses_it_has_a_node(client, namespace):
    create(client, namespace, claim("c", storage_class="lab-rwo", modes=["ReadWriteOnce"]))
    time.sleep(1)
    assert phase(client, namespace, "c") == "Pending"
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    create(client, namespace, pod("p", volumes=volumes))
    eventually(lambda: is_ready(client, namespace, "p"))
    assert phase(client, namespace, "c") == "Bound"


def test_a_disk_cannot_be_shared_and_an_event_says_so(client, namespace):
    create(client, namespace, claim("c", storage_class="lab-rwo"))
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    create(client, namespace, pod("p", volumes=volumes))

    def failures():
        events = [event.to_dict() for event in client.list(Event, namespace=namespace)]
        return [event["message"] for event in events if event.get("reason") == "ProvisioningFailed"]

    assert "access mode ReadWriteMany is not supported" in eventually(failures)[0]
    assert phase(client, namespace, "c") == "Pending"


def test_a_deleted_claim_takes_its_volume_along(client, namespace):
    create(client, namespace, claim("c"))
    eventually(lambda: phase(client, namespace, "c") == "Bound")
    name = read(client, PersistentVolumeClaim, "c", namespace)["spec"]["volumeName"]
    client.delete(PersistentVolumeClaim, "c", namespace=namespace)
    eventually(lambda: name not in {item.to_dict()["metadata"]["name"] for item in client.list(PersistentVolume)})


def test_nodes_are_those_of_the_stacks(client):
    nodes = {item.to_dict()["metadata"]["name"]: item.to_dict() for item in client.list(Node)}
    gpus = {name: data["status"]["allocatable"].get("nvidia.com/gpu") for name, data in nodes.items()}
    assert gpus == {"cpu-0": None, "nvidia-l4-0": "4", "nvidia-l4-1": "1", "gke-nvidia-h100-0": "2"}
    labels = nodes["gke-nvidia-h100-0"]["metadata"]["labels"]
    assert labels["cloud.google.com/gke-accelerator"] == "nvidia-h100-80gb"
    taints = {name: data["spec"].get("taints", []) for name, data in nodes.items()}
    assert taints["cpu-0"] == []
    assert {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"} in taints["nvidia-l4-0"]


def test_the_definitions_that_components_use_are_served(client):
    for kind in ("PodMonitor", "PrometheusRule"):
        data = read(client, CustomResourceDefinition, f"{kind.lower()}s.monitoring.coreos.com")
        assert data["spec"]["names"]["kind"] == kind


def test_the_server_says_its_real_version(lab):
    with lab.client() as client:
        answer = client._client._client.get("/version").json()  # noqa: SLF001
    go_mod = (components.Path(components.__file__).parents[1] / "tools/cluster/go.mod").read_text()
    assert f"k8s.io/kubernetes {answer['gitVersion']} " in go_mod


def test_only_the_owner_can_read_the_kubeconfig(lab):
    assert stat.S_IMODE(lab.kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE((lab.home / "pki" / "tokens.csv").stat().st_mode) == 0o600
    assert stat.S_IMODE(lab.home.stat().st_mode) == 0o700


def test_everything_listens_on_loopback_alone(lab):
    found = [Processes(lab.home).find(name) for name in components.NAMES]
    listening = {
        connection.laddr.ip
        for process in found
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_the_stand_in_for_hugging_face_answers_where_the_lab_says(lab):
    health = httpx2.get(f"{lab.hub()}/_lab/health", trust_env=False).json()
    assert health["home"] == str(lab.home / "hub")


def test_no_process_shows_a_secret_on_its_command_line(lab):
    token = (lab.home / "pki" / "tokens.csv").read_text().split(",")[0]
    for name in components.NAMES:
        process = Processes(lab.home).find(name)
        assert token not in " ".join([*process.cmdline(), *process.environ().values()])
