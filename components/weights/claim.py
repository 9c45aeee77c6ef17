"""Claims for weights."""

from typing import Any

from blueprint.workload import Workload


def claim_spec(workload: Workload) -> Any:
    """A model cache's claim."""
    storage = workload.storage.value
    return {
        "accessModes": [storage.access_mode],
        "resources": {"requests": {"storage": f"{storage.size_gib}Gi"}},
        **({"storageClassName": storage.storage_class} if storage.storage_class else {}),
        # No class: the volume that names this claim, and no other.
        **({"storageClassName": ""} if storage.kind == "node" else {}),
    }
