"""What is waited for, by kind, as somebody sees who looks when the up is over: against a real API server."""

import subprocess
import sys
import time

import pytest

from tests.lab.engine.test_kubernetes import Stack

PROGRAM = """
labels = {"app": "w"}
pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "a"}]}}
made = dict(
    stateful=lambda **more: k8s.apps.v1.StatefulSet(
        "w", metadata=named("w", **more), opts=O(),
        spec={"selector": {"matchLabels": labels}, "serviceName": "w", "replicas": 2, "template": pod}),
    job=lambda **more: k8s.batch.v1.Job(
        "w", metadata=named("w", **more), opts=O(),
        spec={"template": {**pod, "spec": {**pod["spec"], "restartPolicy": "Never"}}}),
    claim=lambda **more: k8s.core.v1.PersistentVolumeClaim(
        "w", metadata=named("w", **more), opts=O(),
        spec={"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}),
    ingress=lambda **more: k8s.networking.v1.Ingress(
        "w", metadata=named("w", **more), opts=O(),
        spec={"defaultBackend": {"service": {"name": "w", "port": {"number": 80}}}}),
    group=lambda image="a", **more: k8s.apiextensions.CustomResource(
        "w", api_version="leaderworkerset.x-k8s.io/v1", kind="LeaderWorkerSet", metadata=named("w", **more), opts=O(),
        spec={"leaderWorkerTemplate": {"size": 2, "workerTemplate": {
            "spec": {"containers": [{"name": "c", "image": image}]}}}}),
    map=lambda **more: k8s.core.v1.ConfigMap("w", metadata=named("w", **more), data={"a": "1"}, opts=O()),
)
"""
SLOW = 'annotations={"pulumi.com/timeoutSeconds": "3"}'
SKIPPED = 'annotations={"pulumi.com/skipAwait": "true"}'
AVAILABLE = 'annotations={"pulumi.com/waitFor": "condition=Available", "pulumi.com/timeoutSeconds": "60"}'
WAIT_FOR = 'annotations={"pulumi.com/waitFor": "jsonpath={.data.b}=2", "pulumi.com/timeoutSeconds": "30"}'


@pytest.fixture(scope="module")
def namespace(cluster):
    cluster.kubectl("create", "namespace", "awaits")
    yield cluster
    cluster.kubectl("delete", "namespace", "awaits", "--wait=false")


@pytest.fixture
def stack(namespace, tmp_path):
    stack = Stack(tmp_path, namespace)
    yield stack
    stack.run("destroy", "--yes", "--skip-preview")


def use(stack, made, *, succeeds=True):
    return stack.up(PROGRAM.replace("named(", "in_awaits(") + HELPER + f"made{made}\n", succeeds=succeeds)


HELPER = 'def in_awaits(name, **more):\n    return {"name": name, "namespace": "awaits", **more}\n'


def live(stack, kind, path):
    return stack.cluster.kubectl("get", kind, "w", "--namespace=awaits", f"--output=jsonpath={{{path}}}")


@pytest.mark.parametrize(
    ("made", "kind", "path", "seen"),
    [
        ('["stateful"]()', "statefulset", ".status.readyReplicas", "2"),
        ('["job"]()', "job", ".status.conditions[?(@.type=='Complete')].status", "True"),
        ('["claim"]()', "pvc", ".status.phase", "Bound"),
    ],
    ids=["StatefulSet", "Job", "PersistentVolumeClaim"],
)
def test_an_up_ends_when_it_is_ready(stack, made, kind, path, seen):
    use(stack, made)
    assert live(stack, kind, path) == seen


def test_an_ingress_without_a_controller_is_told_in_time_and_one_that_is_not_awaited_is_made(stack):
    told = use(stack, f'["ingress"]({SLOW})', succeeds=False)
    assert "Waiting for an ingress controller to give it an address" in told
    use(stack, f'["ingress"]({SKIPPED})')
    assert live(stack, "ingress", ".spec.defaultBackend.service.name") == "w"


def test_an_up_waits_for_what_the_annotation_says(stack):
    stack.write(PROGRAM.replace("named(", "in_awaits(") + HELPER + f'made["map"]({WAIT_FOR})\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.engine", "up", "--stack=dev", "--yes", "--skip-preview"],
        cwd=stack.root,
        env=stack.environment,
        stdout=subprocess.DEVNULL,
    )
    maps = ("get", "configmap", "--namespace=awaits", "--output=name", "--field-selector=metadata.name=w")
    until = time.monotonic() + 100
    while not stack.cluster.kubectl(*maps):
        assert time.monotonic() < until
        time.sleep(0.1)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    stack.cluster.kubectl("patch", "configmap", "w", "--namespace=awaits", "--type=merge", '--patch={"data":{"b":"2"}}')
    assert process.wait(20) == 0


def test_a_condition_that_a_controller_said_of_the_last_generation_is_not_taken_for_this_one(stack):
    """The groups were available, and are again: in between they are not, and the up lasts as long."""
    use(stack, f'["group"]({AVAILABLE})')
    assert live(stack, "leaderworkerset", ".status.readyReplicas") == "1"
    use(stack, f'["group"]("b", {AVAILABLE})')
    assert live(stack, "leaderworkerset", ".status.updatedReplicas") == "1"
    pods = ("get", "pods", "--namespace=awaits", "--selector=leaderworkerset.sigs.k8s.io/name=w")
    assert stack.cluster.kubectl(*pods, "--output=jsonpath={.items[*].spec.containers[0].image}") == "b b"


def test_a_state_goes_out_and_comes_back_and_its_history_is_told(stack):
    use(stack, '["map"]()')
    exported = stack.run("export")
    (stack.root / "out.json").write_text(exported)
    stack.run("destroy", "--yes", "--skip-preview")
    assert '"resources"' not in stack.run("export")
    use(stack, '["map"]()')
    stack.run("import", "--file=out.json")
    stack.run("refresh", "--yes")
    assert "Nothing changes" in stack.run("up", "--yes")
    shown = stack.run("history")
    assert [line.split()[3] for line in shown.splitlines()[::-1]][:3] == ["update", "destroy", "update"]
    assert "Nobody held stack dev" in stack.run("cancel")
