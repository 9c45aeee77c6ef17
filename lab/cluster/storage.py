"""The lab's storage classes: what they are called and which access modes they offer."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StorageKind:
    """One storage class.

    access_modes: what its volumes can do; a claim that asks for another stays Pending.
    waits: whether a volume is made only when a pod that uses it has a node.
    """

    name: str
    provisioner: str
    access_modes: frozenset[str]
    waits: bool
    default: bool


KINDS = (
    StorageKind(
        name="lab-rwx",
        provisioner="lab.llm-inference/rwx",
        access_modes=frozenset({"ReadWriteOnce", "ReadWriteOncePod", "ReadOnlyMany", "ReadWriteMany"}),
        waits=False,
        default=True,
    ),
    StorageKind(
        name="lab-rwo",
        provisioner="lab.llm-inference/rwo",
        access_modes=frozenset({"ReadWriteOnce", "ReadWriteOncePod"}),
        waits=True,
        default=False,
    ),
)
"""Shared file storage, and disks of one node."""


def objects() -> list[dict[str, Any]]:
    """Give the StorageClass and the CSIDriver of every kind."""
    result: list[dict[str, Any]] = []
    for kind in KINDS:
        result += [
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {
                    "name": kind.name,
                    "annotations": {"storageclass.kubernetes.io/is-default-class": str(kind.default).lower()},
                },
                "provisioner": kind.provisioner,
                "reclaimPolicy": "Delete",
                "volumeBindingMode": "WaitForFirstConsumer" if kind.waits else "Immediate",
                "allowVolumeExpansion": False,
            },
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "CSIDriver",
                "metadata": {"name": driver(kind)},
                # Nobody attaches: without this the controller manager would wait for an attacher.
                "spec": {"attachRequired": False, "podInfoOnMount": False},
            },
        ]
    return result


def driver(kind: StorageKind) -> str:
    """Name of the CSI driver in a kind's volumes (a made-up one: nothing is ever mounted)."""
    return f"{kind.name}.lab.llm-inference"


def refusal(kind: StorageKind, claim: dict[str, Any]) -> str | None:
    """Say why a claim gets no volume of this kind; None when it gets one."""
    asked = set(claim["spec"].get("accessModes", []))
    wrong = sorted(asked - kind.access_modes)
    if not wrong:
        return None
    return (
        f"failed to provision volume with StorageClass {kind.name!r}: access mode {', '.join(wrong)} is not"
        f" supported; supported are {', '.join(sorted(kind.access_modes))}"
    )


def volume(kind: StorageKind, claim: dict[str, Any]) -> dict[str, Any]:
    """Give the PersistentVolume that a claim gets."""
    metadata, spec = claim["metadata"], claim["spec"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": f"pvc-{metadata['uid']}",
            "annotations": {"pv.kubernetes.io/provisioned-by": kind.provisioner},
        },
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "csi": {"driver": driver(kind), "volumeHandle": str(metadata["uid"])},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": kind.name,
            "volumeMode": spec.get("volumeMode", "Filesystem"),
        },
    }
