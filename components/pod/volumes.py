"""What a replica writes to: the weights, its home, temporary files, shared memory."""

from typing import Any

from blueprint.workload import Workload
from components.pod.keys import key_volumes

CACHE_PATH = "/cache"


def volumes(workload: Workload) -> Any:
    """Cache, home, temporary files and shared memory, each bounded."""
    return [
        {"name": "cache", **cache_source(workload)},
        # torch and triton compile into the home directory.
        {"name": "home", "emptyDir": {"sizeLimit": "20Gi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "10Gi"}},
        # The default is 64 MB, and NCCL fails with it. It counts against the memory limit.
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{workload.shm_gib.value}Gi"}},
        *key_volumes(workload),
    ]


def cache_source(workload: Workload) -> Any:
    """Where the weights are kept."""
    storage = workload.storage.value
    if storage.kind == "emptyDir":
        return {"emptyDir": {"sizeLimit": f"{storage.size_gib}Gi"}}
    return {"persistentVolumeClaim": {"claimName": storage.claim_name}}
