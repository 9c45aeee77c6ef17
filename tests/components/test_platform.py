"""What all models of a stack share."""

from tests.support import lab_config, manifests


def test_a_namespace_of_our_own_enforces_the_restricted_profile_and_denies_by_default():
    objects = manifests(lab_config())
    assert objects["Namespace/llm"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert objects["NetworkPolicy/llm-default-deny"]["spec"]["podSelector"] == {}


def test_in_a_namespace_of_somebody_else_only_our_pods_are_cut_off():
    objects = manifests(lab_config(cluster={"namespace": {"create": False}}))
    assert "Namespace/llm" not in objects
    assert not any(key.startswith("ResourceQuota/") for key in objects)
    selected = objects["NetworkPolicy/llm-default-deny-dev"]["spec"]["podSelector"]["matchLabels"]
    pods = objects["Deployment/m"]["spec"]["template"]["metadata"]["labels"]
    assert selected
    assert selected.items() <= pods.items()


def test_the_quota_leaves_room_for_one_successor_that_waits_for_its_gpu():
    full = manifests(
        lab_config(
            {"m": {"scaling": {"min": 2, "max": 2}}},
            cluster={"accelerators": {"nvidia-l4": {"available": 2}}},
        )
    )
    assert full["ResourceQuota/llm-gpus"]["spec"]["hard"] == {"requests.nvidia.com/gpu": "3"}
    roomy = manifests(lab_config())
    assert roomy["ResourceQuota/llm-gpus"]["spec"]["hard"] == {"requests.nvidia.com/gpu": "8"}


def test_images_are_pulled_on_every_node_that_a_model_accepts_and_ask_for_no_gpu():
    models = {"a": {"engine": {"version": "0.33.0"}}, "b": {"accelerator": {"alternatives": ["nvidia-a10g"]}}, "c": {}}
    cluster = {"prePull": True, "accelerators": {"nvidia-a10g": {"available": 4}}}
    objects = manifests(lab_config(models, cluster=cluster))
    pod = objects["DaemonSet/llm-image-pull"]["spec"]["template"]["spec"]
    images = [container["image"] for container in pod["initContainers"]]
    wanted = {objects[f"Deployment/{name}"]["spec"]["template"]["spec"]["containers"][0]["image"] for name in models}
    assert sorted(wanted) == images
    assert len(images) == 2
    affinity = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (expression,) = affinity["nodeSelectorTerms"][0]["matchExpressions"]
    assert expression["values"] == ["NVIDIA-A10G", "NVIDIA-L4"]
    assert not any("nvidia.com/gpu" in str(c["resources"]) for c in [*pod["initContainers"], *pod["containers"]])
    assert "DaemonSet/llm-image-pull" not in manifests(lab_config())
