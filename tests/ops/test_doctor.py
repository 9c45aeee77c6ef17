"""What `llm doctor` says about a cluster, from plain facts: no cluster is needed."""

import dataclasses
from decimal import Decimal

import pytest

from blueprint.accelerators import ACCELERATORS
from blueprint.locks import ImagesLock, ModelsLock
from blueprint.stack import resolve_stack
from ops import doctor
from ops.cluster import quantity
from ops.cluster.reading import Unread
from ops.preflight.facts import Claim, Facts, Namespace, Node, Quota, StorageClass
from ops.preflight.storage import access_modes
from tests.components.test_installed import installing
from tests.support import PROJECT, lab_config

GIB = 1024**3


def amounts(**given):
    return {name: quantity.parse(amount) for name, amount in given.items()}


def node(name="n1", *, gpus=4, label="NVIDIA-L4", cuda="13", **fields):
    labels = {"nvidia.com/gpu.product": label}
    if cuda:
        labels["nvidia.com/cuda.runtime-version.major"] = cuda
    capacity = {"nvidia.com/gpu": Decimal(gpus), **amounts(cpu="64", memory="512Gi")}
    return Node(**{"name": name, "labels": labels, "allocatable": capacity, **fields})


GOOD = Facts(
    version="v1.34.1",
    nodes=[node("n1"), node("n2")],
    pod_monitors=True,
    prometheus_rules=True,
    operators={"monitoring/operator": True},
    storage_classes=[StorageClass(name="rwx", provisioner="lab.llm-inference/rwx", default=True)],
    namespace=None,
)


def findings(config=None, **facts):
    stack = resolve_stack("dev", config or lab_config(), ModelsLock(), ImagesLock())
    return {
        finding.check: finding for finding in doctor.judge(stack, stack.cluster, dataclasses.replace(GOOD, **facts))
    }


def shared(**namespace):
    return lab_config(cluster={"namespace": {"create": False, **namespace}})


def test_good_cluster_is_ok_in_everything():
    found = findings(lab_config(monitoring={"mode": "operator"}))

    assert {finding.status for finding in found.values()} == {"ok"}
    assert found["gpus nvidia-l4"].message == "8 nvidia.com/gpu on 2 nodes / 8 declared"
    assert found["gpus nvidia-l4"].line() == "ok    gpus nvidia-l4: 8 nvidia.com/gpu on 2 nodes / 8 declared"


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([node()], "4 nvidia.com/gpu on 1 node / 8 declared. Add nodes, or lower available."),
        ([node(), node("n2", cordoned=True)], "4 nvidia.com/gpu on 1 node / 8 declared. Cordoned or not ready: n2"),
        ([node(), node("n2", ready=False)], "Cordoned or not ready: n2"),
        ([node(gpus=0)], "The nodes have the label but offer no nvidia.com/gpu: install NVIDIA's device plugin"),
        ([node(taints=[("team", "x", "NoSchedule")])], "Taints keep our pods out, see below"),
        ([node(label="NVIDIA-A10G")], "No node has nvidia.com/gpu.product: NVIDIA-L4. There is NVIDIA-A10G."),
        (
            [node(labels={"cloud.google.com/gke-accelerator": "nvidia-l4"})],
            "There is cloud.google.com/gke-accelerator: nvidia-l4. Set cluster.nodeLabels: gke.",
        ),
        ([node(labels={})], "n1 offer nvidia.com/gpu unlabelled. Install GPU feature discovery."),
        ([], "No node offers nvidia.com/gpu. Add GPU nodes"),
    ],
)
def test_fewer_gpus_than_declared_fail_and_say_why(nodes, said):
    finding = findings(nodes=nodes)["gpus nvidia-l4"]

    assert finding.status == "FAIL"
    assert said in finding.message


def test_missing_nodes_are_a_warning_where_nodes_are_made_on_demand():
    finding = findings(lab_config(cluster={"nodeLabels": "karpenter"}), nodes=[])["gpus nvidia-l4"]

    assert finding.status == "warn"
    assert "made on demand" in finding.message


def test_gpus_are_counted_by_type_although_all_types_are_one_resource():
    config = lab_config(cluster={"accelerators": {"nvidia-h100": {"available": 4}, "nvidia-l4": {"available": 4}}})
    found = findings(config, nodes=[node(gpus=8), node("h", gpus=2, label="NVIDIA-H100-PCIe")])

    assert found["gpus nvidia-l4"].status == "ok"
    assert found["gpus nvidia-h100"].message.startswith("2 nvidia.com/gpu on 1 node / 4 declared")


def test_replica_that_no_single_node_can_hold_fails_although_the_sum_suffices():
    config = lab_config({"m": {"accelerator": {"count": 8}}})

    finding = findings(config)["replica m"]

    assert finding.status == "FAIL"
    assert "no nvidia-l4 node is large enough; n1 has 4 nvidia.com/gpu" in finding.message
    assert "models.m.accelerator.count" in finding.message


def test_replica_must_fit_with_processors_and_memory_too():
    small = node(allocatable=amounts(**{"nvidia.com/gpu": "8", "cpu": "1500m", "memory": "16Gi"}))

    finding = findings(nodes=[small])["replica m"]

    assert finding.status == "FAIL"
    assert "1.5 cpu, 16Gi memory" in finding.message


TWO_NODES = {"m": {"accelerator": {"count": 4}, "parallel": {"nodes": 2}}}


def test_replica_on_two_nodes_needs_two_that_can_hold_a_pod_of_it():
    two = findings(lab_config(TWO_NODES))["replica m"]
    one = findings(lab_config(TWO_NODES), nodes=[node(gpus=8)])["replica m"]

    assert (two.status, one.status) == ("ok", "FAIL")
    assert "fits on 1 node / on each of 2 nodes: 4 nvidia.com/gpu" in one.message
    assert "models.m.parallel.nodes" in one.message


def test_replica_on_two_nodes_needs_leader_worker_sets():
    missing = findings(lab_config(TWO_NODES))["leaderworkersets"]
    there = findings(lab_config(TWO_NODES), leader_worker_sets=True)["leaderworkersets"]
    unread = findings(lab_config(TWO_NODES), leader_worker_sets=Unread("no right"))["leaderworkersets"]

    assert (missing.status, there.status, unread.status) == ("FAIL", "ok", "warn")
    assert "m on several nodes. Install LeaderWorkerSet" in missing.message
    assert "leaderworkersets" not in findings(), "a stack without groups needs none"


def test_quota_holds_the_pods_of_all_nodes():
    config = lab_config(TWO_NODES, cluster={"namespace": {"create": False}})
    quota = Quota(name="team", hard=amounts(**{"pods": "1", "count/leaderworkersets.leaderworkerset.x-k8s.io": "0"}))

    finding = findings(config, namespace=Namespace(), quotas=[quota])["quota team"]

    assert finding.status == "FAIL"


def test_taint_that_pods_tolerate_is_no_matter():
    found = findings(nodes=[node(gpus=8, taints=[("nvidia.com/gpu", "present", "NoSchedule")])])

    assert found["taints nvidia-l4"].status == found["gpus nvidia-l4"].status == "ok"


@pytest.mark.parametrize(
    ("taint", "shown"),
    [
        (("team", "x", "NoSchedule"), "team=x:NoSchedule"),
        (("nvidia.com/gpu", "", "NoExecute"), "nvidia.com/gpu:NoExecute"),
    ],
)
def test_taint_that_keeps_pods_out_is_named(taint, shown):
    some = findings(nodes=[node(gpus=8), node("n2", taints=[taint])])["taints nvidia-l4"]
    every = findings(nodes=[node(taints=[taint])])["taints nvidia-l4"]

    assert (some.status, every.status) == ("warn", "FAIL")
    assert f"{shown} on n2" in some.message


def test_preference_taint_keeps_nobody_out():
    found = findings(nodes=[node(gpus=8, taints=[("x", "", "PreferNoSchedule")])])

    assert found["taints nvidia-l4"].status == "ok"


@pytest.mark.parametrize(
    ("labels", "status", "said"),
    [
        ({"nvidia.com/cuda.runtime-version.major": "13"}, "ok", "CUDA 13 or newer / CUDA 13, for vLLM"),
        ({"nvidia.com/cuda.runtime.major": "14"}, "ok", "CUDA 14 or newer"),
        ({"nvidia.com/cuda.runtime-version.major": "12"}, "FAIL", "the driver is too old: n1 has 12 / CUDA 13"),
        ({}, "warn", "cannot be told: n1 without label nvidia.com/cuda.runtime-version.major"),
        ({"nvidia.com/cuda.runtime-version.major": "x"}, "warn", "cannot be told"),
    ],
)
def test_driver_must_support_the_images_cuda(labels, status, said):
    labelled = node(labels={"nvidia.com/gpu.product": "NVIDIA-L4", **labels})

    finding = findings(nodes=[labelled])["driver nvidia-l4"]

    assert finding.status == status
    assert said in finding.message


@pytest.mark.parametrize(
    ("version", "status"), [("v1.30.0-gke.1", "ok"), ("v2.0.0", "ok"), ("v1.29.9", "FAIL"), ("main", "warn")]
)
def test_server_must_know_the_pre_stop_sleep(version, status):
    assert findings(version=version)["version"].status == status


def test_monitoring_needs_the_definition_and_somebody_who_reads_it():
    config = lab_config(monitoring={"mode": "operator"})

    assert findings(config, pod_monitors=False)["podmonitors"].status == "FAIL"
    assert "remove monitoring" in findings(config, pod_monitors=False)["podmonitors"].message
    assert findings(config, operators={})["prometheus operator"].status == "warn"
    assert "a/b is not available" in findings(config, operators={"a/b": False})["prometheus operator"].message
    assert "podmonitors" not in findings(), "a stack without monitoring needs none"


def test_rules_need_their_definition_unless_there_are_none():
    config = lab_config(monitoring={"mode": "operator"})
    off = lab_config(monitoring={"mode": "operator", "rules": False})

    assert findings(config, prometheus_rules=True)["prometheusrules"].status == "ok"
    assert findings(config, prometheus_rules=False)["prometheusrules"].status == "FAIL"
    assert "use monitoring.rules: false" in findings(config, prometheus_rules=False)["prometheusrules"].message
    assert "prometheusrules" not in findings(off)


def test_probes_need_their_definition_too():
    expose = {"host": "m.example.com", "auth": "none", "allowPublic": True}
    gateway = {"name": "public", "namespace": "gateways", "listener": "https"}
    config = lab_config(
        {"m": {"expose": expose}}, cluster={"gateway": gateway}, monitoring={"mode": "operator", "probes": {}}
    )

    assert findings(config, probes=True)["probes"].status == "ok"
    missing = findings(config, probes=False)["probes"]
    assert missing.status == "FAIL"
    assert "remove monitoring.probes" in missing.message


def test_routes_need_their_definition_too():
    config = lab_config(monitoring={"mode": "operator", "routes": {"watchdog": "snitch"}})

    assert findings(config, alertmanager_configs=True)["alertmanagerconfigs"].status == "ok"
    missing = findings(config, alertmanager_configs=False)["alertmanagerconfigs"]
    assert missing.status == "FAIL"
    assert "alertmanagerconfigs.monitoring.coreos.com/v1alpha1 is not established" in missing.message
    assert "remove monitoring.routes" in missing.message


def test_an_operator_that_the_stack_installs_needs_no_definition_and_a_class_for_its_claims():
    stack = resolve_stack("dev", installing({"storageClass": "none"}), PROJECT.models_lock(), PROJECT.images_lock())
    facts = dataclasses.replace(GOOD, pod_monitors=False, operators={}, storage_classes=CLASSES)
    found = {finding.check: finding for finding in doctor.judge(stack, stack.cluster, facts)}

    assert "`up` installs it" in found["prometheus operator"].message
    assert not {"podmonitors", "prometheusrules", "alertmanagerconfigs"} & found.keys()
    assert "Set monitoring.install.storageClass to one of them" in found["storage of monitoring"].message


def test_the_stacks_own_prometheus_needs_no_definition_and_a_class_for_its_claim():
    def found(**standalone):
        config = lab_config(monitoring={"mode": "standalone", "standalone": standalone})
        return findings(config, storage_classes=CLASSES, pod_monitors=False, prometheus_rules=False, operators={})

    assert not {"podmonitors", "prometheusrules", "prometheus operator"} & found().keys()
    assert found()["storage of monitoring"].message == "class disk (ebs.csi.aws.com) / ReadWriteOnce"
    missing = found(storageClass="none")["storage of monitoring"]
    assert missing.status == "FAIL"
    assert "Set monitoring.standalone.storageClass to one of them" in missing.message


CLASSES = [
    StorageClass(name="disk", provisioner="ebs.csi.aws.com", default=True),
    StorageClass(name="files", provisioner="efs.csi.aws.com"),
    StorageClass(name="odd", provisioner="example.com/odd"),
]


@pytest.mark.parametrize(
    ("cache", "status", "said"),
    [
        ({"storageClass": "files"}, "ok", "class files (efs.csi.aws.com) / ReadWriteMany"),
        ({"storageClass": "disk"}, "FAIL", "block storage, ReadWriteOnce only / ReadWriteMany. Set models.m.cache"),
        ({}, "FAIL", "class disk (ebs.csi.aws.com) is block storage"),
        ({"accessMode": "ReadWriteOnce"}, "ok", "class disk (ebs.csi.aws.com) / ReadWriteOnce"),
        ({"storageClass": "odd"}, "warn", "its access modes cannot be told"),
        ({"storageClass": "none"}, "FAIL", "no storage class none; classes here: disk, files, odd"),
    ],
)
def test_storage_class_must_exist_and_share_as_asked(cache, status, said):
    finding = findings(lab_config({"m": {"cache": cache}}), storage_classes=CLASSES)["storage m"]

    assert finding.status == status
    assert said in finding.message


def test_default_class_must_exist_and_be_one():
    assert "no default storage class" in findings(storage_classes=CLASSES[1:])["storage m"].message
    two = [CLASSES[0], dataclasses.replace(CLASSES[1], default=True)]
    assert "several default classes: disk, files" in findings(storage_classes=two)["storage m"].message


@pytest.mark.parametrize(
    ("provisioner", "modes"),
    [
        ("lab.llm-inference/rwo", {"ReadWriteOnce"}),
        ("rook-ceph.rbd.csi.ceph.com", {"ReadWriteOnce"}),
        ("cephfs.csi.ceph.com", {"ReadWriteOnce", "ReadWriteMany"}),
        ("disk.csi.azure.com.example", None),
    ],
)
def test_access_modes_of_well_known_provisioners(provisioner, modes):
    assert access_modes(provisioner) == modes


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        (Claim(access_modes=["ReadWriteMany"]), "ok"),
        (Claim(access_modes=["ReadWriteOnce"]), "FAIL"),
        (Claim(access_modes=["ReadWriteMany"], phase="Pending"), "warn"),
        (Claim(access_modes=["ReadWriteMany"], phase="Lost"), "FAIL"),
        (None, "FAIL"),
        (Unread("needs the right to get persistentvolumeclaims in llm"), "warn"),
    ],
)
def test_existing_claim_must_be_there_with_a_suitable_mode(claim, status):
    config = shared()
    config["models"]["m"]["cache"] = {"mode": "shared", "existingClaim": "weights"}

    assert findings(config, namespace=Namespace(), claims={"weights": claim})["storage m"].status == status


OURS = {"app.kubernetes.io/part-of": "llm-inference"}


@pytest.mark.parametrize(
    ("create", "namespace", "status", "said"),
    [
        (True, None, "ok", "llm will be made"),
        (True, Namespace(labels=OURS), "ok", "llm was made by this project"),
        (True, Namespace(labels={"team": "x"}), "FAIL", "Set cluster.namespace.create: false, or use another name"),
        (True, Namespace(labels=OURS, terminating=True), "FAIL", "is being deleted"),
        (False, Namespace(), "ok", "llm exists / create: false"),
        (False, None, "FAIL", "does not exist / create: false. Make it"),
        (False, Unread("needs the right to get namespaces/llm"), "warn", "needs the right to get namespaces/llm"),
    ],
)
def test_namespace_is_made_or_taken_but_never_taken_over(create, namespace, status, said):
    finding = findings(shared(create=create), namespace=namespace)["namespace"]

    assert finding.status == status
    assert said in finding.message


@pytest.mark.parametrize(
    ("keys", "status", "said"),
    [
        (frozenset({"token"}), "ok", "Secret hf has the key token"),
        (frozenset({"TOKEN"}), "FAIL", "Secret hf has the keys TOKEN / token"),
        (frozenset(), "FAIL", "has the keys none"),
        (None, "FAIL", "Make it: kubectl --context lab -n llm create secret generic hf --from-file=token=FILE"),
        (Unread("needs the right to get secrets/hf in llm"), "warn", "needs the right to get secrets/hf in llm"),
    ],
)
def test_secret_of_the_hub_must_have_its_key(keys, status, said):
    config = {**shared(), "huggingface": {"hubReadSecret": {"name": "hf", "key": "token"}}}

    finding = findings(config, namespace=Namespace(), secret_keys=keys)["hub secret"]

    assert finding.status == status
    assert said in finding.message


def test_secret_cannot_be_there_before_the_namespace_that_up_makes():
    config = lab_config(huggingface={"hubReadSecret": {"name": "hf", "key": "token"}})

    assert findings(config, namespace=None)["hub secret"].status == "warn"


def test_runtime_class_must_exist():
    config = lab_config(cluster={"runtimeClass": "nvidia"})

    assert findings(config, runtime_class=True)["runtime class"].status == "ok"
    assert findings(config, runtime_class=False)["runtime class"].status == "FAIL"


@pytest.mark.parametrize(
    ("hard", "used", "status", "said"),
    [
        ({"requests.nvidia.com/gpu": "1"}, {}, "FAIL", "requests.nvidia.com/gpu 1, 0 of it taken / 2 for all replicas"),
        ({"requests.nvidia.com/gpu": "2"}, {}, "warn", "4 while rolling out"),
        ({"requests.nvidia.com/gpu": "8"}, {"requests.nvidia.com/gpu": "7"}, "warn", "this stack's own pods"),
        ({"requests.nvidia.com/gpu": "8"}, {}, "ok", "1 here, none too small"),
        ({"cpu": "500m"}, {}, "FAIL", "cpu 0.5"),
        ({"limits.memory": "1Gi"}, {}, "FAIL", "limits.memory 1Gi"),
        ({"requests.storage": "5Gi"}, {}, "FAIL", "requests.storage 5Gi, 0 of it taken / 10Gi"),
        ({"count/pods": "1"}, {}, "FAIL", "count/pods 1"),
        ({"limits.cpu": "500"}, {}, "warn", "limits limits.cpu, which our pods do not state"),
        ({"count/widgets.example.com": "0"}, {}, "ok", "none too small"),
    ],
)
def test_quota_of_somebody_elses_namespace_must_suffice(hard, used, status, said):
    config = shared()
    config["models"]["m"]["scaling"] = {"min": 2, "max": 2}
    quota = Quota(name="team", hard=amounts(**hard), used=amounts(**used))

    found = findings(config, namespace=Namespace(), quotas=[quota])

    finding = found.get("quota team") or found["quota"]
    assert finding.status == status
    assert said in finding.message


def test_quota_for_other_pods_than_ours_does_not_count():
    quota = Quota(name="batch", hard=amounts(pods="0"), scopes=["Terminating"])

    assert findings(shared(), namespace=Namespace(), quotas=[quota])["quota"].status == "ok"


def test_what_cannot_be_read_warns_and_stops_nothing():
    unread = Unread("needs the right to look")
    names = (
        "version",
        "nodes",
        "pod_monitors",
        "prometheus_rules",
        "operators",
        "storage_classes",
        "namespace",
        "quotas",
    )
    config = {**shared(), "monitoring": {"mode": "operator"}}

    found = findings(config, **dict.fromkeys(names, unread))

    assert {finding.status for finding in found.values()} == {"warn"}
    assert all("needs the right to look" in finding.message for finding in found.values())


@pytest.mark.parametrize(
    ("text", "value"),
    [("8", 8), ("1500m", Decimal("1.5")), ("16Gi", 16 * GIB), ("1e3", 1000), ("2k", 2000), ("3M", 3_000_000)],
)
def test_quantities_are_read_as_kubernetes_writes_them(text, value):
    assert quantity.parse(text) == value


@pytest.mark.parametrize("text", ["", "many", "1Xi", "Gi", "1 Gi"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="no quantity"):
        quantity.parse(text)


def test_every_accelerator_can_be_checked_in_every_dialect():
    for name, accelerator in ACCELERATORS.items():
        for dialect in accelerator.labels:
            config = lab_config(
                {"m": {"accelerator": {"type": name}}},
                cluster={"nodeLabels": dialect, "accelerators": {name: {"available": 8}}},
            )
            assert f"gpus {name}" in findings(config, nodes=[])
