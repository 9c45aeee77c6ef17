"""What a replica writes to: the weights, its home, temporary files, shared memory."""

from typing import Any

from blueprint.workload import Workload
from components.pod.keys import key_volumes
from components.weights.scripts import scripts_volume


def volumes(workload: Workload) -> Any:
    """Cache, home, temporary files and shared memory, each bounded."""
    storage = workload.storage.value
    return [
        # A StatefulSet's claim templates bring the volumes of replicas' own claims.
        *([] if storage.kind == "claimPerReplica" else [{"name": "cache", **cache_source(workload)}]),
        *([{"name": "weights", "image": weights_image(storage.image)}] if storage.image else []),
        *([scripts_volume(workload)] if workload.weights.value.in_pod else []),
        # torch and triton compile into the home directory.
        {"name": "home", "emptyDir": {"sizeLimit": "20Gi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "10Gi"}},
        # The default is 64 MB, and NCCL fails with it. It counts against the memory limit.
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{workload.shm_gib.value}Gi"}},
        *key_volumes(workload),
    ]


def weights_image(reference: str) -> Any:
    """An image as a volume: the node pulls it as it pulls the container's own."""
    return {"reference": reference, "pullPolicy": "IfNotPresent"}


def cache_source(workload: Workload) -> Any:
    """Where the weights are kept."""
    storage = workload.storage.value
    if storage.kind == "emptyDir":
        return {"emptyDir": {"sizeLimit": f"{storage.size_gib}Gi"}}
    return {"persistentVolumeClaim": {"claimName": storage.claim_name}}
