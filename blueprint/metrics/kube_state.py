"""Metrics of kube-state-metrics, read in its docs/metrics at v2.20.0. They need honorLabels, as DCGM's do."""

from functools import partial

from blueprint.metrics.raw import Raw

GPU_RESOURCE = "nvidia_com_gpu"
"""The value of the label resource for nvidia.com/gpu."""

_POD = ("namespace", "pod", "uid")
_gauge = partial(Raw, type="gauge", unit="count")
_of_deployment = partial(_gauge, labels=("namespace", "deployment"))
_of_stateful_set = partial(_gauge, labels=("namespace", "statefulset"))
_of_scaler = partial(_gauge, labels=("namespace", "horizontalpodautoscaler"))

POD_RESOURCE_REQUESTS = _gauge(
    name="kube_pod_container_resource_requests",
    labels=(*_POD, "container", "node", "resource", "unit"),
    help="Also of pods that have ended: join it with the phase.",
)
POD_PHASE = _gauge(name="kube_pod_status_phase", labels=(*_POD, "phase"), unit="bool", help="One series per phase.")
POD_READY = _gauge(name="kube_pod_status_ready", labels=(*_POD, "condition"), unit="bool")
POD_UNSCHEDULABLE = _gauge(
    name="kube_pod_status_unschedulable", labels=_POD, unit="bool", help="No series of pods that were scheduled."
)
CONTAINER_RESTARTS = Raw(
    name="kube_pod_container_status_restarts_total", type="counter", labels=(*_POD, "container"), unit="count"
)
CONTAINER_WAITING_REASON = _gauge(
    name="kube_pod_container_status_waiting_reason",
    labels=(*_POD, "container", "reason"),
    unit="bool",
    help="CrashLoopBackOff, ImagePullBackOff, ...; a series only while it waits.",
)
CONTAINER_LAST_TERMINATED_REASON = _gauge(
    name="kube_pod_container_status_last_terminated_reason",
    labels=(*_POD, "container", "reason"),
    unit="bool",
    help="OOMKilled, Error, ...",
)

DEPLOYMENT_WANTED = _of_deployment(name="kube_deployment_spec_replicas")
DEPLOYMENT_REPLICAS = _of_deployment(name="kube_deployment_status_replicas")
DEPLOYMENT_READY = _of_deployment(name="kube_deployment_status_replicas_ready")
DEPLOYMENT_AVAILABLE = _of_deployment(name="kube_deployment_status_replicas_available")
DEPLOYMENT_UNAVAILABLE = _of_deployment(name="kube_deployment_status_replicas_unavailable")
DEPLOYMENT_UPDATED = _of_deployment(name="kube_deployment_status_replicas_updated")

STATEFUL_SET_WANTED = _of_stateful_set(name="kube_statefulset_replicas")
STATEFUL_SET_READY = _of_stateful_set(name="kube_statefulset_status_replicas_ready")

SCALER_INFO = _of_scaler(
    name="kube_horizontalpodautoscaler_info",
    labels=(
        *("namespace", "horizontalpodautoscaler"),
        *("scaletargetref_api_version", "scaletargetref_kind", "scaletargetref_name"),
    ),
    unit="bool",
    help="Always 1: it names what a scaler scales.",
)
SCALER_MIN = _of_scaler(name="kube_horizontalpodautoscaler_spec_min_replicas")
SCALER_MAX = _of_scaler(name="kube_horizontalpodautoscaler_spec_max_replicas")
SCALER_CURRENT = _of_scaler(name="kube_horizontalpodautoscaler_status_current_replicas")
SCALER_DESIRED = _of_scaler(name="kube_horizontalpodautoscaler_status_desired_replicas")
SCALER_CONDITION = _of_scaler(
    name="kube_horizontalpodautoscaler_status_condition",
    labels=("namespace", "horizontalpodautoscaler", "condition", "status"),
    unit="bool",
    help="AbleToScale, ScalingActive, ScalingLimited; one series per status.",
)

METRICS = (
    *(POD_RESOURCE_REQUESTS, POD_PHASE, POD_READY, POD_UNSCHEDULABLE),
    *(CONTAINER_RESTARTS, CONTAINER_WAITING_REASON, CONTAINER_LAST_TERMINATED_REASON),
    *(DEPLOYMENT_WANTED, DEPLOYMENT_REPLICAS, DEPLOYMENT_READY, DEPLOYMENT_AVAILABLE),
    *(DEPLOYMENT_UNAVAILABLE, DEPLOYMENT_UPDATED, STATEFUL_SET_WANTED, STATEFUL_SET_READY),
    *(SCALER_INFO, SCALER_MIN, SCALER_MAX, SCALER_CURRENT, SCALER_DESIRED, SCALER_CONDITION),
)
