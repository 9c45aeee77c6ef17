"""Requests from outside: the operator's Probes, and the modules for a prober that somebody else runs."""

from functools import partial
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from blueprint.monitoring.probes import CONFIG_FILE, Probing, modules, probe_spec
from blueprint.settings import Monitoring
from components.labels import PROJECT, labels
from components.monitoring.written import written


def register_probes(
    name: str,
    *,
    prefix: str,
    monitoring: Monitoring,
    probing: Probing,
    namespace: Input[str],
    parent: Resource,
    operator: Resource | None,
) -> None:
    """What there is beside a prober of the stack's own. prefix: of objects' names, by stack.

    operator: what defines Probes, where the stack installs it.
    """
    opts = ResourceOptions(parent=parent)
    if probing.settings.prober is not None:
        k8s.core.v1.ConfigMap(
            f"{name}-modules",
            metadata={"name": f"{prefix}-probes", "namespace": namespace, "labels": PROJECT},
            data=module_files(probing),
            opts=opts,
        )
    if monitoring.mode != "operator":
        return
    for probe in probing.probes:
        workload = probe.workload
        k8s.apiextensions.CustomResource(
            f"{name}-{workload.object_name}",
            api_version="monitoring.coreos.com/v1",
            kind="Probe",
            metadata={
                "name": workload.object_name,
                "namespace": namespace,
                "labels": {**labels(workload), **monitoring.labels},
            },
            spec=Output.from_input(namespace).apply(partial(probe_spec, probing, probe)),
            opts=ResourceOptions(parent=parent, depends_on=operator),
        )


def module_files(probing: Probing) -> Any:
    """The prober's configuration, as a file."""
    return {CONFIG_FILE: written(modules(probing))}
