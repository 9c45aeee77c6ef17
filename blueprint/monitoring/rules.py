"""The rules of a model, and those of the stack."""

from collections.abc import Iterator, Sequence
from typing import Any

from blueprint.monitoring import recording
from blueprint.monitoring.alerts import engine, objectives, replicas, stack
from blueprint.monitoring.rule import Group, rules_spec
from blueprint.monitoring.subject import Subject
from blueprint.settings import Monitoring
from blueprint.workload import Workload


def model_rules(workload: Workload, *, namespace: str, monitoring: Monitoring) -> Any:
    """The spec of a model's PrometheusRule: recordings first, since alerts read them."""
    subject = Subject(workload=workload, namespace=namespace, traffic_floor=monitoring.traffic_floor)
    return rules_spec([*recording.groups(subject), *_alerts(subject)], monitoring.runbooks)


def stack_rules(
    workloads: Sequence[Workload], *, namespace: str, monitoring: Monitoring, monthly_usd: float | None
) -> Any:
    """The spec of the stack's PrometheusRule. monthly_usd: its budget, if any."""
    priced = [workload.name for workload in workloads if workload.hourly_usd is not None]
    alerts = list(stack.alerts(namespace=namespace, models=priced, monthly_usd=monthly_usd))
    group = Group(
        name=f"llm-{namespace}-stack", interval=recording.INTERVAL, rules=alerts, labels={"namespace": namespace}
    )
    return rules_spec([group], monitoring.runbooks)


def _alerts(subject: Subject) -> Iterator[Group]:
    for part, concern in (("objectives", objectives), ("engine", engine), ("replicas", replicas)):
        yield Group(
            name=f"llm-{subject.namespace}-{subject.workload.object_name}-{part}-alerts",
            interval=recording.INTERVAL,
            rules=list(concern.alerts(subject)),
            labels=subject.alert_labels,
        )
