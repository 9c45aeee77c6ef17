"""The objects of one model: the traps that others fall into, read from what the program really registers."""

import click
import pytest

from ops.program import run_with
from tests.support import PROJECT, lab_config, manifests, registered, wire


@pytest.fixture(scope="module")
def objects():
    return manifests(lab_config({"m": {"lifecycle": {"startupMinutes": 20, "drainSeconds": 100}}}))


@pytest.fixture(scope="module")
def pod(objects):
    return objects["Deployment/m"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def engine(pod):
    (container,) = pod["containers"]
    return container


def test_startup_has_the_whole_budget_for_loading(engine):
    probe = engine["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 20 * 60
    assert "initialDelaySeconds" not in probe


def test_liveness_needs_two_minutes_of_silence_and_tolerates_slow_answers(engine):
    probe = engine["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 120
    assert probe["timeoutSeconds"] >= 5


def test_the_grace_period_holds_pre_stop_and_drain_and_a_margin(pod, engine):
    pre_stop = engine["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert "--shutdown-timeout=100" in engine["args"]
    assert pod["terminationGracePeriodSeconds"] >= pre_stop + 100 + 10


def test_a_rollout_is_not_called_failed_while_the_model_loads(objects, engine):
    budget = engine["startupProbe"]["periodSeconds"] * engine["startupProbe"]["failureThreshold"]
    assert objects["Deployment/m"]["spec"]["progressDeadlineSeconds"] > budget


def test_no_service_links_and_no_api_token_reach_the_engine(objects, pod):
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert objects["ServiceAccount/m"]["automountServiceAccountToken"] is False


def test_shared_memory_is_bounded_and_large_enough_for_its_gpus():
    spec = manifests(lab_config({"m": {"accelerator": {"count": 4}}}))["Deployment/m"]["spec"]
    (shm,) = [v for v in spec["template"]["spec"]["volumes"] if v["name"] == "shm"]
    assert shm["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Gi"}


def test_gpu_requests_equal_limits_and_memory_too(engine):
    requests, limits = engine["resources"]["requests"], engine["resources"]["limits"]
    assert requests["nvidia.com/gpu"] == limits["nvidia.com/gpu"] == "1"
    assert requests["memory"] == limits["memory"]
    assert "cpu" not in limits


def test_tensor_parallelism_follows_the_gpu_count():
    spec = manifests(lab_config({"m": {"accelerator": {"count": 4}}}))["Deployment/m"]["spec"]
    assert "--tensor-parallel-size=4" in spec["template"]["spec"]["containers"][0]["args"]


def test_the_cache_is_mounted_where_the_user_can_write(pod, engine, objects):
    environment = next(value for key, value in objects.items() if key.startswith("ConfigMap/m-env-"))["data"]
    mount = next(m["mountPath"] for m in engine["volumeMounts"] if m["name"] == "cache")
    assert environment["HF_HOME"].startswith(mount)
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsUser"] != 0


def test_the_environment_comes_from_the_config_map_of_its_content(engine, objects):
    (name,) = [key.split("/")[1] for key in objects if key.startswith("ConfigMap/m-env-")]
    assert engine["envFrom"] == [{"configMapRef": {"name": name}}]
    assert objects[f"ConfigMap/{name}"]["immutable"] is True


def test_the_image_carries_tag_and_digest(engine):
    assert engine["image"].startswith("docker.io/vllm/vllm-openai:v0.31.0@sha256:")


def test_selectors_hold_no_version_and_match_the_pods(objects):
    deployment, service = objects["Deployment/m"]["spec"], objects["Service/m"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == service["selector"]
    assert service["selector"].items() <= labels.items()
    assert not any("version" in key for key in service["selector"])


def test_a_renamed_model_keeps_the_names_of_its_objects():
    objects = manifests(lab_config({"new": {"formerly": ["old", "newer"]}}))
    assert {"Deployment/old", "Service/old", "PersistentVolumeClaim/old-cache"} <= objects.keys()


def test_the_pod_monitor_scrapes_the_port_of_the_pods(objects):
    with_monitor = manifests(lab_config(monitoring={"mode": "operator", "labels": {"release": "prom"}}))
    monitor = with_monitor["PodMonitor/m"]
    ports = with_monitor["Deployment/m"]["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] in [port["name"] for port in ports]
    assert monitor["metadata"]["labels"]["release"] == "prom"
    assert "PodMonitor/m" not in objects


def test_an_existing_claim_is_mounted_and_none_is_made():
    change = {"cache": {"mode": "shared", "existingClaim": "weights"}}
    config = lab_config({"m": change})
    del config["models"]["m"]["cache"]["sizeGiB"]
    objects = manifests(config)
    volumes = objects["Deployment/m"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "cache", "persistentVolumeClaim": {"claimName": "weights"}} in volumes
    assert not any(key.startswith("PersistentVolumeClaim/") for key in objects)


def test_the_hub_token_passes_by_reference_to_an_existing_secret():
    secret = {"hubReadSecret": {"name": "hf-secret", "key": "token"}}
    objects = manifests(lab_config({"m": {"cache": {"mode": "none"}}}, huggingface=secret))
    (variable,) = objects["Deployment/m"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "hf-secret", "key": "token"}
    assert not any(key.startswith("Secret/") for key in objects)


def test_a_configured_token_becomes_a_secret_that_the_pod_refers_to():
    token = "x" * 20
    resources = registered(lab_config({"m": {"cache": {"mode": "none"}}}), secrets={"hubReadToken": token})
    (secret,) = [r for r in resources if r.type == "kubernetes:core/v1:Secret"]
    assert "(secret)" in str(secret.inputs["stringData"])
    assert token not in str(resources)
    deployment = next(r for r in resources if r.type == "kubernetes:apps/v1:Deployment").inputs
    reference = deployment["spec"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": secret.inputs["metadata"]["name"], "key": "token"}


def test_every_object_has_a_provider_and_only_one_is_made():
    types = [resource.type for resource in registered(lab_config({"a": {}, "b": {}}))]
    assert types.count("pulumi:providers:kubernetes") == 1


def test_nothing_of_this_machine_is_in_the_providers_inputs(monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/somewhere/else")
    provider = next(r for r in registered(lab_config()) if r.type == "pulumi:providers:kubernetes")
    assert provider.inputs["kubeconfig"] == ""
    assert "/somewhere/else" not in str(provider.inputs)


def test_two_mistakes_stop_the_program_with_both_and_without_a_traceback():
    config = lab_config({"m": {"scaling": {"min": 2, "max": 1}, "engine": {"version": "0.0.1"}}})
    with pytest.raises(click.ClickException) as refusal:
        registered(config)
    assert "models.m.scaling.min" in str(refusal.value)
    assert "models.m.engine.version" in str(refusal.value)


def test_a_misspelt_section_is_refused_by_the_program_too():
    with pytest.raises(click.ClickException, match=r"modles: unknown key. Did you mean models"):
        registered({**lab_config(), "modles": {"x": 1}})


def test_a_section_that_is_a_bare_word_is_refused_like_any_other_mistake():
    """Pulumi hands it over as text, not as JSON."""
    with pytest.raises(click.ClickException, match=r"deletion: 'yes' is not a mapping"):
        run_with(PROJECT, "dev", {**wire(lab_config()), "llm-inference:deletion": "yes"}, [])


def test_one_replica_at_a_time_may_be_evicted_and_a_broken_one_always(objects):
    budget = objects["PodDisruptionBudget/m"]["spec"]
    assert budget == {
        "selector": {"matchLabels": objects["Deployment/m"]["spec"]["selector"]["matchLabels"]},
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def test_gpu_nodes_are_not_emptied_to_save_money_and_spot_nodes_are_preferred_where_asked():
    spot = {"placement": {"spot": {}, "priorityClass": "serving"}, "lifecycle": {"drainSeconds": 30}}
    objects = manifests(lab_config({"m": {}, "s": spot}, cluster={"nodeLabels": "karpenter"}))
    kept, cheap = (objects[f"Deployment/{name}"]["spec"]["template"] for name in ("m", "s"))
    assert kept["metadata"]["annotations"] == {
        "karpenter.sh/do-not-disrupt": "true",
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    }
    # Karpenter would not evict the pod before the cloud takes the node.
    assert "annotations" not in cheap["metadata"]
    affinity = cheap["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    (expression,) = affinity[0]["preference"]["matchExpressions"]
    assert expression == {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}
    assert {"key": "karpenter.sh/capacity-type", "operator": "Equal", "value": "spot", "effect": "NoSchedule"} in (
        cheap["spec"]["tolerations"]
    )
    assert cheap["spec"]["priorityClassName"] == "serving"
    assert "preferredDuringSchedulingIgnoredDuringExecution" not in kept["spec"]["affinity"]["nodeAffinity"]


def test_accelerators_are_all_accepted_and_preferred_in_order():
    accelerator = {"type": "nvidia-h100", "alternatives": ["nvidia-l4", "nvidia-t4"]}
    pools = {"nvidia-h100": {"available": 2}, "nvidia-t4": {"available": 2}}
    objects = manifests(lab_config({"m": {"accelerator": accelerator}}, cluster={"accelerators": pools}))
    affinity = objects["Deployment/m"]["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    h100 = ["NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe"]
    assert term["matchExpressions"][0]["values"] == [*h100, "NVIDIA-L4", "Tesla-T4"]
    preferred = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    order = [(one["weight"], one["preference"]["matchExpressions"][0]["values"]) for one in preferred]
    assert order == [(20, h100), (10, ["NVIDIA-L4"])]
