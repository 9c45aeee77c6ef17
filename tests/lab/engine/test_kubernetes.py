"""Kubernetes objects under the lab's engine, against a real API server."""

import json
import os
import subprocess
import sys

import pytest

PREAMBLE = """
import pulumi
import pulumi_kubernetes as k8s
from pulumi import CustomTimeouts, ResourceOptions
cluster = k8s.Provider("cluster", context="lab", cluster_identifier="lab", kubeconfig="")
O = lambda **more: ResourceOptions(provider=cluster, **more)
def named(name, **more):
    return {"name": name, "namespace": "engine", **more}
def deployment(image="a", ignore=(), timeout="60s", **spec):
    labels = {"app": "d"}
    container = {"name": "c", "image": image, "env": spec.pop("env", [])}
    resources = spec.pop("resources", None)
    if resources:
        container["resources"] = resources
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    k8s.apps.v1.Deployment(
        "d", metadata=named("d"), spec={"selector": {"matchLabels": labels}, "template": template, **spec},
        opts=O(ignore_changes=list(ignore), custom_timeouts=CustomTimeouts(create=timeout, update=timeout)),
    )
"""
DEFINITION = """
schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
k8s.apiextensions.CustomResource(
    "definition", api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition",
    metadata={"name": "gadgets.test.example"},
    spec={"group": "test.example", "scope": "Namespaced", "names": {"plural": "gadgets", "kind": "Gadget"},
          "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]},
    opts=O())
"""
GADGET = """
k8s.apiextensions.CustomResource(
    "g", api_version="test.example/v1", kind="Gadget", metadata=named("g"), opts=O())
"""


class Stack:
    """A program of its own on the tests' cluster."""

    def __init__(self, root, cluster):
        self.root = root
        self.cluster = cluster
        (root / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
        (root / "Pulumi.dev.yaml").write_text("config: {}\n")
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(cluster.kubeconfig),
            "PULUMI_BACKEND_URL": f"file://{root}/state",
            "PULUMI_CONFIG_PASSPHRASE": "word",
        }

    def run(self, command, *options, succeeds=True, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "lab.engine", command, "--stack=dev", *options],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
        return done.stdout + done.stderr

    def write(self, program):
        (self.root / "__main__.py").write_text(PREAMBLE + program)

    def up(self, program, *, succeeds=True):
        self.write(program)
        return self.run("up", "--yes", "--skip-preview", succeeds=succeeds)

    def preview(self, program, *, succeeds=True, **environment):
        self.write(program)
        return self.run("preview", succeeds=succeeds, **environment)

    def get(self, kind, name, path):
        return self.cluster.kubectl("get", kind, name, "--namespace=engine", f"--output=jsonpath={{{path}}}")

    def state(self):
        return (self.root / "state/.pulumi/stacks/tiny/dev.json").read_text()


@pytest.fixture(scope="module")
def engine_namespace(cluster):
    cluster.kubectl("create", "namespace", "engine")
    yield cluster
    cluster.kubectl("delete", "namespace", "engine", "--wait=false")


@pytest.fixture
def stack(engine_namespace, tmp_path):
    stack = Stack(tmp_path, engine_namespace)
    yield stack
    if (tmp_path / "state").exists():
        stack.run("destroy", "--yes", "--skip-preview")


def test_an_object_that_exists_is_not_taken_over(stack):
    stack.cluster.kubectl("create", "configmap", "theirs", "--namespace=engine", "--from-literal=a=1")
    program = 'k8s.core.v1.ConfigMap("m", metadata=named("theirs"), data={"a": "2"}, opts=O())\n'
    told = stack.up(program, succeeds=False)
    assert "exists already" in told
    assert 'import_="engine/theirs"' in told
    assert stack.get("configmap", "theirs", ".data.a") == "1"
    taken = stack.up(program.replace('"2"', '"1"').replace("O()", 'O(import_="engine/theirs")'))
    assert "imported" in taken
    assert "Nothing changes" in stack.run("up", "--yes")


def test_with_upsert_an_object_that_exists_is_taken_over_and_others_fields_only_by_force(stack):
    stack.cluster.kubectl("create", "configmap", "kept", "--namespace=engine", "--from-literal=a=1")
    upsert = 'cluster = k8s.Provider("cluster", context="lab", kubeconfig="", upsert_existing_objects=True)\n'
    same = upsert + 'k8s.core.v1.ConfigMap("m", metadata=named("kept"), data={"a": "1"}, opts=O())\n'
    forced = same.replace('named("kept")', 'named("kept", annotations={"pulumi.com/patchForce": "true"})')
    text = PREAMBLE.replace(next(line for line in PREAMBLE.splitlines() if line.startswith("cluster =")), "")

    def up(program, **options):
        (stack.root / "__main__.py").write_text(text + program)
        return stack.run("up", "--yes", "--skip-preview", **options)

    uid = stack.get("configmap", "kept", ".metadata.uid")
    assert "Somebody else manages these fields" in up(same.replace('"1"', '"2"'), succeeds=False)
    assert stack.get("configmap", "kept", ".data.a") == "1"
    up(forced.replace('"1"', '"2"'))
    assert stack.get("configmap", "kept", ".data.a") == "2"
    assert stack.get("configmap", "kept", ".metadata.uid") == uid
    assert "Nothing changes" in stack.run("up", "--yes")


JOB = """
container = {"name": "c", "image": "a", "resources": {"limits": {"nvidia.com/gpu": GPUS}}}
tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists"}]
k8s.batch.v1.Job("j", metadata=named("j", annotations={"pulumi.com/replaceUnready": "true"}),
    spec={"template": {"spec": {"restartPolicy": "Never", "containers": [container], "tolerations": tolerations}}},
    opts=O(custom_timeouts=CustomTimeouts(create="SECONDS")))
"""


def test_a_job_that_did_not_complete_is_replaced_where_it_says_so(stack):
    stuck = JOB.replace("GPUS", '"64"').replace("SECONDS", "1s")
    stack.up(stuck, succeeds=False)
    uid = stack.get("job", "j", ".metadata.uid")
    assert "replaceUnready" in stack.run("preview", "--diff")
    stack.run("up", "--yes", "--skip-preview", succeeds=False)
    assert stack.get("job", "j", ".metadata.uid") != uid
    done = JOB.replace("GPUS", '"1"').replace("SECONDS", "60s")
    stack.up(done)
    assert stack.get("job", "j", ".status.succeeded") == "1"
    assert "Nothing changes" in stack.run("up", "--yes")


def test_what_leaves_the_program_leaves_the_object(stack):
    env = '[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]'
    stack.up(f"deployment(env={env}, replicas=1)\n")
    assert stack.get("deploy", "d", ".spec.template.spec.containers[0].env[*].name") == "A B"
    shown = stack.preview('deployment(env=[{"name": "A", "value": "1"}], replicas=1)\n')
    assert "update" in shown
    stack.run("up", "--yes", "--skip-preview")
    assert stack.get("deploy", "d", ".spec.template.spec.containers[0].env[*].name") == "A"


def test_a_count_that_somebody_else_keeps_stays(stack):
    """A scaler takes over at three: still three, during and after; the template changes: three; it leaves: three."""
    stack.up("deployment(replicas=1)\n")
    stack.cluster.kubectl("scale", "deploy", "d", "--namespace=engine", "--replicas=3")
    watch = subprocess.Popen(
        [str(stack.cluster.lab.kubectl), "get", "deploy", "d", "-nengine", "-w", '-o=jsonpath={.spec.replicas}{"\\n"}'],
        stdout=subprocess.PIPE,
        text=True,
    )
    ignored = 'ignore=["spec.replicas"]'
    stack.up(f"deployment({ignored})\n")
    stack.up(f'deployment("b", {ignored})\n')
    assert stack.get("deploy", "d", ".spec.replicas") == "3"
    assert stack.get("deploy", "d", ".spec.template.spec.containers[0].image") == "b"
    stack.up('deployment("b")\n')
    assert stack.get("deploy", "d", ".spec.replicas") == "3"
    watch.terminate()
    assert set(watch.communicate()[0].split()) == {"3"}


def test_what_cannot_change_is_replaced_and_says_so(stack):
    stack.up("deployment(replicas=1)\n")
    text = (stack.root / "__main__.py").read_text().replace('labels = {"app": "d"}', 'labels = {"app": "e"}')
    (stack.root / "__main__.py").write_text(text)
    shown = stack.run("preview")
    assert "replace" in shown
    assert "spec.selector.matchLabels" in shown
    stack.run("up", "--yes", "--skip-preview")
    assert stack.get("deploy", "d", ".spec.selector.matchLabels.app") == "e"


def test_a_kind_that_is_not_there_is_named_and_may_come_in_the_same_up(stack):
    shown = stack.preview(GADGET)
    assert "no kind Gadget in test.example/v1" in shown
    assert "unless this stack creates it" in shown
    monitor = GADGET.replace("test.example/v1", "monitoring.coreos.com/v9").replace("Gadget", "PodMonitor")
    assert "take llm-inference:monitoring out" in stack.preview(monitor)
    stack.up(DEFINITION + GADGET)
    assert stack.cluster.kubectl("get", "gadgets", "-nengine", "-oname") == "gadget.test.example/g\n"


def test_a_secret_is_secret_in_the_state(stack):
    stack.up(
        'k8s.core.v1.Secret("s", metadata=named("s"), string_data={"t": pulumi.Output.secret("hush-hush")}, opts=O())\n'
    )
    assert "hush-hush" not in stack.state()
    assert "aHVzaC1odXNo" not in stack.state()
    assert stack.get("secret", "s", ".data.t") == "aHVzaC1odXNo"


def test_pods_that_find_no_node_are_told_in_the_schedulers_words(stack):
    """And the next up goes on waiting for what is there."""
    gpus = '{"limits": {"nvidia.com/gpu": "64"}}'
    told = stack.up(f'deployment(replicas=1, resources={gpus}, timeout="4s")\n', succeeds=False)
    assert "nodes are available" in told or "nodes available" in told
    entry = next(
        item for item in json.loads(stack.state())["checkpoint"]["latest"]["resources"] if item.get("initErrors")
    )
    assert entry["id"] == "engine/d"
    stack.up("deployment(replicas=1)\n")
    assert stack.get("deploy", "d", ".status.availableReplicas") == "1"


def test_what_the_server_would_refuse_fails_the_preview(stack):
    told = stack.preview("deployment(replicas=-1)\n", succeeds=False)
    assert "must be greater than or equal to 0" in told


def test_outside_changes_are_seen_by_refresh_and_server_defaults_are_not(stack):
    stack.up('k8s.core.v1.ConfigMap("m", metadata=named("m"), data={"a": "1"}, opts=O())\ndeployment(replicas=1)\n')
    stack.run("refresh", "--yes", "--expect-no-changes")
    stack.cluster.kubectl("patch", "configmap", "m", "-nengine", "--type=merge", '--patch={"data":{"a":"9"}}')
    assert "data.a" in stack.run("refresh", "--yes")
    assert "replace" in stack.run("preview")  # a ConfigMap's data is never changed in place


def test_without_a_cluster_a_preview_works_and_up_does_not(stack):
    program = "deployment(replicas=1)\n"
    shown = stack.preview(program, KUBECONFIG="/nonexistent")
    assert "was not checked" in shown
    assert "create" in shown
    told = stack.run("up", "--yes", "--skip-preview", succeeds=False, KUBECONFIG="/nonexistent")
    assert "cannot be asked" in told


def test_a_deletion_waits_for_finalizers(stack):
    stack.up('k8s.core.v1.ConfigMap("m", metadata=named("held", finalizers=["test.example/hold"]), opts=O())\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.engine", "destroy", "--stack=dev", "--yes", "--skip-preview"],
        cwd=stack.root,
        env=stack.environment,
        stdout=subprocess.PIPE,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(4)
    stack.cluster.kubectl(
        "patch", "configmap", "held", "-nengine", "--type=merge", '--patch={"metadata":{"finalizers":[]}}'
    )
    process.communicate(timeout=150)
    assert process.returncode == 0
