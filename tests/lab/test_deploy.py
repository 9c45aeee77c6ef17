"""`make up` and its kin in a project of their own, with a lab of their own."""

import json
import os
import subprocess
import sys

import psutil
import pytest

from lab.stacks import forget_lab
from tests.support import PROJECT, copy_project


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the project's files, as git has them."""
    root = tmp_path_factory.mktemp("deploy") / "project"
    copy_project(root)
    yield root
    subprocess.run([sys.executable, "-m", "lab.cluster", "down", "--delete"], cwd=root, check=True)


def deploy(root, *arguments, succeeds=True, path=None, seconds=240, **variables):
    environment = {**os.environ, "KUBECONFIG": f"{root}/.lab/kubeconfig", **variables}
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
        environment.pop(name, None)
    if path is not None:
        environment["PATH"] = path
    done = subprocess.run(
        [sys.executable, "-m", "lab.deploy", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    output = done.stdout + done.stderr
    assert (done.returncode == 0) is succeeds, output
    return output


def kubectl(root, *arguments):
    done = subprocess.run([root / ".lab/kubectl", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def test_up_again_protected_and_down(checkout):
    """One command from nothing to a Deployment; the second changes nothing; down leaves no object and no process."""
    first = deploy(checkout, "up", "--engine=lab")
    assert "33 created" in first
    assert "1/1 replicas ready, in namespace llm" in first
    assert "make down" in first
    available = kubectl(checkout, "get", "deploy", "-nllm", "qwen-1-5b", "-o=jsonpath={.status.availableReplicas}")
    slices = ("get", "endpointslices", "-nllm", "-lkubernetes.io/service-name=qwen-1-5b")
    ready = kubectl(checkout, *slices, "-o=jsonpath={.items[*].endpoints[*].conditions.ready}")
    assert (available, ready) == ("1", "true")
    assert "Nothing changes" in deploy(checkout, "up", "--engine=lab")

    stack = checkout / "Pulumi.dev.yaml"
    before = stack.read_text()
    stack.write_text(before.replace("config:\n", "config:\n  llm-inference:deletion: {protect: true}\n", 1))
    deploy(checkout, "up", "--engine=lab")
    refused = deploy(checkout, "down", "--engine=lab", succeeds=False)
    assert "protect: false" in refused
    assert "make up STACK=dev" in refused
    assert kubectl(checkout, "get", "deploy", "-nllm", "-oname") == "deployment.apps/qwen-1-5b\n"
    stack.write_text(before)
    deploy(checkout, "up", "--engine=lab")
    refused_by_a_rule_about_the_whole_stack(checkout)

    assert "33 deleted" in deploy(checkout, "down", "--engine=lab")
    home = str(checkout / ".lab")
    assert [found for found in psutil.process_iter(["cmdline"]) if home in " ".join(found.info["cmdline"] or [])] == []


def refused_by_a_rule_about_the_whole_stack(checkout):
    """It sees everything only at the end; the preview that `up` begins with has such an end, too."""
    stack, rules = checkout / "Pulumi.dev.yaml", checkout / "policy/stacks.yaml"
    before, allowed = stack.read_text(), rules.read_text()
    priced = before.replace("api: lab", "api: lab\n    hourlyUsd: {nvidia-l4/x1: 1}")
    stack.write_text(priced.replace("maxModelLen: 8192", "maxModelLen: 4096"))
    rules.write_text(f"{allowed}dev: {{endpointMonthlyUsd: 100}}\n")
    output = deploy(checkout, "up", "--engine=lab", succeeds=False)
    assert "[mandatory]  endpoint-cost-capped" in output
    assert "at its maximum it costs 730 USD a month, above 100" in output
    arguments = kubectl(checkout, "get", "deploy", "-nllm", "qwen-1-5b", "-o=jsonpath={..args}")
    assert "--max-model-len=8192" in arguments
    stack.write_text(before)
    rules.write_text(allowed)


def test_a_preview_of_prod_needs_no_cluster_and_says_what_it_could_not_check(checkout):
    stack = checkout / "Pulumi.prod.yaml"
    before = stack.read_text()
    stack.write_text(before.replace("{available: 6}", "{available: 6, hourlyUsd: 1}"))
    output = deploy(checkout, "preview", "--stack=prod", "--engine=lab", HF_TOKEN="dummy")
    stack.write_text(before)
    assert "41 to create" in output
    assert "monthlyUsdMax: 2190" in output
    assert "gke_acme-ml_europe-west4_llm-prod cannot be asked" in output
    assert "was not checked" in output


def test_up_of_prod_refuses_to_keep_its_state_in_the_checkout(checkout):
    output = deploy(checkout, "up", "--stack=prod", "--engine=lab", succeeds=False)
    assert "must not live in .lab/state alone" in output


def test_another_context_writes_no_tracked_file(checkout):
    before = {path: path.read_bytes() for path in checkout.glob("Pulumi*.yaml")}
    output = deploy(checkout, "preview", "--context=my-kind", "--engine=lab")
    assert "Stack dev-my-kind" in output
    assert "28 to create" in output
    assert {path: path.read_bytes() for path in before} == before
    ignored = (PROJECT.root / ".gitignore").read_text().splitlines()
    assert "/Pulumi.dev-*.yaml" in ignored
    (checkout / "Pulumi.dev-my-kind.yaml").unlink()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("up", "--engine=pulumi"), "no pulumi is on PATH"),
        (("up", "--stack=nope", "--engine=lab"), "There is no Pulumi.nope.yaml"),
        (("up", "--stack=prod", "--context=x", "--engine=lab"), "STACK=prod names its own context"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(checkout, arguments, told):
    output = deploy(checkout, *arguments, succeeds=False, path="/nonexistent")
    assert told in output
    assert "Traceback" not in output


def test_a_deleted_lab_is_forgotten_and_other_clusters_are_not(tmp_path):
    stacks = tmp_path / ".pulumi/stacks/llm-inference"
    stacks.mkdir(parents=True)
    for stack, cluster in (("dev", "lab"), ("dev-kind", "kind")):
        provider = {"urn": "u", "type": "pulumi:providers:kubernetes", "inputs": {"clusterIdentifier": cluster}}
        checkpoint = {"version": 3, "checkpoint": {"latest": {"resources": [provider]}}}
        (stacks / f"{stack}.json").write_text(json.dumps(checkpoint))
    forget_lab(tmp_path)
    assert [path.name for path in stacks.iterdir()] == ["dev-kind.json"]
