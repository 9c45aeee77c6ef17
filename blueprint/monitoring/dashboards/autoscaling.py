"""Autoscaling: what load asks for, what the autoscaler wants, what there is."""

from collections.abc import Sequence

from blueprint.metrics import keda, kube_state
from blueprint.metrics.raw import Raw
from blueprint.monitoring.dashboards.common import PODS, SEVERAL, chosen
from blueprint.monitoring.dashboards.dashboard import Dashboard, Row
from blueprint.monitoring.dashboards.panels import Panel, Query, State, Threshold, Unit
from blueprint.monitoring.recorded import IN_FLIGHT, RUNNING, TARGETS_UP, WAITING

# KEDA calls the one that it makes keda-hpa-<name>.
_HPA = 'namespace=~"$namespace",horizontalpodautoscaler=~"(keda-hpa-)?($model)"'
# Without a namespace: the label is called exported_namespace where KEDA's monitor does not honour labels.
_KEDA = 'scaledObject=~"$model"'
_LEGEND = "{{horizontalpodautoscaler}}"
_TRIGGER = "scaledObject, triggerIndex, metric"


def _hpa(metric: Raw, labels: str = "") -> str:
    return f"max by (namespace, horizontalpodautoscaler) ({metric.name}{{{_HPA}{labels}}})"


def _lines(title: str, description: str, queries: Sequence[Query], unit: Unit = "none", width: int = 12) -> Panel:
    return Panel(kind="timeseries", title=title, description=description, queries=queries, unit=unit, width=width)


_AT_MAXIMUM = f"count({_hpa(kube_state.SCALER_DESIRED)} >= {_hpa(kube_state.SCALER_MAX)}) or vector(0)"
_NO_SIGNAL = ',condition="ScalingActive",status="false"'
_INACTIVE = f"sum({_hpa(kube_state.SCALER_CONDITION, _NO_SIGNAL)}) or vector(0)"
_PENDING = f'{kube_state.POD_PHASE.name}{{{PODS},phase="Pending"}}'
_WITHOUT_NODE = f"{kube_state.POD_UNSCHEDULABLE.name}{{{PODS}}}"


def _count(title: str, description: str, expr: str) -> Panel:
    return Panel(
        kind="stat",
        title=title,
        description=description,
        queries=(Query(expr),),
        unit="none",
        width=6,
        height=4,
        thresholds=(Threshold(1, "orange"),),
    )


_NOW = (
    _count("At their maximum", "Autoscalers that want as many replicas as they may have, or more.", _AT_MAXIMUM),
    _count("Not scaling", "Autoscalers that get no signal, so that they change nothing.", _INACTIVE),
    _count(
        "Pods pending",
        "Pods of models that no node has taken, or that still pull their image.",
        f"sum(max by (namespace, pod) ({_PENDING})) or vector(0)",
    ),
    _count(
        "Scaler errors",
        "Errors per second of KEDA's questions to Prometheus.",
        f"sum(max by ({_TRIGGER}) (rate({keda.SCALER_ERRORS.name}{{{_KEDA}}}[$__rate_interval]))) or vector(0)",
    ),
)

_REPLICAS = (
    _lines(
        "Load",
        "Requests that run and wait, which the replicas follow.",
        (
            Query(chosen(RUNNING), "{{model}} running"),
            Query(chosen(WAITING), "{{model}} waiting"),
            Query(chosen(IN_FLIGHT), "{{model}} in flight", dashed=True),
        ),
    ),
    _lines(
        "Replicas",
        "What the autoscaler wants, what it counts, and its bounds. Wanted above current for longer than a model takes "
        "to load: look for pending pods.",
        (
            Query(_hpa(kube_state.SCALER_DESIRED), f"{_LEGEND} wanted"),
            Query(_hpa(kube_state.SCALER_CURRENT), f"{_LEGEND} current"),
            Query(_hpa(kube_state.SCALER_MIN), f"{_LEGEND} least", dashed=True),
            Query(_hpa(kube_state.SCALER_MAX), f"{_LEGEND} most", dashed=True),
        ),
    ),
    _lines(
        "Load per replica",
        "Requests in flight for each replica that answers: what one replica has to do.",
        (Query(f"{chosen(IN_FLIGHT)} / ({chosen(TARGETS_UP)} > 0)", "{{model}}"),),
    ),
    _lines(
        "Pending pods",
        "Pods of models that are not on a node yet, or pull their image; and those of them that no node can take.",
        (
            Query(f"sum by (namespace) (max by (namespace, pod) ({_PENDING}))", "{{namespace}} pending"),
            Query(f"sum by (namespace) (max by (namespace, pod) ({_WITHOUT_NODE}))", "{{namespace}} without a node"),
        ),
    ),
)

_SIGNALS = (
    Panel(
        kind="state-timeline",
        title="KEDA's triggers",
        description="Whether each trigger is above its activation threshold. A model at zero wakes when one is.",
        queries=(Query(f"max by ({_TRIGGER}) ({keda.SCALER_ACTIVE.name}{{{_KEDA}}})", "{{scaledObject}} {{metric}}"),),
        unit="none",
        width=12,
        states=(State(0, "inactive", "blue"), State(1, "active", "green")),
    ),
    _lines(
        "What KEDA reads",
        "The value that each trigger got for its query. 0 may mean no answer.",
        (Query(f"max by ({_TRIGGER}) ({keda.SCALER_VALUE.name}{{{_KEDA}}})", "{{scaledObject}} {{metric}}"),),
    ),
    _lines(
        "KEDA's errors",
        "Failed questions per second, by trigger.",
        (
            Query(
                f"max by ({_TRIGGER}) (rate({keda.SCALER_ERRORS.name}{{{_KEDA}}}[$__rate_interval]))",
                "{{scaledObject}} {{metric}}",
            ),
        ),
        "ops",
    ),
    _lines(
        "How long KEDA waits",
        "Seconds for the answer to each trigger's query.",
        (Query(f"max by ({_TRIGGER}) ({keda.SCALER_LATENCY.name}{{{_KEDA}}})", "{{scaledObject}} {{metric}}"),),
        "s",
    ),
)

AUTOSCALING = Dashboard(
    uid="llm-autoscaling",
    title="LLM / Autoscaling",
    description="Load against replicas wanted, current and allowed; what the scalers read; pods that wait.",
    variables=SEVERAL,
    rows=(Row("Now", _NOW), Row("Load and replicas", _REPLICAS), Row("Signals", _SIGNALS)),
)
