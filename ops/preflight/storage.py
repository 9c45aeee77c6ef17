"""Model caches: classes that exist and share as asked, claims that are there."""

from collections.abc import Iterator, Sequence

from blueprint.settings.monitoring import PrometheusSize
from blueprint.stack import Stack
from blueprint.weights import Storage
from ops.cluster.reading import Unread
from ops.preflight.facts import Claim, Facts, Finding, StorageClass, unchecked

_BLOCK = frozenset({"ReadWriteOnce"})
_FILES = frozenset({"ReadWriteOnce", "ReadWriteMany"})
_PROVISIONERS = {
    "ebs.csi.aws.com": _BLOCK,
    "kubernetes.io/aws-ebs": _BLOCK,
    "ebs.csi.eks.amazonaws.com": _BLOCK,
    "pd.csi.storage.gke.io": _BLOCK,
    "kubernetes.io/gce-pd": _BLOCK,
    "disk.csi.azure.com": _BLOCK,
    "kubernetes.io/azure-disk": _BLOCK,
    "rancher.io/local-path": _BLOCK,
    "topolvm.io": _BLOCK,
    "lab.llm-inference/rwo": _BLOCK,
    "efs.csi.aws.com": _FILES,
    "fsx.csi.aws.com": _FILES,
    "filestore.csi.storage.gke.io": _FILES,
    "file.csi.azure.com": _FILES,
    "kubernetes.io/azure-file": _FILES,
    "nfs.csi.k8s.io": _FILES,
    "smb.csi.k8s.io": _FILES,
    "csi.juicefs.com": _FILES,
    "driver.longhorn.io": _FILES,
    "lab.llm-inference/rwx": _FILES,
}
"""Access modes of well-known provisioners for file-system volumes, from their own documentation."""

_SUFFIXES = {".rbd.csi.ceph.com": _BLOCK, ".cephfs.csi.ceph.com": _FILES}
"""Rook prefixes Ceph's drivers with its own namespace."""


def check(stack: Stack, facts: Facts) -> Iterator[Finding]:
    """Per model that keeps its weights in a claim, and for the stack's own Prometheus."""
    for workload in stack.workloads:
        storage = workload.storage.value
        name = f"storage {workload.name}"
        if storage.kind in ("claim", "claimPerReplica"):
            setting = f"models.{workload.name}.cache.storageClass"
            yield _class(name, setting, storage.storage_class, storage.access_mode, facts.storage_classes)
        elif storage.kind == "existingClaim":
            yield _claim(name, workload.name, storage, facts.claims.get(storage.claim_name or ""))
    if (kept := own_prometheus(stack)) is not None:
        section, size = kept
        setting = f"monitoring.{section}.storageClass"
        yield _class("storage of monitoring", setting, size.storage_class, "ReadWriteOnce", facts.storage_classes)


def own_prometheus(stack: Stack) -> tuple[str, PrometheusSize] | None:
    """The section of the settings that has the sizes of a Prometheus which the stack brings, and those sizes."""
    if stack.monitoring is not None and stack.monitoring.install is not None:
        return "install", stack.monitoring.install
    if stack.servers is not None and stack.servers.get("prometheus") is not None:
        return "standalone", stack.servers.settings
    return None


def access_modes(provisioner: str) -> frozenset[str] | None:
    """How volumes of a provisioner can be mounted; None when that is not known here."""
    for suffix, modes in _SUFFIXES.items():
        if f".{provisioner}".endswith(suffix):
            return modes
    return _PROVISIONERS.get(provisioner)


def _class(
    check_name: str, setting: str, wanted: str | None, access_mode: str | None, classes: Sequence[StorageClass] | Unread
) -> Finding:
    if isinstance(classes, Unread):
        return unchecked(check_name, classes)
    names = ", ".join(sorted(item.name for item in classes)) or "none"
    if wanted:
        matching = [item for item in classes if item.name == wanted]
        missing = f"no storage class {wanted}"
    else:
        matching = [item for item in classes if item.default]
        missing = "no default storage class"
    if not matching:
        return Finding(check_name, "FAIL", f"{missing}; classes here: {names}. Set {setting} to one of them.")
    if len(matching) > 1:
        several = ", ".join(sorted(item.name for item in matching))
        return Finding(
            check_name, "warn", f"several default classes: {several} / one. The newest is taken; set {setting}."
        )
    chosen = matching[0]
    about = f"class {chosen.name} ({chosen.provisioner})"
    modes = access_modes(chosen.provisioner)
    if modes is None:
        return Finding(
            check_name,
            "warn",
            f"{about}: its access modes cannot be told / {access_mode}. "
            "See its documentation: a mode that it lacks leaves the claim Pending.",
        )
    if access_mode not in modes:
        return Finding(
            check_name,
            "FAIL",
            f"{about} is block storage, ReadWriteOnce only / {access_mode}. "
            f"Set {setting} to a class of shared files, or cache.accessMode: ReadWriteOnce with one replica. "
            f"Classes here: {names}.",
        )
    return Finding(check_name, "ok", f"{about} / {access_mode}")


def _claim(check_name: str, model: str, storage: Storage, claim: Claim | Unread | None) -> Finding:
    wanted = storage.access_mode
    if isinstance(claim, Unread):
        return unchecked(check_name, claim)
    if claim is None:
        return Finding(
            check_name,
            "FAIL",
            f"no claim {storage.claim_name} in the namespace / {wanted}. "
            f"Correct models.{model}.cache.existingClaim, or make the claim.",
        )
    modes = ", ".join(claim.access_modes)
    about = f"claim {storage.claim_name} has {modes} / {wanted}"
    # A volume that many nodes may write to serves a single one as well.
    if wanted not in claim.access_modes and "ReadWriteMany" not in claim.access_modes:
        return Finding(
            check_name, "FAIL", f"{about}. Use a claim with that mode, or set models.{model}.cache.accessMode."
        )
    if claim.phase == "Lost":
        return Finding(check_name, "FAIL", f"{about}, but its volume is lost. Restore it, or use another claim.")
    if claim.phase != "Bound":
        return Finding(check_name, "warn", f"{about}, but it is {claim.phase}. Right if its class binds at first use.")
    return Finding(check_name, "ok", about)
