"""The cluster's dcgm-exporter: the list of fields for it, and who may find and scrape it."""

from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from blueprint.monitoring.gpu_exporter import FIELD_FILES, fields, pod_monitor_spec
from blueprint.settings import Monitoring
from blueprint.settings.probes import Dcgm
from components.labels import PROJECT


def register_gpu_exporter(
    name: str,
    *,
    prefix: str,
    monitoring: Monitoring,
    dcgm: Dcgm,
    namespace: Input[str],
    prometheus: str | None,
    parent: Resource,
    operator: Resource | None,
) -> None:
    """Objects in the exporter's namespace, and the operator's monitor.

    prefix: of objects' names, by stack. prometheus: account of the stack's own, if there is one.
    operator: what defines PodMonitors, where the stack installs it.
    """
    opts = ResourceOptions(parent=parent)
    there = {"namespace": dcgm.namespace, "labels": PROJECT}
    k8s.core.v1.ConfigMap(
        f"{name}-fields",
        metadata={**there, "name": Output.concat(prefix, "-dcgm-fields-", namespace)},
        data=dict.fromkeys(FIELD_FILES, fields()),
        opts=opts,
    )
    if monitoring.mode == "operator":
        k8s.apiextensions.CustomResource(
            f"{name}-monitor",
            api_version="monitoring.coreos.com/v1",
            kind="PodMonitor",
            metadata={"name": f"{prefix}-dcgm", "namespace": namespace, "labels": {**PROJECT, **monitoring.labels}},
            spec=pod_monitor_spec(dcgm),
            opts=ResourceOptions(parent=parent, depends_on=operator),
        )
    if prometheus is not None:
        _discovery(name, there, namespace=namespace, account=prometheus, opts=opts)


def _discovery(name: str, there: Any, *, namespace: Input[str], account: str, opts: ResourceOptions) -> None:
    """The right to look for pods where the exporter runs, which it has in the models' namespace only."""
    metadata = {**there, "name": Output.concat(account, "-", namespace)}
    k8s.rbac.v1.Role(
        f"{name}-discovery",
        metadata=metadata,
        rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
        opts=opts,
    )
    k8s.rbac.v1.RoleBinding(
        f"{name}-discovers",
        metadata=metadata,
        role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": metadata["name"]},
        subjects=[{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        opts=opts,
    )
