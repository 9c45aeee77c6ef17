"""Weights on the nodes' own disks.

Pod Security's restricted profile forbids hostPath, and allows a claim. So a `local` PersistentVolume, of which any node
may be the node, stands for the same directory of each: what is mounted is the disk of the pod's own node. A node's
directory is made by whoever prepares the node; the kubelet gives it to the pods' group when it mounts it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from blueprint.workload import Workload

HOST_NAME = "kubernetes.io/hostname"


def on_weights_nodes(affinity: Mapping[str, Any], workload: Workload, nodes: Sequence[str] | None = None) -> Any:
    """An affinity that allows the nodes which hold the weights alone; of them, only `nodes` where given."""
    names = nodes or workload.storage.value.nodes
    if not names:
        return affinity
    own = affinity.get("nodeAffinity", {})
    required = own.get("requiredDuringSchedulingIgnoredDuringExecution", {"nodeSelectorTerms": [{}]})
    here = {"key": HOST_NAME, "operator": "In", "values": list(names)}

    def narrowed(term: Mapping[str, Any]) -> Any:
        others = [item for item in term.get("matchExpressions", []) if item["key"] != HOST_NAME]
        return {**term, "matchExpressions": [*others, here]}

    terms = [narrowed(term) for term in required["nodeSelectorTerms"]]
    narrow = {
        **own,
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
    }
    return {**affinity, "nodeAffinity": narrow}


def volume_spec(workload: Workload, namespace: Any) -> Any:
    """The volume of every node. Its fields cannot change, so the list of nodes is not among them."""
    storage = workload.storage.value
    anywhere = {"matchExpressions": [{"key": HOST_NAME, "operator": "Exists"}]}
    return {
        "capacity": {"storage": f"{storage.size_gib}Gi"},
        "accessModes": [storage.access_mode],
        "volumeMode": "Filesystem",
        # Nobody could empty the disks of all nodes; and the next volume of that path finds the weights there.
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": namespace,
            "name": storage.claim_name,
        },
        "local": {"path": storage.path},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [anywhere]}},
    }
