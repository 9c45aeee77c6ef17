"""Metrics of the exporter of Inference Endpoints (endpoints/exporter), which takes their names from here.

Moments are Unix times, as Prometheus' naming rules want them: `time() - x` is how long ago. Since `endpoint` is also a
label that the operator gives targets, the exporter is scraped with honorLabels.
"""

from functools import partial

from blueprint.metrics.raw import Raw

STATES = ("pending", "initializing", "updating", "running", "scaledToZero", "paused", "updateFailed", "failed")
"""What huggingface_hub 2.4.0 knows (InferenceEndpointStatus). Another one that the API names has a series, too."""

WHICH = ("hf_namespace", "endpoint", "model", "stack", "owner", "vendor", "region", "instance_type", "instance_size")
"""Labels of each endpoint. model, stack: of the stack file; empty for an endpoint without the stack's tag."""

FAILURES = ("denied", "rate_limited", "unavailable", "unreadable")
"""Why a poll failed: the token; too many requests; no answer, or an error of the API's; an answer that is none."""

_of_endpoint = partial(Raw, type="gauge", labels=WHICH, unit="count")
_moment = partial(Raw, type="gauge", labels=WHICH, unit="seconds")
_of_poll = partial(Raw, type="gauge", labels=("hf_namespace",))

STATE = Raw(
    name="hf_endpoint_state",
    type="gauge",
    labels=(*WHICH, "state"),
    unit="bool",
    help="1 for the state that the endpoint is in, 0 for the others.",
)
READY = _of_endpoint(name="hf_endpoint_replicas_ready", help="Replicas that answer.")
TARGET = _of_endpoint(
    name="hf_endpoint_replicas_target", help="Replicas that the autoscaler wants; of a paused endpoint it may stay."
)
LEAST = _of_endpoint(name="hf_endpoint_replicas_min", help="Fewest replicas by its settings.")
MOST = _of_endpoint(name="hf_endpoint_replicas_max", help="Most replicas by its settings.")
BILLED = _of_endpoint(
    name="hf_endpoint_replicas_billed", help="Replicas that cost money now: none while paused or asleep."
)
REPLICA_COST = _of_endpoint(
    name="hf_endpoint_replica_usd_per_hour",
    unit="USD",
    help="Price of one replica and hour by the API's list. No series where it is not known.",
)
COST = _of_endpoint(
    name="hf_endpoint_usd_per_hour",
    unit="USD",
    help="What the endpoint costs per hour now: billed replicas times their price. No series where that is not known.",
)
STATE_SINCE = _moment(
    name="hf_endpoint_state_since_timestamp_seconds",
    help="When the exporter first saw the endpoint in its state. The API does not tell; after a restart it is later.",
)
UPDATED = _moment(name="hf_endpoint_updated_timestamp_seconds", help="When its settings were changed last.")
LAST_USED = _moment(
    name="hf_endpoint_last_used_timestamp_seconds",
    help="When it was asked last. No series where the API does not tell, as for one that was never asked.",
)

POLL_SUCCESS = _of_poll(
    name="hf_endpoints_poll_success", unit="bool", help="1 when the last poll of the control plane succeeded."
)
LAST_POLL = _of_poll(
    name="hf_endpoints_last_poll_timestamp_seconds", unit="seconds", help="When the last poll ended, however."
)
LAST_SUCCESS = _of_poll(
    name="hf_endpoints_last_success_timestamp_seconds", unit="seconds", help="When the last poll ended that succeeded."
)
KEPT = _of_poll(
    name="hf_endpoints_values_kept",
    unit="bool",
    help="1 while endpoints are shown as an earlier poll saw them, because the last one failed.",
)
POLL_FAILURES = Raw(
    name="hf_endpoints_poll_failures_total",
    type="counter",
    labels=("hf_namespace", "reason"),
    unit="count",
    help="Polls that failed, by reason: denied, rate_limited, unavailable, unreadable.",
)

METRICS = (
    *(STATE, READY, TARGET, LEAST, MOST, BILLED, REPLICA_COST, COST, STATE_SINCE, UPDATED, LAST_USED),
    *(POLL_SUCCESS, LAST_POLL, LAST_SUCCESS, KEPT, POLL_FAILURES),
)
