"""Reads a cluster's facts. Its only verb is GET: it cannot write, not even in a dry run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from blueprint.stack import Stack
from blueprint.workload import Workload
from ops.cluster import quantity
from ops.cluster.connection import Connection
from ops.cluster.reading import Reader, Unread
from ops.preflight import doors
from ops.preflight.facts import Claim, Facts, Namespace, Node, Quota, StorageClass
from ops.preflight.storage import own_prometheus

POD_MONITORS = "podmonitors.monitoring.coreos.com"
PROMETHEUS_RULES = "prometheusrules.monitoring.coreos.com"
PROBES = "probes.monitoring.coreos.com"
ALERTMANAGER_CONFIGS = "alertmanagerconfigs.monitoring.coreos.com"
LEADER_WORKER_SETS = "leaderworkersets.leaderworkerset.x-k8s.io"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_OPERATOR = "prometheus-operator"


def gather(connection: Connection, version: str | None, stack: Stack) -> Facts:
    """Read what the stack's checks need. A fact that cannot be read says why, and never stops the others."""
    read = Reader(connection.http)
    cluster = stack.cluster
    if cluster is None:
        raise ValueError("a stack without cluster has nothing to be gathered")
    namespace = cluster.namespace.name
    inside = f"/api/v1/namespaces/{namespace}"
    operator = stack.monitoring is not None and stack.monitoring.mode == "operator"
    routed = operator and stack.monitoring is not None and stack.monitoring.routes is not None
    secret = stack.hub_read_secret
    return Facts(
        version=version if version is not None else Unread("needs the right to get /version"),
        nodes=read.all("/api/v1/nodes", "list nodes", _node),
        pod_monitors=operator and _established(read, POD_MONITORS),
        prometheus_rules=operator and _established(read, PROMETHEUS_RULES),
        probes=operator and stack.probing is not None and _established(read, PROBES),
        alertmanager_configs=routed and _established(read, ALERTMANAGER_CONFIGS, "v1alpha1"),
        leader_worker_sets=any(workload.kind == "LeaderWorkerSet" for workload in stack.workloads)
        and _established(read, LEADER_WORKER_SETS),
        operators=_operators(read) if operator else {},
        storage_classes=read.all(
            "/apis/storage.k8s.io/v1/storageclasses", "list storageclasses.storage.k8s.io", _storage_class
        )
        if own_prometheus(stack) is not None
        or any(workload.storage.value.kind in ("claim", "claimPerReplica") for workload in stack.workloads)
        else (),
        claims={
            name: read.one(
                f"{inside}/persistentvolumeclaims/{name}", f"get persistentvolumeclaims in {namespace}", _claim
            )
            for name in _existing_claims(stack.workloads)
        },
        secret_keys=read.one(
            f"{inside}/secrets/{secret.name}", f"get secrets/{secret.name} in {namespace}", doors.secret_keys
        )
        if secret
        else None,
        namespace=read.one(inside, f"get namespaces/{namespace}", _namespace),
        runtime_class=read.one(
            f"/apis/node.k8s.io/v1/runtimeclasses/{cluster.runtime_class}",
            f"get runtimeclasses.node.k8s.io/{cluster.runtime_class}",
            lambda _: True,
        )
        or False
        if cluster.runtime_class
        else False,
        quotas=read.all(f"{inside}/resourcequotas", f"list resourcequotas in {namespace}", _quota)
        if not cluster.namespace.create
        else (),
        doors=doors.gather(read.one, cluster, stack),
    )


def _established(read: Reader, name: str, version: str = "v1") -> bool | Unread:
    def served(found: Any) -> bool:
        return doors.established(found, version)

    found = read.one(doors.definition(name), f"get customresourcedefinitions/{name}", served)
    return found if found is not None else False


def _existing_claims(workloads: Sequence[Workload]) -> Iterator[str]:
    for workload in workloads:
        storage = workload.storage.value
        if storage.kind == "existingClaim" and storage.claim_name:
            yield storage.claim_name


def _amounts(amounts: Mapping[str, Any] | None) -> dict[str, quantity.Quantity]:
    return {name: quantity.parse(amount) for name, amount in (amounts or {}).items()}


def _node(node: Any) -> Node:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    conditions = {item["type"]: item["status"] for item in status.get("conditions") or []}
    return Node(
        name=node["metadata"]["name"],
        labels=node["metadata"].get("labels") or {},
        allocatable=_amounts(status.get("allocatable")),
        taints=[(item["key"], item.get("value", ""), item["effect"]) for item in spec.get("taints") or []],
        cordoned=bool(spec.get("unschedulable")),
        ready=conditions.get("Ready") == "True",
    )


def _operators(read: Reader) -> Mapping[str, bool] | Unread:
    found = read.all("/apis/apps/v1/deployments", "list deployments.apps in all namespaces", _operator)
    return found if isinstance(found, Unread) else {name: available for name, available in found if name}


def _operator(deployment: Any) -> tuple[str, bool]:
    """A Deployment's name when it runs the Prometheus operator, or an empty one, and whether it is available."""
    metadata = deployment["metadata"]
    containers = deployment["spec"]["template"]["spec"]["containers"]
    images = {item["image"].partition("@")[0].rpartition("/")[2].partition(":")[0] for item in containers}
    name = (metadata.get("labels") or {}).get("app.kubernetes.io/name", "")
    runs_it = _OPERATOR in images or name.endswith(_OPERATOR)
    available = bool((deployment.get("status") or {}).get("availableReplicas"))
    return (f"{metadata['namespace']}/{metadata['name']}" if runs_it else "", available)


def _storage_class(item: Any) -> StorageClass:
    metadata = item["metadata"]
    return StorageClass(
        name=metadata["name"],
        provisioner=item["provisioner"],
        default=(metadata.get("annotations") or {}).get(_DEFAULT_CLASS) == "true",
    )


def _claim(claim: Any) -> Claim:
    return Claim(access_modes=claim["spec"]["accessModes"], phase=(claim.get("status") or {}).get("phase", "Pending"))


def _namespace(namespace: Any) -> Namespace:
    return Namespace(
        labels=namespace["metadata"].get("labels") or {},
        terminating=(namespace.get("status") or {}).get("phase") == "Terminating",
    )


def _quota(quota: Any) -> Quota:
    spec = quota.get("spec") or {}
    selected = (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    return Quota(
        name=quota["metadata"]["name"],
        hard=_amounts(spec.get("hard")),
        used=_amounts((quota.get("status") or {}).get("used")),
        scopes=[*(spec.get("scopes") or []), *(item["scopeName"] for item in selected)],
    )
