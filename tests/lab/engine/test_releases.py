"""Helm releases under the lab's engine: the real Helm, a chart of the tests, a real API server."""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.tools.build import ensure
from lab.tools.sets import HELM
from tests.components.charts import MODELSERVICE
from tests.lab.conftest import eventually
from tests.lab.engine.test_kubernetes import Stack
from tests.support import PROJECT

# On a cold machine Helm is built first, for minutes.
pytestmark = pytest.mark.prove

PROGRAM = """
values = {{
    "fullnameOverride": "m", "prefill": {{"create": False}}, "routing": {{"proxy": {{"enabled": False}}}},
    "decode": {{"replicas": {replicas}, "containers": [{{
        "name": "engine", "image": "a@sha256:{digest}", "modelCommand": "custom", "command": ["vllm"],
        "args": ["{argument}"], "resources": {{"limits": {limits}}}, "extraConfig": {extra},
        "env": {env},
    }}]}},
}}
k8s.helm.v3.Release(
    "r", name="m", namespace="releases", chart="chart", values=values, atomic=True, timeout={timeout}, opts=O())
"""
UNPLACEABLE = {"nvidia.com/gpu": "64"}
CONFINED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
SECRET = '[{"name": "TOKEN", "value": pulumi.Output.secret("hush-hush")}]'


def program(argument="one", *, replicas=1, limits=None, extra=None, timeout=60, env="[]"):
    return PROGRAM.format(
        argument=argument,
        replicas=replicas,
        limits=limits or {},
        extra=extra or {},
        timeout=timeout,
        env=env,
        digest="0" * 64,
    )


@pytest.fixture(scope="module")
def helm(cluster):
    """Run Helm on the tests' cluster, as a person would."""
    path = ensure(HELM).program("helm")

    def run(*arguments):
        command = [str(path), *arguments, "--namespace=releases", f"--kubeconfig={cluster.kubeconfig}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

    return run


@pytest.fixture(scope="module")
def releases(cluster):
    cluster.kubectl("create", "namespace", "releases")
    yield cluster
    cluster.kubectl("delete", "namespace", "releases", "--wait=false")


@pytest.fixture
def stack(releases, helm, tmp_path):
    shutil.copytree(MODELSERVICE, tmp_path / "chart")
    stack = Stack(tmp_path, releases)
    yield stack
    if (tmp_path / "state").exists():
        stack.run("destroy", "--yes", "--skip-preview")
    assert helm("list", "--short") == ""


def arguments_of(stack):
    path = "{.items[*].spec.template.spec.containers[0].args[0]}"
    return stack.cluster.kubectl("get", "deploy", "--namespace=releases", f"--output=jsonpath={path}")


def entry(stack):
    whole = json.loads(stack.state())["checkpoint"]["latest"]["resources"]
    return next(item for item in whole if item["type"] == "kubernetes:helm.sh/v3:Release")


def has_the_form_of_the_real_providers(found):
    """As pulumi-kubernetes writes it: every field of its release, also those that are zero (helm_release.go)."""
    assert found["id"] == "releases/m"
    assert found["inputs"]["version"] == "v0.4.12"  # the chart's own
    assert (found["inputs"]["skipAwait"], found["inputs"]["description"]) == (False, "")
    assert found["outputs"].keys() == {*found["inputs"], "__inputs", "resourceNames", "status"}
    assert found["outputs"]["resourceNames"] == {
        "Deployment.apps/apps/v1": ["m-decode"],
        "ServiceAccount/v1": ["m"],
    }
    assert found["outputs"]["status"] == {
        "appVersion": "test",
        "chart": "llm-d-modelservice",
        "name": "m",
        "namespace": "releases",
        "revision": 2,
        "status": "deployed",
        "version": "v0.4.12",
    }


def test_a_release_is_installed_awaited_upgraded_and_uninstalled(stack, helm):
    stack.up(program(replicas=2))
    ready = stack.cluster.kubectl(
        "get", "deploy", "m-decode", "--namespace=releases", "--output=jsonpath={.status.readyReplicas}"
    )
    assert ready == "2"
    assert "Nothing changes" in stack.run("up", "--yes")
    stack.run("refresh", "--yes", "--expect-no-changes")
    shown = stack.preview(program("two", replicas=2))
    assert 'values.decode.containers[0].args[0]: "one" => "two"' in shown
    assert "replace" not in shown
    stack.run("up", "--yes", "--skip-preview")
    assert arguments_of(stack) == "two"
    has_the_form_of_the_real_providers(entry(stack))
    stack.run("destroy", "--yes", "--skip-preview")
    assert helm("list", "--short") == ""
    assert stack.cluster.kubectl("get", "deploy,pods", "--namespace=releases", "-oname") == ""


def test_an_upgrade_that_fails_goes_back_and_says_what_was_in_the_way(stack):
    stack.up(program("one"))
    told = stack.up(program("two", limits=UNPLACEABLE, timeout=5), succeeds=False)
    assert "has been rolled back" in told
    assert "nodes are available" in told
    assert arguments_of(stack) == "one"
    # Not forgotten: the next up tries again, also when nothing else has changed.
    assert "Nothing changes" not in stack.run("preview")
    stack.up(program("three"))
    assert arguments_of(stack) == "three"


def test_an_installation_that_fails_leaves_nothing(stack, helm):
    told = stack.up(program(limits=UNPLACEABLE, timeout=5), succeeds=False)
    assert "has been uninstalled" in told
    assert "nodes are available" in told
    assert helm("list", "--short") == ""


def test_somebodys_own_release_is_not_taken_over(stack, helm):
    helm("install", "m", str(stack.root / "chart"), "--set=decode.create=false")
    told = stack.up(program(), succeeds=False)
    assert "is not this stack's" in told
    assert "helm uninstall m --namespace releases" in told
    helm("uninstall", "m")


def test_what_is_done_by_hand_is_seen_by_refresh_and_undone_by_up(stack, helm):
    stack.up(program("one"))
    helm("upgrade", "m", str(stack.root / "chart"), "--reuse-values", "--set=decode.replicas=2")
    assert "values.decode.replicas: 1 => 2" in stack.run("refresh", "--yes")
    assert "values.decode.replicas: 2 => 1" in stack.run("up", "--yes", "--skip-preview")
    helm("uninstall", "m", "--wait")
    stack.run("refresh", "--yes")
    stack.run("up", "--yes", "--skip-preview")
    assert helm("list", "--short") == "m\n"


def test_a_secret_value_is_in_no_state_no_output_and_no_process_list(stack):
    seen, over = set(), threading.Event()

    def watch():
        while not over.wait(0.002):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    command = path.read_bytes()
                except OSError:
                    continue
                if b"helm" in command and b"hush-hush" in command:
                    seen.add(command)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        told = stack.up(program(env=SECRET, limits=UNPLACEABLE, timeout=3), succeeds=False)
        told += stack.up(program(env=SECRET))
    finally:
        over.set()
        watcher.join()
    assert seen == set()
    assert "hush-hush" not in told + stack.state()


def test_objects_of_a_chart_that_break_a_rule_stop_the_deployment(stack, helm):
    shutil.copytree(PROJECT.root / "policy", stack.root / "policy", ignore=shutil.ignore_patterns("__pycache__"))
    stack.write(program(extra={"securityContext": {"privileged": True}}))
    told = stack.run("up", "--yes", "--policy-pack=policy", succeeds=False)
    assert 'Deployment m-decode: container "engine" is privileged' in told
    assert helm("list", "--short") == ""
    stack.write(program(extra={"securityContext": CONFINED}))
    stack.run("up", "--yes", "--policy-pack=policy")
    assert helm("list", "--short") == "m\n"


def test_a_key_that_the_chart_does_not_know_fails_the_preview(stack):
    told = stack.preview(program().replace('"replicas"', '"replica"'), succeeds=False)
    assert "additional properties 'replica' not allowed" in told


def test_a_chart_that_cannot_be_had_fails_the_preview(stack):
    told = stack.preview(program().replace('chart="chart"', 'chart="./nowhere"'), succeeds=False)
    assert "check the chart's name or path, its version and its repository" in told


def test_without_a_cluster_a_preview_renders_and_says_what_was_not_checked(stack):
    shown = stack.preview(program(), KUBECONFIG="/nonexistent")
    assert "What it would refuse was not checked" in shown
    assert "kubernetes:helm.sh/v3:Release r create" in shown


def test_without_helm_a_preview_works_and_says_so(stack, tmp_path):
    """A machine without Go can build none."""
    nothing = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"}
    shown = stack.preview(program(), **nothing)
    assert "The chart was neither loaded nor rendered" in shown
    told = stack.run("up", "--yes", "--skip-preview", succeeds=False, **nothing)
    assert "Install Go" in told


def killed(stack, helm, text, until):
    """Begin an up, and kill the engine when Helm is in the middle of it."""
    stack.write(text)
    command = [sys.executable, "-m", "lab.engine", "up", "--stack=dev", "--yes", "--skip-preview"]
    with subprocess.Popen(command, cwd=stack.root, env=stack.environment, stdout=subprocess.DEVNULL) as engine:
        eventually(lambda: until in helm("status", "m", "--output=json"), seconds=40)
        engine.kill()


def test_what_a_killed_run_began_is_taken_back_and_done_again(stack, helm):
    killed(stack, helm, program(limits=UNPLACEABLE), "pending-install")
    assert "taken away first" in stack.up(program("one"))
    assert arguments_of(stack) == "one"
    killed(stack, helm, program("two", limits=UNPLACEABLE), "pending-upgrade")
    stack.up(program("three"))
    assert arguments_of(stack) == "three"


@pytest.mark.parametrize(
    "more", ['postrender="sed"', "force_update=True", 'repository_opts={"repo": "https://x.example", "password": "p"}']
)
def test_what_the_engine_does_not_do_is_refused_by_name(stack, more):
    told = stack.preview(program().replace("atomic=True", f"atomic=True, {more}"), succeeds=False)
    assert "of a Helm release" in told
    assert "docs/engine.md" in told or "Pulumi CLI" in told
