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
    selected = objects["NetworkPolicy/llm-default-deny"]["spec"]["podSelector"]["matchLabels"]
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
