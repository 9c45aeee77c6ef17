"""`llm doctor` against the lab's real API server, as people with all rights and with few."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ops import doctor
from tests.support import PROJECT, lab_config, merged

READER = "doctor-reader"


def examined(cluster, monkeypatch, *, kubeconfig=None):
    """What the doctor says about the stack dev of the current folder."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig or cluster.kubeconfig))
    result = CliRunner().invoke(doctor.command, ["--stack", "dev", "--json"], catch_exceptions=False)
    return result.exit_code, {finding["check"]: finding for finding in json.loads(result.output)}


def describe(root: Path, config, monkeypatch):
    """A checkout whose stack dev is this configuration."""
    (root / "Pulumi.yaml").write_text("name: llm-inference\n")
    for kind in ("models", "images"):
        (root / f"{kind}.lock.yaml").write_text("version: 1\n")
    values = {f"llm-inference:{key}": value for key, value in config.items()}
    (root / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": values}))
    monkeypatch.chdir(root)


def test_our_dev_stack_has_all_it_needs_in_the_lab(cluster, monkeypatch):
    monkeypatch.chdir(PROJECT.root)

    exit_code, found = examined(cluster, monkeypatch)

    wrong = {name: finding["message"] for name, finding in found.items() if finding["status"] != "ok"}
    assert set(wrong) == {"prometheus operator"}, wrong
    assert exit_code == 0


def test_more_gpus_than_the_lab_has_and_a_disk_for_two_fail(cluster, monkeypatch, tmp_path):
    config = lab_config(
        {"m": {"cache": {"storageClass": "lab-rwo"}}},
        cluster={"accelerators": {"nvidia-l4": {"available": 100}}, "runtimeClass": "no-such"},
    )
    describe(tmp_path, config, monkeypatch)

    exit_code, found = examined(cluster, monkeypatch)

    failed = {name for name, finding in found.items() if finding["status"] == "FAIL"}
    assert failed == {"gpus nvidia-l4", "storage m", "runtime class"}
    assert exit_code == 1


@pytest.fixture(scope="module")
def theirs(cluster):
    """A namespace of somebody else, with a small quota, a Secret and a claim."""
    name = "doctor-theirs"
    metadata = {"namespace": name}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {**metadata, "name": "team"},
            "spec": {"hard": {"requests.nvidia.com/gpu": "1"}},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**metadata, "name": "hf"},
            "stringData": {"token": "hf_value_that_must_not_be_seen"},
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {**metadata, "name": "weights"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "lab-rwo",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        },
    )
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def test_what_is_in_somebody_elses_namespace_is_judged(cluster, monkeypatch, tmp_path, theirs):
    config = lab_config(
        {"m": {"scaling": {"min": 2, "max": 2}}, "n": {}},
        cluster={"namespace": {"name": theirs, "create": False}},
        huggingface={"hubReadSecret": {"name": "hf", "key": "token"}},
    )
    config["models"]["n"]["cache"] = {"mode": "shared", "existingClaim": "weights"}
    describe(tmp_path, config, monkeypatch)

    _, found = examined(cluster, monkeypatch)

    statuses = {name: found[name]["status"] for name in ("namespace", "hub secret", "quota team", "storage n")}
    assert statuses == {"namespace": "ok", "hub secret": "ok", "quota team": "FAIL", "storage n": "FAIL"}
    assert "must_not_be_seen" not in json.dumps(found)


def test_namespace_that_is_not_ours_is_not_taken_over(cluster, monkeypatch, tmp_path, theirs):
    describe(tmp_path, lab_config(cluster={"namespace": {"name": theirs, "create": True}}), monkeypatch)

    _, found = examined(cluster, monkeypatch)

    assert found["namespace"]["status"] == "FAIL"
    assert "create: false" in found["namespace"]["message"]


def test_account_without_rights_gets_warnings_that_name_them(cluster, monkeypatch, tmp_path, theirs):
    """As a service account, which may look at nothing but the version."""
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": READER, "namespace": theirs}},
    )
    token = cluster.kubectl("create", "token", READER, f"--namespace={theirs}").strip()
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(merged(content, {"users": [{**user, "user": {"token": token}} for user in content["users"]]}))
    )
    config = lab_config(
        cluster={"namespace": {"name": theirs, "create": False}},
        huggingface={"hubReadSecret": {"name": "hf", "key": "token"}},
        monitoring={"mode": "operator"},
    )
    describe(tmp_path, config, monkeypatch)

    exit_code, found = examined(cluster, monkeypatch, kubeconfig=kubeconfig)

    assert exit_code == 0, found
    assert {name for name, finding in found.items() if finding["status"] == "ok"} == {
        "stack file",
        "context",
        "api server",
        "version",
    }
    assert "needs the right to list nodes" in found["gpus"]["message"]
    assert f"needs the right to get secrets/hf in {theirs}" in found["hub secret"]["message"]
    assert token not in json.dumps(found)


def test_doctor_writes_nothing(cluster, monkeypatch):
    """Not an object more or less."""
    monkeypatch.chdir(PROJECT.root)
    kinds = "namespaces,resourcequotas,secrets,persistentvolumeclaims,deployments,storageclasses"
    look = ["get", kinds, "--all-namespaces", "--output=jsonpath={range .items[*]}{.metadata.uid} {.kind}{'\\n'}{end}"]
    before = cluster.kubectl(*look)

    examined(cluster, monkeypatch)

    assert cluster.kubectl(*look) == before
