"""Metrics of KEDA's operator, read in its source at v2.21.0: pkg/metricscollector/prommetrics.go.

namespace is that of the ScaledObject, and needs honorLabels as DCGM's does. The names of older versions, such as
keda_scaler_errors and keda_scaled_object_errors, are gone.
"""

from functools import partial

from blueprint.metrics.raw import Raw

_TRIGGER = ("namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type")
_OBJECT = ("namespace", "scaledObject")

_gauge = partial(Raw, type="gauge", labels=_TRIGGER)
_counter = partial(Raw, type="counter", unit="count")

SCALER_ACTIVE = _gauge(name="keda_scaler_active", unit="bool")
SCALER_VALUE = _gauge(
    name="keda_scaler_metrics_value", unit="count", help="Of the trigger's query, in the unit of what it asks for."
)
SCALER_LATENCY = _gauge(name="keda_scaler_metrics_latency_seconds", unit="seconds", help="Of the last query.")
SCALER_ERRORS = _counter(name="keda_scaler_detail_errors_total", labels=_TRIGGER)
SCALER_EMPTY = _counter(
    name="keda_scaler_empty_upstream_responses_total",
    labels=("namespace", "scaledResource", "triggerName", "metricName", "resourceType", "ignoreNullValues"),
    help="Answers without an element; with ignoreNullValues they count as 0.",
)
OBJECT_ERRORS = _counter(name="keda_scaled_object_errors_total", labels=_OBJECT)
OBJECT_PAUSED = Raw(name="keda_scaled_object_paused", type="gauge", labels=_OBJECT, unit="bool")

METRICS = (SCALER_ACTIVE, SCALER_VALUE, SCALER_LATENCY, SCALER_ERRORS, SCALER_EMPTY, OBJECT_ERRORS, OBJECT_PAUSED)
