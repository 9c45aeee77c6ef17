"""Which changes an object can take, and which make it another one."""

import dataclasses
from typing import Any

from lab.engine import paths
from lab.engine.compare import compare
from lab.engine.provider import Diff, DiffKind, PropertyDiff
from lab.engine.values import PropertyMap, Secret

AUTONAMED = "pulumi.com/autonamed"
REPLACE_UNREADY = "pulumi.com/replaceUnready"

# Properties that the API server does not let change, by group and kind, as in pulumi-kubernetes 4.34 (pkg/provider/
# diff.go); * stands for one step of a path.
_ALWAYS = ("metadata.name", "metadata.namespace")
_CONTAINER = [
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
]
_POD = [
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "volumes",
]
_IMMUTABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "StatefulSet"): (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
    ("", "PersistentVolumeClaim"): (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    ("", "PersistentVolume"): ("spec.csi", "spec.hostPath", "spec.local", "spec.nfs", "spec.cephfs", "spec.iscsi"),
    ("", "Pod"): (
        *(f"spec.{name}" for name in _POD),
        *(f"spec.{part}[*].{name}" for part in ("containers", "initContainers") for name in _CONTAINER),
    ),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Secret"): ("type",),
    ("", "Service"): ("spec.clusterIP",),
}
_CONFIG_MAP_DATA = ("binaryData", "data")
_TO_REPLACE = {
    DiffKind.ADD: DiffKind.ADD_REPLACE,
    DiffKind.DELETE: DiffKind.DELETE_REPLACE,
    DiffKind.UPDATE: DiffKind.UPDATE_REPLACE,
}


def difference(old: PropertyMap, new: PropertyMap, ignored: tuple[str, ...]) -> Diff:
    """What changes between inputs, and what of it replaces the object.

    A replacement under the same name deletes first; the name would be taken otherwise.
    """
    patterns = [paths.parse(path) for path in (*_ALWAYS, *_immutable(new))]
    skipped = [paths.parse(path) for path in ignored]
    detailed: dict[str, PropertyDiff] = {}
    replaces = []
    for text, found in compare(old, new).items():
        path = paths.parse(text)
        if any(paths.matches(pattern, path) for pattern in skipped):
            continue
        kind = found.kind
        # A change above an immutable property takes that with it.
        if any(paths.matches(pattern, path) or paths.matches(path, pattern) for pattern in patterns) and (
            len(path) > 1 or path[0] != "metadata"
        ):
            kind = _TO_REPLACE.get(kind, kind)
            replaces.append(text)
        detailed[text] = PropertyDiff(kind, input_diff=True)
    same_name = _name(old) == _name(new) and not is_autonamed(new)
    return Diff(
        changes=bool(detailed),
        replaces=replaces,
        delete_before_replace=bool(replaces) and same_name,
        detailed=detailed,
        changed=sorted({str(paths.parse(text)[0]) for text in detailed}),
    )


def replaced_unready(found: Diff) -> Diff:
    """The difference of a Job that is not ready and is to be replaced then; under its name, so it goes first."""
    return dataclasses.replace(
        found,
        changes=True,
        replaces=[*found.replaces, f'metadata.annotations["{REPLACE_UNREADY}"]'],
        delete_before_replace=True,
    )


def _immutable(obj: PropertyMap) -> tuple[str, ...]:
    api_version, kind = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
    group = api_version.split("/", maxsplit=1)[0] if "/" in api_version else ""
    if (group, kind) == ("", "ConfigMap"):
        return _CONFIG_MAP_DATA
    if (group, kind) == ("", "Secret") and obj.get("immutable") is True:
        return ("type", "data", "stringData")
    return _IMMUTABLE.get((group, kind), ())


def _name(obj: PropertyMap) -> tuple[Any, Any]:
    metadata = obj.get("metadata", {})
    metadata = metadata.value if isinstance(metadata, Secret) else metadata
    return metadata.get("name"), metadata.get("namespace") or "default"


def is_autonamed(obj: PropertyMap) -> bool:
    """Whether the provider made the object's name up."""
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return isinstance(annotations, dict) and annotations.get(AUTONAMED) == "true"
