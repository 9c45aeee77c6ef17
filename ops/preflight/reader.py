"""Reads a cluster's facts. Its only verb is GET: it cannot write, not even in a dry run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx2

from blueprint.stack import Stack
from blueprint.workload import Workload
from ops.preflight import quantity
from ops.preflight.connection import Connection
from ops.preflight.facts import Claim, Facts, Namespace, Node, Quota, StorageClass, Unread

POD_MONITORS = "podmonitors.monitoring.coreos.com"
LEADER_WORKER_SETS = "leaderworkersets.leaderworkerset.x-k8s.io"
_PAGE = 500
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_OPERATOR = "prometheus-operator"


def gather(connection: Connection, version: str | None, stack: Stack) -> Facts:
    """Read what the stack's checks need. A fact that cannot be read says why, and never stops the others."""
    read = _Reader(connection.http)
    cluster = stack.cluster
    if cluster is None:
        raise ValueError("a stack without cluster has nothing to be gathered")
    namespace = cluster.namespace.name
    inside = f"/api/v1/namespaces/{namespace}"
    operator = stack.monitoring is not None and stack.monitoring.mode == "operator"
    secret = stack.hub_read_secret
    return Facts(
        version=version if version is not None else Unread("needs the right to get /version"),
        nodes=read.all("/api/v1/nodes", "list nodes", _node),
        pod_monitors=read.one(_definition(POD_MONITORS), f"get customresourcedefinitions/{POD_MONITORS}", _established)
        or False
        if operator
        else False,
        leader_worker_sets=read.one(
            _definition(LEADER_WORKER_SETS), f"get customresourcedefinitions/{LEADER_WORKER_SETS}", _established
        )
        or False
        if any(workload.kind == "LeaderWorkerSet" for workload in stack.workloads)
        else False,
        operators=_operators(read) if operator else {},
        storage_classes=read.all(
            "/apis/storage.k8s.io/v1/storageclasses", "list storageclasses.storage.k8s.io", _storage_class
        )
        if any(workload.storage.value.kind == "claim" for workload in stack.workloads)
        else (),
        claims={
            name: read.one(
                f"{inside}/persistentvolumeclaims/{name}", f"get persistentvolumeclaims in {namespace}", _claim
            )
            for name in _existing_claims(stack.workloads)
        },
        secret_keys=read.one(
            f"{inside}/secrets/{secret.name}", f"get secrets/{secret.name} in {namespace}", _secret_keys
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
    )


def _definition(name: str) -> str:
    return f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"


def _existing_claims(workloads: Sequence[Workload]) -> Iterator[str]:
    for workload in workloads:
        storage = workload.storage.value
        if storage.kind == "existingClaim" and storage.claim_name:
            yield storage.claim_name


class _Reader:
    def __init__(self, http: httpx2.Client):
        self._http = http

    def one(self, path: str, right: str, shape: Any) -> Any:
        """One object, shaped; None when it does not exist."""
        answer = self._get(path, right, {})
        if answer is None or isinstance(answer, Unread):
            return answer
        return self._shaped(right, lambda: shape(answer))

    def all(self, path: str, right: str, shape: Any) -> Any:
        """All objects of a kind, shaped."""
        items = self._items(path, right)
        return items if isinstance(items, Unread) else self._shaped(right, lambda: [shape(item) for item in items])

    def _items(self, path: str, right: str) -> list[Any] | Unread:
        found: list[Any] = []
        parameters: dict[str, Any] = {"limit": _PAGE}
        while True:
            page = self._get(path, right, parameters)
            if page is None:
                return Unread(f"the server knows nothing at {path}")
            if isinstance(page, Unread):
                return page
            found += page.get("items") or []
            parameters["continue"] = (page.get("metadata") or {}).get("continue")
            if not parameters["continue"]:
                return found

    def _get(self, path: str, right: str, parameters: Mapping[str, Any]) -> dict[str, Any] | Unread | None:
        try:
            answer = self._http.get(path, params=parameters)
        except httpx2.HTTPError as error:
            return Unread(f"the server stopped answering ({type(error).__name__}) to: {right}")
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        if answer.status_code == httpx2.codes.FORBIDDEN:
            return Unread(f"needs the right to {right}")
        if answer.status_code != httpx2.codes.OK:
            return Unread(f"the server answered HTTP {answer.status_code} to: {right}")
        try:
            content = answer.json()
        except ValueError:
            content = None
        return content if isinstance(content, dict) else Unread(f"the server answered no JSON object to: {right}")

    def _shaped(self, right: str, shape: Any) -> Any:
        try:
            return shape()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return Unread(f"the server answered in an unknown form ({type(error).__name__}) to: {right}")


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


def _established(definition: Any) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or []
    served = {version["name"] for version in definition["spec"]["versions"] if version["served"]}
    return "v1" in served and any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def _operators(read: _Reader) -> Mapping[str, bool] | Unread:
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


def _secret_keys(secret: Any) -> frozenset[str]:
    return frozenset(key for key, value in (secret.get("data") or {}).items() if value)


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
