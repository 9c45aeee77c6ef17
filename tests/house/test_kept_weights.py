"""Weights that outlive their stack, on a real control plane: down and up again, and the same claim."""

import os
import subprocess
import sys
import uuid

import pytest
import yaml

from tests.support import copy_project, lab_config, merged

pytestmark = pytest.mark.prove


@pytest.fixture
def stack(cluster, tmp_path):
    """Run the project's own program on a stack file, in a namespace of its own, with the lab's engine."""
    copy_project(tmp_path / "project")
    name = f"kept-{uuid.uuid4().hex[:6]}"

    def run(command, config, succeeds=True):
        whole = merged(config, {"cluster": {"namespace": {"name": name}}})
        text = yaml.safe_dump({"config": {f"llm-inference:{key}": value for key, value in whole.items()}})
        (tmp_path / "project/Pulumi.dev.yaml").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "lab.engine", command, "--stack=dev", "--yes", "--skip-preview"],
            cwd=tmp_path / "project",
            env={
                **os.environ,
                "KUBECONFIG": str(cluster.kubeconfig),
                "PULUMI_BACKEND_URL": f"file://{tmp_path}",
                "PULUMI_CONFIG_PASSPHRASE": "word",
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.namespace = name
    yield run
    cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")


def uid(cluster, stack, kind, name):
    where = [] if kind == "namespace" else [f"--namespace={stack.namespace}"]
    return cluster.kubectl("get", kind, name, *where, "--ignore-not-found", "--output=jsonpath={.metadata.uid}")


def test_weights_survive_down_and_the_next_up_takes_them_over(cluster, stack):
    """Also when the setting came later than the claim, and when the claim gets other labels meanwhile."""
    before = lab_config({"m": {}, "own": {"cache": {"mode": "perReplica", "sizeGiB": 5}}})
    config = {**before, "deletion": {"keepWeights": True}}
    stack("up", before)
    claims = {name: uid(cluster, stack, "pvc", name) for name in ("m-cache", "cache-own-0")}
    assert all(claims.values())
    told = stack("up", config)
    assert "replaced" not in told
    stack("destroy", config)
    assert {name: uid(cluster, stack, "pvc", name) for name in claims} == claims
    gone = "deployments,statefulsets,services,jobs"
    assert cluster.kubectl("get", gone, f"--namespace={stack.namespace}", "--output=name") == ""
    handed_over = merged(config, {"models": {"m": {"owner": "team-chat"}}})
    stack("up", handed_over)
    assert {name: uid(cluster, stack, "pvc", name) for name in claims} == claims
    told = stack("up", handed_over)
    assert not any(f" {word}" in told for word in ("created", "updated", "replaced", "deleted"))


def test_without_it_weights_go_with_the_stack(cluster, stack):
    config = lab_config()
    told = stack("up", config)
    assert told.index("m-download created") < told.index("m-deployment creating")
    assert uid(cluster, stack, "pvc", "m-cache")
    stack("destroy", config)
    assert uid(cluster, stack, "namespace", stack.namespace) == ""
