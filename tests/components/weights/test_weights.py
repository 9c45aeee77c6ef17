"""The objects that bring weights to their place and keep them there, as the program registers them."""

import pytest

from ops.program import run_with
from tests.support import PROJECT, lab_config, manifests, wire

COMMIT = "0" * 40


def only(objects, kind, prefix=""):
    (found,) = [item for key, item in objects.items() if key.startswith(f"{kind}/{prefix}")]
    return found


def engine(objects, kind="Deployment"):
    (container,) = objects[f"{kind}/m"]["spec"]["template"]["spec"]["containers"]
    return container


def environment(objects):
    return only(objects, "ConfigMap", "m-env-")["data"]


@pytest.fixture(scope="module")
def objects():
    return manifests(lab_config(huggingface={"hubReadSecret": {"name": "hf-secret", "key": "token"}}))


def test_replicas_behind_a_download_are_offline_and_hold_no_token(objects):
    assert environment(objects)["HF_HUB_OFFLINE"] == "1"
    assert "env" not in engine(objects)
    (container,) = only(objects, "Job")["spec"]["template"]["spec"]["containers"]
    assert [variable["name"] for variable in container["env"]] == ["HF_HOME", "HF_TOKEN"]
    assert container["env"][0]["value"] == environment(objects)["HF_HOME"]


def test_the_download_needs_no_gpu_and_takes_the_models_image_user_and_nodes(objects):
    pod, replica = (objects[key]["spec"]["template"]["spec"] for key in (job_key(objects), "Deployment/m"))
    (container,) = pod["containers"]
    assert container["image"] == engine(objects)["image"]
    assert "nvidia.com/gpu" not in container["resources"]["requests"]
    assert pod["securityContext"] == replica["securityContext"]
    assert pod["tolerations"] == replica["tolerations"]
    assert pod["affinity"] == {"nodeAffinity": replica["affinity"]["nodeAffinity"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def job_key(objects):
    (key,) = [key for key in objects if key.startswith("Job/")]
    return key


def test_no_service_budget_or_monitor_takes_a_download_for_a_replica(objects):
    labels = only(objects, "Job")["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/instance"] == "m-download"
    assert not objects["Service/m"]["spec"]["selector"].items() <= labels.items()


def test_another_revision_image_or_script_is_another_job():
    names = {
        job_key(manifests(lab_config({"m": change})))
        for change in ({}, {"revision": COMMIT}, {"engine": {"version": "0.33.0"}}, {"model": "lab-org/tiny"})
    }
    assert len(names) == 4
    assert job_key(manifests(lab_config())) == job_key(manifests(lab_config({"m": {"engine": {"maxNumSeqs": 8}}})))


def test_a_failed_download_is_tried_anew_by_the_next_up(objects):
    assert only(objects, "Job")["metadata"]["annotations"]["pulumi.com/replaceUnready"] == "true"


def test_what_a_person_has_to_mend_is_not_tried_again(objects):
    ignored, final = only(objects, "Job")["spec"]["podFailurePolicy"]["rules"]
    assert ignored["action"] == "Ignore"
    assert (final["action"], final["onExitCodes"]["values"]) == ("FailJob", [10, 11, 12, 13])


def test_a_download_ends_within_the_budget_of_a_start():
    objects = manifests(lab_config({"m": {"lifecycle": {"startupMinutes": 10}}}))
    assert only(objects, "Job")["spec"]["activeDeadlineSeconds"] == 900 + 600


def test_a_volume_of_one_node_is_filled_beside_the_replica_that_has_it():
    objects = manifests(lab_config({"m": {"cache": {"accessMode": "ReadWriteOnce"}}}))
    template = only(objects, "Job")["spec"]["template"]
    (term,) = template["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (chosen,) = term["labelSelector"]["matchExpressions"]
    # Itself too, or else it would wait for a replica that waits for it.
    assert set(chosen["values"]) == {"m", template["metadata"]["labels"]["app.kubernetes.io/instance"]}


@pytest.mark.parametrize("cache", [{"mode": "none"}, {"preDownload": False}])
def test_without_a_download_the_engine_asks_the_hub_itself(cache):
    secret = {"hubReadSecret": {"name": "hf-secret", "key": "token"}}
    objects = manifests(lab_config({"m": {"cache": cache}}, huggingface=secret))
    assert not any(key.startswith("Job/") for key in objects)
    assert "HF_HUB_OFFLINE" not in environment(objects)
    assert engine(objects)["env"][0]["name"] == "HF_TOKEN"


def test_each_replica_has_a_claim_and_fills_it_before_its_engine_starts():
    objects = manifests(lab_config({"m": {"cache": {"mode": "perReplica", "storageClass": "fast"}}}))
    spec = objects["StatefulSet/m"]["spec"]
    (template,) = spec["volumeClaimTemplates"]
    assert template["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
        "storageClassName": "fast",
    }
    (download,) = spec["template"]["spec"]["initContainers"]
    assert download["command"] == ["python3", "-m", "download"]
    assert {"name": "cache", "mountPath": "/cache"} in download["volumeMounts"]
    assert objects[f"Service/{spec['serviceName']}"]["spec"]["clusterIP"] == "None"
    assert objects["Service/m"]["spec"]["selector"] == spec["selector"]["matchLabels"]
    assert "Deployment/m" not in objects
    assert not any(key.startswith(("Job/", "PersistentVolumeClaim/")) for key in objects)


def test_claims_of_replicas_survive_a_scale_down_and_go_with_the_model_unless_kept():
    def retention(**sections):
        model = {"cache": {"mode": "perReplica"}, "lifecycle": {"allowOutage": True}}
        objects = manifests(lab_config({"m": model}, **sections))
        return objects["StatefulSet/m"]["spec"]["persistentVolumeClaimRetentionPolicy"]

    assert retention() == {"whenDeleted": "Delete", "whenScaled": "Retain"}
    assert retention(deletion={"keepWeights": True})["whenDeleted"] == "Retain"
    assert retention(deletion={"protect": True})["whenDeleted"] == "Retain"


def test_what_never_changes_alone_is_in_the_claim_template():
    """Another template would replace the StatefulSet."""
    cache = {"mode": "perReplica"}
    one = manifests(lab_config({"m": {"cache": cache}}))
    other = manifests(lab_config({"m": {"cache": cache, "owner": "team-chat", "engine": {"version": "0.33.0"}}}))
    assert (
        one["StatefulSet/m"]["spec"]["volumeClaimTemplates"] == other["StatefulSet/m"]["spec"]["volumeClaimTemplates"]
    )


def test_compiled_kernels_are_kept_where_one_replica_writes_them():
    def kept(change):
        return environment(manifests(lab_config({"m": change}))).get("VLLM_CACHE_ROOT")

    assert kept({}) == "/cache/compile/vllm-0.31.0-nvidia-l4"
    assert kept({"engine": {"version": "0.33.0"}}) == "/cache/compile/vllm-0.33.0-nvidia-l4"
    assert kept({"scaling": {"min": 2, "max": 2}}) is None
    assert kept({"scaling": {"min": 2, "max": 2}, "cache": {"mode": "perReplica"}}) is not None
    assert kept({"cache": {"mode": "none"}}) is None


def test_weights_that_are_kept_are_neither_deleted_nor_refused_when_they_are_there():
    def resources(**sections):
        return {
            item.type.rpartition(":")[2]: item for item in run_with(PROJECT, "dev", wire(lab_config(**sections)), [])
        }

    kept, plain = resources(deletion={"keepWeights": True}), resources()
    assert str(kept["kubernetes"].inputs["upsertExistingObjects"]).lower() == "true"
    assert "upsertExistingObjects" not in plain["kubernetes"].inputs
    for kind in ("Namespace", "PersistentVolumeClaim"):
        assert kept[kind].inputs["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"
    assert "annotations" not in plain["Namespace"].inputs["metadata"]


NODES = {"mode": "node", "path": "/mnt/models", "nodes": ["gpu-1", "gpu-2"]}


def hosts(template):
    affinity = template["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return [item["values"] for item in term["matchExpressions"] if item["key"] == "kubernetes.io/hostname"]


def test_a_job_fills_each_node_and_replicas_run_on_no_other():
    objects = manifests(lab_config({"m": {"cache": NODES}}))
    jobs = [item for item in objects.values() if item["kind"] == "Job"]
    assert sorted(hosts(job["spec"]["template"]) for job in jobs) == [[["gpu-1"]], [["gpu-2"]]]
    assert hosts(objects["Deployment/m"]["spec"]["template"]) == [["gpu-1", "gpu-2"]]
    # The accelerator's own rule stands beside it.
    assert "nvidia.com/gpu.product" in str(objects["Deployment/m"]["spec"]["template"]["spec"]["affinity"])


def test_a_nodes_directory_is_reached_by_a_claim_because_host_paths_are_forbidden():
    objects = manifests(lab_config({"m": {"cache": NODES}}))
    volume, claim = objects["PersistentVolume/llm-m-cache"], objects["PersistentVolumeClaim/m-cache"]
    assert volume["spec"]["local"] == {"path": "/mnt/models"}
    assert (volume["spec"]["claimRef"]["namespace"], volume["spec"]["claimRef"]["name"]) == ("llm", "m-cache")
    assert volume["spec"]["accessModes"] == claim["spec"]["accessModes"]
    assert volume["spec"]["storageClassName"] == claim["spec"]["storageClassName"] == ""
    assert "hostPath" not in str(objects)


def test_another_list_of_nodes_replaces_neither_volume_nor_claim():
    one = manifests(lab_config({"m": {"cache": NODES}}))
    other = manifests(lab_config({"m": {"cache": {**NODES, "nodes": ["gpu-3"]}}}))
    for key in ("PersistentVolume/llm-m-cache", "PersistentVolumeClaim/m-cache"):
        assert one[key] == other[key]


def from_source(**source):
    model = {"cache": {"mode": "none"}, "source": source}
    return manifests(lab_config({"m": model}, huggingface={"hubReadSecret": {"name": "hf-secret", "key": "token"}}))


def test_a_bucket_is_streamed_by_the_engine_with_the_variables_of_a_secret():
    objects = from_source(url="s3://models/qwen", secret="bucket")
    arguments = engine(objects)["args"]
    assert (arguments[0], "--load-format=runai_streamer" in arguments) == ("s3://models/qwen", True)
    assert not any(argument.startswith("--revision") for argument in arguments)
    assert {"secretRef": {"name": "bucket"}} in engine(objects)["envFrom"]
    assert "env" not in engine(objects)
    assert not any(key.startswith("Job/") for key in objects)


def test_an_image_of_weights_is_a_volume_that_the_node_pulls():
    reference = "registry.example.com/models/qwen@sha256:" + "0" * 64
    objects = from_source(url=f"oci://{reference}", secret="pull")
    pod = objects["Deployment/m"]["spec"]["template"]["spec"]
    assert {"name": "weights", "image": {"reference": reference, "pullPolicy": "IfNotPresent"}} in pod["volumes"]
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert engine(objects)["args"][0] == "/weights"
    assert {"name": "weights", "mountPath": "/weights", "readOnly": True} in engine(objects)["volumeMounts"]
    assert environment(objects)["HF_HUB_OFFLINE"] == "1"
