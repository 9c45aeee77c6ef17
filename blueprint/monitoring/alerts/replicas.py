"""What goes wrong with a model's replicas: they do not come, do not stay, do not scale, or cost and do nothing."""

from collections.abc import Iterator

from blueprint.metrics import keda, kube_state
from blueprint.metrics.queries import matchers
from blueprint.metrics.raw import Raw
from blueprint.monitoring import recorded
from blueprint.monitoring.rule import Alert
from blueprint.monitoring.subject import Subject
from blueprint.scaling import Autoscaling

RESTARTS = 2
"""Restarts within half an hour that are no accident any more."""


def alerts(subject: Subject) -> Iterator[Alert]:
    """Alerts on a model's replicas."""
    workload = subject.workload
    yield _restarting(subject)
    if workload.gpu_resource is not None:
        yield _pending(subject)
        if "requests_running" in subject.metrics:
            yield _idle(subject)
    if workload.scaling.value is not None:
        yield from _scaling(subject, workload.scaling.value)


def _restarting(subject: Subject) -> Alert:
    restarts = subject.of_pods(kube_state.CONTAINER_RESTARTS)
    return Alert(
        alert="LLMPodRestarting",
        expr=f"max by (namespace, pod, container) (increase({restarts}[30m])) > {RESTARTS}",
        wait="1m",
        severity="critical",
        summary=f"{subject.workload.name}: {{{{ $labels.pod }}}} restarted {{{{ $value | humanize }}}} times in 30 "
        "minutes",
        description="Container {{ $labels.container }}. Each start loads the model again, and answers are cut off.",
        dashboard="llm-model",
        panel="Restarts",
    )


def _pending(subject: Subject) -> Alert:
    return Alert(
        alert="LLMPodPendingForGpu",
        expr=f"max by (namespace, pod) ({subject.of_pods(kube_state.POD_UNSCHEDULABLE)}) > 0",
        # A node that is added for it takes up to 10 minutes to come.
        wait="15m",
        severity="warning",
        summary=f"{subject.workload.name}: {{{{ $labels.pod }}}} finds no node for 15 minutes",
        description=f"It needs {subject.workload.gpu_count} GPUs of {' or '.join(subject.workload.accelerators)}.",
        dashboard="llm-autoscaling",
        panel="Pending pods",
    )


def _idle(subject: Subject) -> Alert:
    price, held = subject.workload.hourly_usd, recorded.GPUS if subject.workload.hourly_usd is None else recorded.COST
    what = "{{ $value }} GPUs" if price is None else "GPUs for {{ $value | printf `%.2f` }} USD an hour"
    # Where nothing is scraped nobody knows; series that are born with the first request may not be there.
    quiet = f"{subject.recorded(recorded.TARGETS_UP)} > 0 unless {subject.recorded(recorded.IN_FLIGHT)} > 0"
    if "requests_ended" in subject.metrics:
        quiet += f" unless {subject.recorded(recorded.ENDED)} > 0"
    return Alert(
        alert="LLMGpuIdle",
        expr=f"{subject.recorded(held)} > 0 and {quiet}",
        wait="1h",
        severity="info",
        summary=f"{subject.workload.name} holds {what} and has had no request for an hour",
        description="Nobody uses it now.",
        dashboard="llm-cost",
        panel="GPUs idle" if price is None else "Paid for nothing",
    )


def _scaling(subject: Subject, scaling: Autoscaling) -> Iterator[Alert]:
    workload = subject.workload
    scaler = f"keda-hpa-{workload.object_name}" if scaling.by == "keda" else workload.object_name
    of_scaler = {"namespace": subject.namespace, "horizontalpodautoscaler": scaler}

    def series(metric: Raw, **labels: str) -> str:
        return f"max by (namespace) ({metric.name}{{{matchers({**of_scaler, **labels})}}})"

    desired = series(kube_state.SCALER_DESIRED)
    yield Alert(
        alert="LLMAutoscalerAtMaximum",
        expr=f"{desired} >= {series(kube_state.SCALER_MAX)}",
        wait="15m",
        severity="warning",
        summary=f"{workload.name}: {{{{ $value }}}} replicas are wanted, and no more are allowed",
        description=f"scaling.max is {scaling.max}. More load from here on waits.",
        dashboard="llm-autoscaling",
        panel="Replicas",
    )
    yield Alert(
        alert="LLMScalerInactive",
        # Of a model that sleeps the scaler is inactive, too.
        expr=f"{series(kube_state.SCALER_CONDITION, condition='ScalingActive', status='false')} == 1 and {desired} > 0",
        wait="10m",
        severity="critical",
        summary=f"{workload.name}: its HorizontalPodAutoscaler cannot read its metrics and changes nothing",
        description=f"{scaler} has had ScalingActive false for 10 minutes. Replicas stay as many as they are.",
        dashboard="llm-autoscaling",
        panel="Not scaling",
    )
    if scaling.by == "keda":
        of_keda = matchers({"namespace": subject.namespace, "scaledObject": workload.object_name})
        errors = f"{keda.SCALER_ERRORS.name}{{{of_keda}}}"
        yield Alert(
            alert="LLMScalerFailing",
            expr=f"sum by (scaledObject) (rate({errors}[5m])) > 0",
            wait="10m",
            severity="warning",
            summary=f"{workload.name}: KEDA gets no answer for its triggers",
            description=f"{{{{ $value | humanize }}}} errors/s. After {scaling.fallback_failures} in a row it keeps at "
            f"least {scaling.fallback_replicas} replicas.",
            dashboard="llm-autoscaling",
            panel="KEDA's errors",
        )
