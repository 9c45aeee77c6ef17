"""`llm status` against the lab's real API server: what runs, what waits and why."""

import json

import pytest
import yaml
from click.testing import CliRunner

from ops.status import command as status
from tests.conftest import SCARCE
from tests.ops.test_doctor_lab import describe
from tests.support import lab_config, manifests


def asked(cluster, monkeypatch, *arguments):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    return CliRunner().invoke(status.command, ["--stack", "dev", *arguments], catch_exceptions=False)


def models(cluster, monkeypatch):
    result = asked(cluster, monkeypatch, "--json")
    return result.exit_code, {model["model"]: model for model in json.loads(result.stdout)["models"]}


def scarce(**models):
    """Models on the two GPUs of a type that nothing else uses."""
    config = lab_config({name: {"accelerator": {"type": "nvidia-a10g"}, **model} for name, model in models.items()})
    return {**config, **SCARCE}


@pytest.fixture
def stack(monkeypatch, tmp_path):
    return lambda config: describe(tmp_path, config, monkeypatch)


def test_a_model_that_runs_is_shown_with_its_pod_node_gpus_and_load_time(namespace, monkeypatch, stack):
    config = scarce(m={})
    stack(config)
    namespace.apply(*manifests(config).values())
    namespace.kubectl("rollout", "status", "deployment/m", "--namespace=llm", "--timeout=300s")

    code, found = models(namespace, monkeypatch)

    (pod,) = found["m"].pop("pods")
    assert code == 0
    assert found["m"] | {"rollout": ""} == {
        "model": "m", "kind": "Deployment", "ready": 1, "wanted": 1, "gpus": 1, "rollout": "", "why": []
    }  # fmt: skip
    assert found["m"]["rollout"].startswith("complete, ")
    assert (pod["state"], pod["gpus"], pod["why"]) == ("Ready", 1, None)
    assert 0 <= pod["load_seconds"] < 30
    shown = asked(namespace, monkeypatch).stdout
    assert pod["node"] in shown
    assert "quota llm-gpus: 1 of" in shown
    assert "nvidia-a10g: 2 on 1 node: 1 held by this namespace, 0 by others, 1 free" in shown


def test_a_pod_that_waits_for_a_gpu_says_who_holds_them(namespace, monkeypatch, stack):
    config = scarce(m={"scaling": {"min": 2, "max": 2}})
    stack(config)
    objects = manifests(config)
    objects["ResourceQuota/llm-gpus"]["spec"]["hard"]["requests.nvidia.com/gpu"] = "8"
    objects["Deployment/m"]["spec"]["replicas"] = 3
    namespace.apply(*objects.values())
    namespace.kubectl(
        "wait", "deployment/m", "--namespace=llm", "--for=jsonpath={.status.readyReplicas}=2", "--timeout=300s"
    )

    code, found = models(namespace, monkeypatch)

    (pending,) = [pod for pod in found["m"]["pods"] if pod["node"] is None]
    assert code == 1
    assert pending["why"].startswith("waits for 1 free GPU; held now: m 2.")
    assert "Insufficient nvidia.com/gpu" in pending["why"]


def test_pods_that_the_quota_refuses_are_told_in_the_servers_words(namespace, monkeypatch, stack):
    config = scarce(m={})
    stack(config)
    objects = manifests(config)
    objects["ResourceQuota/llm-gpus"]["spec"]["hard"]["requests.nvidia.com/gpu"] = "0"
    namespace.apply(*objects.values())
    namespace.kubectl("wait", "deployment/m", "--namespace=llm", "--for=condition=ReplicaFailure", "--timeout=300s")

    code, found = models(namespace, monkeypatch)

    (why,) = found["m"]["why"]
    assert code == 1
    assert "exceeded quota: llm-gpus" in why
    assert "Raise cluster.accelerators" in why


def test_a_model_that_was_never_deployed_is_missing(namespace, monkeypatch, stack):
    stack(scarce(m={}, other={}))

    code, found = models(namespace, monkeypatch)

    assert code == 1
    assert found["other"]["why"] == ["not deployed: `up` has not made it, or it was deleted"]


def test_an_unknown_model_is_refused_with_the_known_ones(namespace, monkeypatch, stack):
    stack(scarce(m={}))

    result = asked(namespace, monkeypatch, "nobody")

    assert result.exit_code == 1
    assert "No model nobody with target: kubernetes in stack dev. There: m." in result.output


def test_what_may_not_be_read_is_said(namespace, monkeypatch, stack, tmp_path):
    """A person of one namespace sees its pods, and is told that nodes need a right."""
    stack(scarce(m={}))
    account = {"name": "status-reader", "namespace": "llm"}
    namespace.apply(
        *(manifests(scarce(m={}))[key] for key in ("Namespace/llm",)),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": account,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", **account}],
        },
    )
    token = namespace.kubectl("create", "token", account["name"], "--namespace=llm").strip()
    kubeconfig = yaml.safe_load(namespace.kubeconfig.read_text())
    kubeconfig["users"][0]["user"] = {"token": token}
    few = tmp_path / "kubeconfig"
    few.write_text(yaml.safe_dump(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(few))

    shown = CliRunner().invoke(status.command, ["--stack", "dev"], catch_exceptions=False).stdout

    assert "not deployed" in shown
    assert "nodes not seen: needs the right to list nodes" in shown
