"""Downloads and claims on a real control plane: admitted, placed, completed. Pods are simulated; nothing is mounted."""

import yaml

from tests.conftest import SCARCE
from tests.lab.conftest import eventually
from tests.support import lab_config, manifests

COMMIT = "1" * 40


def pods(cluster, instance):
    selector = f"--selector=app.kubernetes.io/instance={instance}"
    found = yaml.safe_load(cluster.kubectl("get", "pods", "--namespace=llm", selector, "-oyaml"))["items"]
    return [pod for pod in found if pod["spec"].get("nodeName")]


def jobs(objects):
    return [item for item in objects.values() if item["kind"] in ("Job", "ConfigMap")]


def test_a_download_completes_while_every_gpu_is_taken(namespace):
    config = {**lab_config({"m": {"accelerator": {"type": "nvidia-a10g"}, "scaling": {"min": 2, "max": 2}}}), **SCARCE}
    namespace.apply(*manifests(config).values())
    namespace.kubectl("rollout", "status", "deployment/m", "--namespace=llm", "--timeout=300s")
    config["models"]["m"]["revision"] = COMMIT
    namespace.apply(*jobs(manifests(config)))
    namespace.kubectl("wait", "job", "--all", "--for=condition=Complete", "--namespace=llm", "--timeout=300s")


def test_a_volume_of_one_node_is_filled_on_the_node_of_its_replica(namespace):
    """Both ways: the first download goes anywhere, the next one to where the replica is, although others have room."""
    cache = {"accessMode": "ReadWriteOnce", "storageClass": "lab-rwo"}
    namespace.apply(*manifests(lab_config({"m": {"cache": cache}})).values())
    namespace.kubectl("rollout", "status", "deployment/m", "--namespace=llm", "--timeout=300s")
    (replica,) = pods(namespace, "m")
    namespace.apply(*jobs(manifests(lab_config({"m": {"cache": cache, "revision": COMMIT}}))))
    eventually(lambda: len(pods(namespace, "m-download")) == 2)
    newest = max(pods(namespace, "m-download"), key=lambda pod: pod["metadata"]["creationTimestamp"])
    assert newest["spec"]["nodeName"] == replica["spec"]["nodeName"]


def test_replicas_with_claims_of_their_own_roll_out_without_a_spare_gpu(namespace):
    def config(**engine):
        model = {
            "accelerator": {"type": "nvidia-a10g"},
            "scaling": {"min": 2, "max": 2},
            "cache": {"mode": "perReplica", "storageClass": "lab-rwo"},
            "engine": engine,
        }
        return {**lab_config({"m": model}), **SCARCE}

    namespace.apply(*manifests(config(maxModelLen=8192)).values())
    namespace.kubectl("rollout", "status", "statefulset/m", "--namespace=llm", "--timeout=300s")
    claims = namespace.kubectl("get", "pvc", "--namespace=llm", "-oname")
    assert claims.split() == ["persistentvolumeclaim/cache-m-0", "persistentvolumeclaim/cache-m-1"]
    namespace.apply(*manifests(config(maxModelLen=4096)).values())
    namespace.kubectl("rollout", "status", "statefulset/m", "--namespace=llm", "--timeout=300s")
    assert all("--max-model-len=4096" in pod["spec"]["containers"][0]["args"] for pod in pods(namespace, "m"))


def test_each_node_is_filled_and_replicas_run_where_the_weights_are(namespace):
    """The claim binds to the volume of all nodes, before any pod asks for it."""
    selector = "--selector=nvidia.com/gpu.product=NVIDIA-L4"
    chosen = namespace.kubectl("get", "nodes", selector, "-o=jsonpath={.items[*].metadata.name}").split()[:2]
    cache = {"mode": "node", "path": "/mnt/models", "nodes": chosen}
    model = {"cache": cache, "scaling": {"min": 2, "max": 2}}
    namespace.apply(*manifests(lab_config({"m": model})).values())
    namespace.kubectl("wait", "job", "--all", "--for=condition=Complete", "--namespace=llm", "--timeout=300s")
    namespace.kubectl("rollout", "status", "deployment/m", "--namespace=llm", "--timeout=300s")
    assert namespace.get("pvc", "m-cache", ".status.phase") == "Bound"
    assert sorted(pod["spec"]["nodeName"] for pod in pods(namespace, "m-download")) == sorted(chosen)
    assert {pod["spec"]["nodeName"] for pod in pods(namespace, "m")} <= set(chosen)
