"""Pod Security's restricted profile, as this project's pods have it."""

from typing import Any

CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""Of a container that writes to its volumes alone."""


def pod_user(user_id: int) -> Any:
    """A pod whose processes are one user, and any but root."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user_id,
        "runAsGroup": user_id,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def pod_user_with_volumes(user_id: int) -> Any:
    """The same, whose group may write to the pod's volumes."""
    return {
        **pod_user(user_id),
        "fsGroup": user_id,
        # Changing the owner of every file of a large cache at each start takes minutes.
        "fsGroupChangePolicy": "OnRootMismatch",
    }
