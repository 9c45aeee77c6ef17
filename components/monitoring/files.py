"""For a Prometheus that no operator looks after: its scrape jobs and rules as files."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from blueprint.monitoring import gpu_exporter, probes
from blueprint.monitoring.exporter import Exporter
from blueprint.monitoring.probes import Probing
from blueprint.monitoring.rules import model_rules, stack_rules
from blueprint.monitoring.scrape import exporter_job, scrape_configs
from blueprint.settings import Monitoring
from blueprint.workload import Workload
from components.labels import PROJECT, labels
from components.monitoring.written import written

SCRAPE_FILE = "scrape.yaml"
"""Its key, for scrape_config_files (Prometheus 2.43 and later; before, its content goes into the configuration)."""


def register_files(
    name: str,
    *,
    monitoring: Monitoring,
    namespace: Input[str],
    workloads: Sequence[Workload],
    probing: Probing | None,
    monthly_usd: float | None,
    exporter: Exporter | None,
    parent: Resource,
) -> None:
    """A ConfigMap per model and one for the stack, beside the Prometheus that mounts them.

    One of them cannot hold forty models: the API server takes 1 MiB.
    """

    def files(part: str, own: Mapping[str, str], make: Any) -> None:
        k8s.core.v1.ConfigMap(
            f"{name}-{part}",
            metadata={
                "name": Output.concat("llm-", namespace, "-", part),
                "namespace": monitoring.namespace,
                "labels": {**own, **monitoring.labels},
            },
            data=Output.from_input(namespace).apply(make),
            opts=ResourceOptions(parent=parent),
        )

    def of_stack(models: str) -> Any:
        spec = stack_rules(
            workloads, namespace=models, monitoring=monitoring, monthly_usd=monthly_usd, exporter=exporter
        )
        return {
            **exporter_file(exporter, models),
            **stack_jobs(monitoring, probing, models),
            **rule_file(monitoring, "stack", spec),
        }

    for workload in workloads:
        part = f"model-{workload.object_name}"
        files(part, labels(workload), lambda models, one=workload: model_files(one, models, monitoring))
    if monitoring.rules or exporter is not None or probing is not None or monitoring.dcgm is not None:
        files("stack", PROJECT, of_stack)


def model_files(workload: Workload, namespace: str, monitoring: Monitoring) -> Any:
    """What Prometheus needs for one model."""
    spec = model_rules(workload, namespace=namespace, monitoring=monitoring)
    return {
        f"{workload.object_name}.{SCRAPE_FILE}": written(
            {"scrape_configs": scrape_configs([workload], namespace=namespace)}
        ),
        **rule_file(monitoring, workload.object_name, spec),
    }


def exporter_file(exporter: Exporter | None, namespace: str) -> Any:
    """How Prometheus scrapes the exporter of Inference Endpoints; nothing without one."""
    if exporter is None:
        return {}
    job = exporter_job(exporter.name, namespace=namespace)
    return {f"{exporter.name}.{SCRAPE_FILE}": written({"scrape_configs": [job]})}


def stack_jobs(monitoring: Monitoring, probing: Probing | None, namespace: str) -> Any:
    """What it scrapes beside the models, as a file; none where that is nothing."""
    jobs = [
        *probes.scrape_configs(probing, namespace=namespace),
        *gpu_exporter.scrape_configs(monitoring.dcgm, namespace=namespace),
    ]
    return {f"stack.{SCRAPE_FILE}": written({"scrape_configs": jobs})} if jobs else {}


def rule_file(monitoring: Monitoring, name: str, spec: Any) -> Any:
    """Rules as a file of Prometheus; nothing where they are switched off."""
    return {f"{name}.rules.yaml": written(spec)} if monitoring.rules else {}
