"""The rules of a model, and those of the stack, as the Prometheus operator takes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from blueprint.monitoring import outside, recording
from blueprint.monitoring.alerts import engine, objectives, replicas, stack
from blueprint.monitoring.exporter import Exporter
from blueprint.monitoring.links import panel_link
from blueprint.monitoring.rule import RUNBOOKS, Alert, Group, Recording
from blueprint.monitoring.subject import Subject
from blueprint.settings import Monitoring
from blueprint.workload import Workload


def model_rules(workload: Workload, *, namespace: str, monitoring: Monitoring) -> Any:
    """The spec of a model's PrometheusRule: recordings first, since alerts read them."""
    subject = Subject(
        workload=workload,
        namespace=namespace,
        traffic_floor=monitoring.traffic_floor,
        probes=monitoring.probes if workload.exposure is not None else None,
    )
    return rules_spec([*recording.groups(subject), *_alerts(subject)], monitoring)


def stack_rules(
    workloads: Sequence[Workload],
    *,
    namespace: str,
    monitoring: Monitoring,
    monthly_usd: float | None,
    exporter: Exporter | None = None,
) -> Any:
    """The spec of the stack's PrometheusRule. monthly_usd: its budget, exporter: of its endpoints, if any."""
    priced = [workload.name for workload in workloads if workload.hourly_usd is not None]
    on_gpus = [workload.name for workload in workloads if workload.gpu_resource is not None]
    alerts = list(
        stack.alerts(
            namespace=namespace,
            models=priced,
            on_gpus=on_gpus if monitoring.dcgm else (),
            monthly_usd=monthly_usd,
            exporter=exporter,
        )
    )
    group = Group(
        name=f"llm-{namespace}-stack", interval=recording.INTERVAL, rules=alerts, labels={"namespace": namespace}
    )
    return rules_spec([group], monitoring)


def rules_spec(groups: Sequence[Group], monitoring: Monitoring) -> Any:
    """The spec of a PrometheusRule, which is also the content of a rule file."""
    return {
        "groups": [
            {
                "name": group.name,
                "interval": group.interval,
                "rules": [_written(rule, group.labels, monitoring) for rule in group.rules],
            }
            for group in groups
            if group.rules
        ]
    }


def _written(rule: Recording | Alert, labels: Mapping[str, str], monitoring: Monitoring) -> Any:
    if isinstance(rule, Recording):
        return {"record": rule.record, "expr": rule.expr, **({"labels": dict(rule.labels)} if rule.labels else {})}
    whole = {"severity": rule.severity, **labels, **rule.labels}
    return {
        "alert": rule.alert,
        "expr": rule.expr,
        "for": rule.wait,
        "labels": whole,
        "annotations": {
            "summary": rule.summary,
            "description": rule.description,
            "runbook_url": f"{(monitoring.runbooks or RUNBOOKS).rstrip('/')}/{rule.alert}.md",
            "dashboard": rule.dashboard,
            "dashboard_url": panel_link(rule, whole, monitoring.grafana_address),
        },
    }


def _alerts(subject: Subject) -> Iterator[Group]:
    for part, concern in (
        ("objectives", objectives),
        ("engine", engine),
        ("replicas", replicas),
        ("outside", outside),
    ):
        yield Group(
            name=f"llm-{subject.namespace}-{subject.workload.object_name}-{part}-alerts",
            interval=recording.INTERVAL,
            rules=list(concern.alerts(subject)),
            labels=subject.alert_labels,
        )
