"""A model by llm-d's chart: the values are keys of the chart, and say what our own Deployment would."""

import json

import jsonschema
import pytest
from hypothesis import given, settings

from blueprint.settings.stack import SecretKey
from blueprint.stack import resolve_stack
from components.llm_d import chart_values
from components.replicas import deployment_spec
from tests.components.charts import MODELSERVICE
from tests.strategies import lab_configs
from tests.support import PROJECT, lab_config, manifests, registered

RELEASE = "kubernetes:helm.sh/v3:Release"


def release(**model):
    (found,) = (item for item in registered(lab_config({"m": {"llmD": {}, **model}})) if item.type == RELEASE)
    return found.inputs


@pytest.fixture(scope="module")
def values():
    return release()["values"]


@pytest.fixture(scope="module")
def container(values):
    (found,) = values["decode"]["containers"]
    return found


@pytest.fixture(scope="module")
def schema():
    return json.loads((MODELSERVICE / "values.schema.json").read_text())


@settings(max_examples=60, deadline=None)
@given(config=lab_configs())
def test_any_model_gives_values_that_the_chart_knows(config):
    """Closed at every level: the real chart ignores keys of decode and its containers that it does not know."""
    schema = json.loads((MODELSERVICE / "values.schema.json").read_text())
    for workload in resolve_stack("dev", config, PROJECT.models_lock(), PROJECT.images_lock()).workloads:
        if workload.llm_d is not None:
            token = SecretKey(name="hf-secret", key="token")
            found = chart_values(workload, workload.llm_d.value, deployment_spec(workload, token, workload.image.value))
            jsonschema.validate(found, schema)


def test_the_release_is_named_versioned_and_undone_when_it_fails():
    inputs = release()
    assert (inputs["name"], inputs["namespace"]) == ("m", "llm")
    assert (inputs["chart"], inputs["version"]) == ("llm-d-modelservice", "v0.4.12")
    assert inputs["repositoryOpts"] == {"repo": "https://llm-d-incubation.github.io/llm-d-modelservice/"}
    assert inputs["atomic"] is True


def test_helm_waits_as_long_as_the_models_own_rollout():
    assert release(lifecycle={"startupMinutes": 40})["timeout"] > 40 * 60


def test_nothing_of_one_machine_is_in_a_release_by_path():
    inputs = release(llmD={"chart": {"path": "charts/modelservice"}})
    assert inputs["chart"] == "charts/modelservice"
    assert inputs.keys().isdisjoint({"version", "repositoryOpts"})


def test_the_rest_of_the_model_stays_when_llm_d_delivers_it():
    """The claim with the weights, the way in, the rules: a switch to llm-d and back loses none of them."""
    by_us, by_llm_d = (manifests(lab_config({"m": model})) for model in ({}, {"llmD": {}}))
    del by_us["Deployment/m"]
    assert by_llm_d == by_us


def test_gpus_are_said_as_tensor_parallelism_and_as_resources():
    values = release(accelerator={"count": 4})["values"]
    assert values["decode"]["parallelism"] == {"tensor": 4, "data": 1, "dataLocal": 1, "workers": 1}
    (container,) = values["decode"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "4"
    assert "--tensor-parallel-size=4" in container["args"]


def test_the_engine_is_started_by_our_own_command(container):
    assert container["modelCommand"] == "custom"
    assert container["command"] == ["vllm", "serve"]
    assert "--max-model-len=8192" in container["args"]


def test_the_cache_is_mounted_where_it_is_without_llm_d(values, container):
    ours = manifests(lab_config())["Deployment/m"]["spec"]["template"]["spec"]
    (mount,) = (item for item in ours["containers"][0]["volumeMounts"] if item["name"] == "cache")
    assert values["modelArtifacts"]["mountPath"] == mount["mountPath"]
    assert values["modelArtifacts"]["readOnly"] is False
    assert container["mountModelVolume"] is True
    assert "cache" not in [item["name"] for item in (*container["volumeMounts"], *values["decode"]["volumes"])]


def test_the_token_comes_from_any_key_of_any_secret():
    # Replicas that find their weights in the cache get no token.
    config = lab_config(
        {"m": {"llmD": {}, "cache": {"preDownload": False}}},
        huggingface={"hubReadSecret": {"name": "hf-secret", "key": "token"}},
    )
    (found,) = (item.inputs for item in registered(config) if item.type == RELEASE)
    (container,) = found["values"]["decode"]["containers"]
    reference = {"secretKeyRef": {"name": "hf-secret", "key": "token"}}
    assert container["env"] == [{"name": "HF_TOKEN", "valueFrom": reference}]
    assert found["values"]["modelArtifacts"]["authSecretName"] == ""


def test_only_what_never_changes_is_a_pod_label(values):
    """The chart makes the selector of them, and Kubernetes refuses a changed selector."""
    other = release(owner="team-chat", engine={"version": "0.33.0"})["values"]
    assert other["modelArtifacts"]["labels"] == values["modelArtifacts"]["labels"]
    assert other["decode"]["podAnnotations"]["llm-inference/owner"] == "team-chat"


def test_the_service_and_the_policies_select_the_charts_pods(values):
    objects = manifests(lab_config({"m": {"llmD": {}}}))
    for selector in (
        objects["Service/m"]["spec"]["selector"],
        objects["NetworkPolicy/m"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= values["modelArtifacts"]["labels"].items()


def test_pods_are_as_safe_as_ours(values, container):
    ours = manifests(lab_config())["Deployment/m"]["spec"]["template"]["spec"]
    assert values["decode"]["extraConfig"]["securityContext"] == ours["securityContext"]
    assert values["decode"]["extraConfig"]["automountServiceAccountToken"] is False
    assert values["decode"]["enableServiceLinks"] is False
    assert container["extraConfig"]["securityContext"] == ours["containers"][0]["securityContext"]


def test_neither_proxy_nor_prefill_nor_a_second_monitor(values):
    assert values["routing"]["proxy"] == {"enabled": False}
    assert values["prefill"] == {"create": False}
    assert values["decode"]["monitoring"] == {"podmonitor": {"enabled": False}}
