"""Metrics of Prometheus' blackbox exporter for a request over HTTPS.

Read in its source at v0.28.0, below prober/; tests/monitoring/test_probes.py holds them to Debian's 0.23. They have no
labels but those of the target.
"""

from functools import partial

from blueprint.metrics.raw import Raw

_gauge = partial(Raw, type="gauge", labels=("namespace", "model", "engine"))

SUCCESS = _gauge(name="probe_success", unit="bool", help="1: in time, encrypted, with a status that has to come.")
DURATION = _gauge(
    name="probe_duration_seconds", unit="seconds", help="From the look-up of the name to the whole answer."
)
STATUS = _gauge(name="probe_http_status_code", unit="code", help="0: there was no answer.")
CERTIFICATE_EXPIRY = _gauge(
    name="probe_ssl_earliest_cert_expiry",
    unit="seconds",
    help="Since 1970, of the first in the chain to end. Missing where the handshake fails, so of one that has ended.",
)

METRICS = (SUCCESS, DURATION, STATUS, CERTIFICATE_EXPIRY)
