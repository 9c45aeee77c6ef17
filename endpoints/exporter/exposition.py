"""What is known, as Prometheus reads it."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from blueprint.metrics import endpoints as metrics
from blueprint.metrics.raw import Raw
from endpoints.exporter.observation import Observation
from endpoints.exporter.polling import Poller, Status

_Add = Callable[[Raw, Mapping[str, str], float | None], None]


class Exposition(Collector):
    """All series of one namespace, made anew for each scrape."""

    def __init__(self, poller: Poller):
        self._poller = poller

    def collect(self) -> Iterator[Metric]:
        """The families; of what is not known none has a series."""
        status, namespace = self._poller.status(), self._poller.client.namespace
        families = {raw.name: _family(raw) for raw in metrics.METRICS}

        def add(raw: Raw, labels: Mapping[str, str], value: float | None) -> None:
            if value is not None:
                given = {"hf_namespace": namespace, **labels}
                families[raw.name].add_metric([given[label] for label in raw.labels], value)

        _poll(add, status)
        for one in status.endpoints:
            _endpoint(add, one, status.since[one.name])
        yield from families.values()


def _family(raw: Raw) -> GaugeMetricFamily | CounterMetricFamily:
    kind = CounterMetricFamily if raw.type == "counter" else GaugeMetricFamily
    return kind(raw.name, raw.help, labels=raw.labels)


def _poll(add: _Add, status: Status) -> None:
    add(metrics.POLL_SUCCESS, {}, status.success)
    add(metrics.LAST_POLL, {}, status.polled)
    add(metrics.LAST_SUCCESS, {}, status.succeeded)
    add(metrics.KEPT, {}, status.kept)
    for reason, count in status.failures.items():
        add(metrics.POLL_FAILURES, {"reason": reason}, count)


def _endpoint(add: _Add, one: Observation, since: float) -> None:
    for state in dict.fromkeys((*metrics.STATES, one.state)):
        add(metrics.STATE, {**one.labels, "state": state}, state == one.state)
    for raw, value in (
        (metrics.READY, one.ready),
        (metrics.TARGET, one.target),
        (metrics.LEAST, one.least),
        (metrics.MOST, one.most),
        (metrics.BILLED, one.billed),
        (metrics.REPLICA_COST, one.replica_usd),
        (metrics.COST, one.usd),
        (metrics.STATE_SINCE, since),
        (metrics.UPDATED, one.updated),
        (metrics.LAST_USED, one.used),
    ):
        add(raw, one.labels, value)
