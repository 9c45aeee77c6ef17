"""What a cluster is found to be, as plain values, and what is said about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ops.cluster.quantity import Quantity
from ops.cluster.reading import Unread

Status = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True)
class Finding:
    """One check's result: what was found, what was wanted and, unless ok, what to do."""

    check: str
    status: Status
    message: str

    def line(self) -> str:
        """The finding for people, on one line."""
        return f"{self.status:<4}  {self.check}: {' '.join(self.message.split())}"


def unchecked(check: str, unread: Unread) -> Finding:
    """Say that a check could not be made."""
    return Finding(check, "warn", f"not checked: {unread.why}")


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine of the cluster.

    taints: (key, value, effect) of each.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    allocatable: Mapping[str, Quantity] = field(default_factory=dict)
    taints: Sequence[tuple[str, str, str]] = ()
    cordoned: bool = False
    ready: bool = True


@dataclass(frozen=True, kw_only=True)
class StorageClass:
    """A kind of volume that claims can ask for."""

    name: str
    provisioner: str
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An existing claim."""

    access_modes: Sequence[str]
    phase: str = "Bound"


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """An existing namespace."""

    labels: Mapping[str, str] = field(default_factory=dict)
    terminating: bool = False


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A ResourceQuota: limits and what is held, by the quota's own keys."""

    name: str
    hard: Mapping[str, Quantity]
    used: Mapping[str, Quantity] = field(default_factory=dict)
    scopes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A listener of an existing Gateway.

    hostname: the host, or wildcard, that it serves; empty for every host.
    namespaces: whose routes it takes: Same, All or Selector.
    """

    name: str
    protocol: str
    hostname: str = ""
    namespaces: str = "Same"


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What published models need of the cluster. What the stack does not need is not read and keeps its default.

    definitions: by name, whether a custom resource definition is established.
    listeners: of the existing Gateway; None where there is no such Gateway.
    classes: by kind and name, whether the GatewayClass, IngressClass or ClusterIssuer exists.
    secrets: by name, the keys of an existing Secret, never its values; None where there is none.
    """

    definitions: Mapping[str, bool | Unread] = field(default_factory=dict)
    listeners: Sequence[Listener] | Unread | None = ()
    classes: Mapping[tuple[str, str], bool | Unread] = field(default_factory=dict)
    secrets: Mapping[str, frozenset[str] | Unread | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that the checks look at. What the stack does not need is not read and keeps its default.

    pod_monitors, prometheus_rules, probes, alertmanager_configs: whether their definitions are established.
    leader_worker_sets: whether their definition is established.
    operators: Deployments of the Prometheus operator, and whether each is available.
    claims: the existing claims that the stack names; None where there is none.
    secret_keys: keys of the Secret with the Hub's token, never its values; None when there is no such Secret.
    """

    version: str | Unread
    nodes: Sequence[Node] | Unread = ()
    pod_monitors: bool | Unread = False
    prometheus_rules: bool | Unread = False
    probes: bool | Unread = False
    alertmanager_configs: bool | Unread = False
    leader_worker_sets: bool | Unread = False
    operators: Mapping[str, bool] | Unread = field(default_factory=dict)
    storage_classes: Sequence[StorageClass] | Unread = ()
    claims: Mapping[str, Claim | Unread | None] = field(default_factory=dict)
    secret_keys: frozenset[str] | Unread | None = None
    namespace: Namespace | Unread | None = None
    runtime_class: bool | Unread = False
    quotas: Sequence[Quota] | Unread = ()
    doors: Doors = Doors()
