"""Rollouts, drains and quotas where GPUs are scarce, by the controllers of a real control plane."""

import contextlib
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
import yaml

from blueprint.stack import resolve_stack
from blueprint.timing.changes import interruptions
from endpoints.body import replacing
from ops.manifests import differences
from tests.conftest import SCARCE, TWO_NODES, Cluster
from tests.house.endpoint_stacks import program_in
from tests.lab.conftest import eventually
from tests.support import PROJECT, lab_config, manifests, merged

ROLLED_OUT = "--timeout=300s"


def l40s(count: int, replicas: int, **more):
    model = {
        "accelerator": {"type": "nvidia-l40s", "count": count},
        "scaling": {"min": replicas, "max": replicas},
    }
    return merged(model, more)


def stack(models, **sections):
    return {**lab_config(models), **TWO_NODES, **sections}


def apply(cluster: Cluster, config):
    """Apply a stack and wait for its rollouts."""
    objects = manifests(config)
    cluster.apply(*objects.values())
    for name in config["models"]:
        cluster.kubectl("rollout", "status", f"deployment/{name}", "--namespace=llm", ROLLED_OUT)
    return objects


def items(cluster: Cluster, kind: str, name: str | None = None):
    which = [f"--selector=app.kubernetes.io/instance={name}"] if name else []
    return yaml.safe_load(cluster.kubectl("get", kind, "--namespace=llm", *which, "--output=yaml"))["items"]


def running(cluster: Cluster, name: str):
    return [pod for pod in items(cluster, "pods", name) if not pod["metadata"].get("deletionTimestamp")]


@contextlib.contextmanager
def least_available(cluster: Cluster, *names: str) -> Iterator[Counter[str]]:
    """The fewest available replicas of each model that a watcher saw meanwhile."""
    columns = "custom-columns=NAME:.metadata.name,AVAILABLE:.status.availableReplicas"
    watch = subprocess.Popen(
        [str(cluster.lab.kubectl), "get", "deployments", "--namespace=llm", "--watch", "--no-headers", "-o", columns],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout is not None
    # All are listed before anything changes.
    first = [watch.stdout.readline().split() for _ in names]
    seen: Counter[str] = Counter()
    yield seen
    watch.terminate()
    rest = [line.split() for line in watch.communicate()[0].splitlines()]
    found = [(name, 0 if available == "<none>" else int(available)) for name, available in [*first, *rest]]
    seen.update({name: min(value for one, value in found if one == name) for name in names})


def foretold(before, after):
    """What blueprint/timing says of each model beforehand: who goes first, and the fewest replicas that answer."""
    locks = PROJECT.models_lock(), PROJECT.images_lock()
    old, new = (resolve_stack("dev", config, *locks) for config in (before, after))
    replicas = {one.name: one.replicas for one in new.workloads}
    found = {one.model: one for one in interruptions(old, new, replacing=replacing)}
    least = {
        name: 0 if one.offline.worst else replicas[name] - (one.order == "delete first") for name, one in found.items()
    }
    return {name: one.order for name, one in found.items()}, least


def refusals(cluster: Cluster) -> str:
    return cluster.kubectl("get", "events", "--namespace=llm", "--field-selector=reason=FailedCreate", "-oname")


@pytest.fixture(autouse=True)
def quiet(namespace: Cluster) -> Iterator[None]:
    """No refusal of an earlier test."""
    yield
    namespace.kubectl("delete", "events", "--all", "--namespace=llm")


def test_every_gpu_taken_one_and_three_replicas_roll_out_once_and_none_is_refused(namespace):
    """A change of settings makes exactly one new ReplicaSet; what does not concern the pods makes none."""
    models = {"one": l40s(2, 1), "three": l40s(2, 3)}
    before = apply(namespace, stack(models))
    changed = {
        name: merged(model, {"engine": {"maxModelLen": 4096, "maxNumSeqs": 8}}) for name, model in models.items()
    }
    with least_available(namespace, "one", "three") as least:
        after = apply(namespace, stack(changed))
    assert least == {"one": 0, "three": 2}
    assert foretold(stack(models), stack(changed)) == ({"one": "delete first", "three": "delete first"}, least)
    assert {line.partition(".")[0] for line in differences(before, after)} == {"Deployment/one", "Deployment/three"}
    for name, replicas in (("one", 1), ("three", 3)):
        pods = running(namespace, name)
        assert len(pods) == replicas
        assert all("--max-model-len=4096" in pod["spec"]["containers"][0]["args"] for pod in pods)
        assert len(items(namespace, "replicasets", name)) == 2
    # Admitted, a successor takes the GPU at once; refused, it would be tried again after ever longer delays.
    assert refusals(namespace) == ""


def test_a_spare_replica_is_used_by_one_model_after_the_other_and_nobody_goes_without(namespace):
    """Two models change at once and share the two spare GPUs."""
    models = {"one": l40s(2, 1), "two": l40s(2, 2)}
    objects = apply(namespace, stack(models))
    surge = {n: objects[f"Deployment/{n}"]["spec"]["strategy"]["rollingUpdate"]["maxSurge"] for n in models}
    assert surge == {"one": 1, "two": 1}
    changed = {name: merged(model, {"engine": {"maxModelLen": 4096}}) for name, model in models.items()}
    with least_available(namespace, "one", "two") as least:
        apply(namespace, stack(changed))
    assert least == {"one": 1, "two": 2}
    assert foretold(stack(models), stack(changed)) == ({"one": "create first", "two": "create first"}, least)
    assert refusals(namespace) == ""


@pytest.mark.prove
def test_what_comes_before_its_gpus_are_free_waits_until_the_other_is_deleted_as_foretold(namespace):
    """As `up` does: what goes is deleted once everything new is ready. Here by hand, after a look at the wait."""
    before, after = stack({"old": l40s(2, 4)}), stack({"new": l40s(2, 1)})
    locks = PROJECT.models_lock(), PROJECT.images_lock()
    resolved = [resolve_stack("dev", config, *locks) for config in (before, after)]
    (new,) = [one for one in interruptions(*resolved, replacing=replacing) if one.model == "new"]
    assert (new.waits, new.waits_why) == ("yes", "10 nvidia-l40s of 8 are needed until old is deleted")
    apply(namespace, before)
    namespace.apply(*manifests(after).values())

    # The quota counts GPUs, too: the pod is not even admitted, and none is there to wait.
    eventually(lambda: refusals(namespace))
    assert running(namespace, "new") == []
    namespace.kubectl("delete", "deployment/old", "--namespace=llm", "--wait")
    namespace.kubectl("rollout", "status", "deployment/new", "--namespace=llm", ROLLED_OUT)


def test_a_drain_keeps_what_the_budget_promises_and_ends_with_one_replica(namespace):
    """The node of the lone replica is emptied, with those of the others that run there."""
    apply(namespace, stack({"lone": l40s(1, 1), "three": l40s(1, 3)}))
    assert Counter(pod["spec"]["nodeName"] for pod in running(namespace, "three")).most_common()[0][1] == 2
    (lone,) = running(namespace, "lone")
    node = lone["spec"]["nodeName"]
    try:
        with least_available(namespace, "lone", "three") as least:
            namespace.kubectl("drain", node, "--delete-emptydir-data", "--timeout=300s")
            for name in ("lone", "three"):
                namespace.kubectl("rollout", "status", f"deployment/{name}", "--namespace=llm", ROLLED_OUT)
        assert least == {"lone": 0, "three": 2}
        pods = [*running(namespace, "lone"), *running(namespace, "three")]
        assert {pod["spec"]["nodeName"] for pod in pods} == {"nvidia-l40s-0", "nvidia-l40s-1"} - {node}
    finally:
        namespace.kubectl("uncordon", node)


@pytest.mark.prove
def test_replicas_take_the_first_accelerator_while_it_lasts_and_then_the_next(namespace):
    cluster = {"cluster": {"accelerators": SCARCE["cluster"]["accelerators"] | TWO_NODES["cluster"]["accelerators"]}}
    wanted = {"type": "nvidia-l40s", "alternatives": ["nvidia-a10g"]}

    def nodes(replicas):
        config = merged(stack({"m": merged(l40s(1, replicas), {"accelerator": wanted})}), cluster)
        apply(namespace, config)
        return Counter(pod["spec"]["nodeName"].rpartition("-")[0] for pod in running(namespace, "m"))

    assert nodes(3) == {"nvidia-l40s": 3}
    assert nodes(10) == {"nvidia-l40s": 8, "nvidia-a10g": 2}


@pytest.mark.prove
def test_images_are_pulled_on_the_nodes_of_used_accelerators_by_pods_that_admission_takes(namespace):
    objects = manifests(stack({"m": l40s(1, 1)}, cluster={**TWO_NODES["cluster"], "prePull": True}))
    namespace.apply(objects["Namespace/llm"], objects["ResourceQuota/llm-gpus"], objects["DaemonSet/llm-image-pull"])
    namespace.kubectl("rollout", "status", "daemonset/llm-image-pull", "--namespace=llm", ROLLED_OUT)
    assert namespace.get("daemonset", "llm-image-pull", ".status.numberReady") == "2"
    assert refusals(namespace) == ""


def test_a_second_stack_beyond_the_quota_is_refused_by_the_server_and_its_up_says_so(namespace, tmp_path):
    """The first owns the namespace; the second deploys into it with create: false."""
    apply(namespace, stack({"m": l40s(2, 4)}))
    program_in(tmp_path / "program")
    theirs = {**TWO_NODES["cluster"], "namespace": {"name": "llm", "create": False}}
    second = stack({"n": l40s(4, 1)}, cluster=theirs)
    values = {f"llm-inference:{key}": value for key, value in second.items()}
    (tmp_path / "program" / "Pulumi.second.yaml").write_text(yaml.safe_dump({"config": values}))
    up = subprocess.Popen(
        [sys.executable, "-m", "lab.engine", "up", "--stack=second", "--yes", "--skip-preview"],
        cwd=tmp_path / "program",
        env={
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{tmp_path}",
            "PULUMI_CONFIG_PASSPHRASE": "word",
            "KUBECONFIG": str(namespace.kubeconfig),
            "PYTHONUNBUFFERED": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert up.stdout is not None
        # Otherwise it would wait for as long as a model may load.
        watchdog = threading.Timer(60, up.kill)
        watchdog.start()
        said = next((line for line in up.stdout if "exceeded quota" in line), "")
        watchdog.cancel()
        assert "[FailedCreate]" in said
        assert "exceeded quota: llm-gpus, requested: requests.nvidia.com/gpu=4" in said
    finally:
        up.kill()
        up.communicate()
    assert running(namespace, "n") == []
    assert eventually(lambda: len(running(namespace, "m")) == 4)
