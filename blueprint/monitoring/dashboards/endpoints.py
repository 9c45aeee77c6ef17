"""Inference Endpoints: in which state they are and were, how many replicas, what they cost, and who says so."""

from collections.abc import Sequence

from blueprint.metrics import endpoints
from blueprint.metrics.raw import Raw
from blueprint.monitoring.dashboards.common import now
from blueprint.monitoring.dashboards.dashboard import Dashboard, Row, Variable
from blueprint.monitoring.dashboards.panels import Color, Panel, Query, State, Threshold, Unit
from blueprint.monitoring.dashboards.table import Column, Table

_OF_POLLS = 'hf_namespace=~"$hf_namespace"'
_CHOSEN = f'{_OF_POLLS},endpoint=~"$endpoint"'
_KEYS = ("hf_namespace", "model", "endpoint")

_COLORS: dict[str, Color] = {
    "running": "green",
    "pending": "yellow",
    "initializing": "yellow",
    "updating": "yellow",
    "scaledToZero": "blue",
    "paused": "blue",
    "updateFailed": "orange",
    "failed": "red",
}
_STATES = (
    State(0, "another", "orange"),
    *(State(number, name, _COLORS[name]) for number, name in enumerate(endpoints.STATES, start=1)),
)


def _series(raw: Raw, *further: str) -> str:
    return f"{raw.name}{{{','.join((_CHOSEN, *further))}}}"


def _each(raw: Raw, by: str = "hf_namespace, endpoint") -> str:
    """One series per endpoint, however many exporters look at its namespace."""
    return f"max by ({by}) ({_series(raw)})"


def _in(state: str) -> str:
    chosen = _series(endpoints.STATE, f'state="{state}"')
    return f"({chosen} == 1)"


def _state() -> str:
    """The number of the state in which each endpoint is; 0 for one that nobody listed."""
    known = [f"{_in(state)} * {number}" for number, state in enumerate(endpoints.STATES, start=1)]
    other = f"({_series(endpoints.STATE)} == 1) * 0"
    return f"max by (hf_namespace, endpoint) ({' or '.join([*known, other])})"


def _count(state: str) -> str:
    return f"count(max by (hf_namespace, endpoint) {_in(state)}) or vector(0)"


def _since(raw: Raw, by: str = "hf_namespace, endpoint") -> str:
    return f"time() - {_each(raw, by)}"


def _lines(
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: Unit,
    *,
    stacked: bool = False,
    no_value: str = "No data",
) -> Panel:
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        queries=queries,
        unit=unit,
        stacked=stacked,
        no_value=no_value,
    )


_NOW = (
    now("Endpoints", "Endpoints that the control plane shows.", f"count({_each(endpoints.BILLED)})", "none"),
    now("Running", "Endpoints that run.", _count("running"), "none"),
    now(
        "Failed",
        "Endpoints that did not start, or whose last change did not.",
        f"({_count('failed')}) + ({_count('updateFailed')})",
        "none",
        (Threshold(1, "red"),),
    ),
    now("Replicas billed", "Replicas that cost money now.", f"sum({_each(endpoints.BILLED)})", "none"),
    now(
        "Per hour",
        "What they cost per hour now, without those whose price is not known.",
        f"sum({_each(endpoints.COST)})",
        "currencyUSD",
    ),
    now(
        "Seen",
        "How long ago the control plane was seen last, of the namespace that waits longest.",
        f"max(time() - max by (hf_namespace) ({endpoints.LAST_SUCCESS.name}{{{_OF_POLLS}}}))",
        "s",
        (Threshold(300, "yellow"), Threshold(900, "red")),
    ),
)


def _column(raw: Raw, title: str, unit: Unit = "none") -> Column:
    return Column(expr=_each(raw, ", ".join(_KEYS)), title=title, unit=unit)


_ENDPOINTS = Table(
    title="Endpoints now",
    description="One line per endpoint. model is empty for one that is not of the stack whose exporter sees it.",
    keys=_KEYS,
    columns=(
        _column(endpoints.READY, "Ready"),
        _column(endpoints.TARGET, "Wanted"),
        _column(endpoints.LEAST, "Fewest"),
        _column(endpoints.MOST, "Most"),
        _column(endpoints.BILLED, "Billed"),
        _column(endpoints.REPLICA_COST, "Replica, per hour", "currencyUSD"),
        _column(endpoints.COST, "Per hour", "currencyUSD"),
        Column(expr=_since(endpoints.STATE_SINCE, ", ".join(_KEYS)), title="In its state", unit="s"),
        Column(expr=_since(endpoints.UPDATED, ", ".join(_KEYS)), title="Changed", unit="s"),
        Column(expr=_since(endpoints.LAST_USED, ", ".join(_KEYS)), title="Asked", unit="s"),
    ),
)

_OVER_TIME = (
    Panel(
        kind="state-timeline",
        title="State",
        description="The state of each endpoint over time. A gap: the control plane was not seen.",
        queries=(Query(_state(), "{{endpoint}}"),),
        unit="none",
        width=24,
        states=_STATES,
        minimum=None,
    ),
    _lines(
        "Replicas ready and wanted",
        "Replicas that answer; dashed, those that the autoscaler wants.",
        (
            Query(_each(endpoints.READY), "{{endpoint}} ready"),
            Query(_each(endpoints.TARGET), "{{endpoint}} wanted", dashed=True),
        ),
        "none",
    ),
    _lines(
        "Per hour by endpoint",
        "US dollars per hour for the replicas that are billed, by the API's price list.",
        (Query(_each(endpoints.COST), "{{endpoint}}"),),
        "currencyUSD",
        stacked=True,
        no_value="No price is known",
    ),
    _lines(
        "Time since a change",
        "Since the endpoint entered its state, as far as the exporter saw it; dashed, since its settings changed.",
        (
            Query(_since(endpoints.STATE_SINCE), "{{endpoint}} state"),
            Query(_since(endpoints.UPDATED), "{{endpoint}} settings", dashed=True),
        ),
        "s",
    ),
)


def _poll(raw: Raw) -> str:
    return f"min by (hf_namespace) ({raw.name}{{{_OF_POLLS}}})"


_EXPORTER = (
    Panel(
        kind="state-timeline",
        title="Polls",
        description="Whether the control plane answered, and whether what is shown is of an earlier poll.",
        queries=(
            Query(_poll(endpoints.POLL_SUCCESS), "{{hf_namespace}} seen"),
            Query(f"1 - {_poll(endpoints.KEPT)}", "{{hf_namespace}} fresh"),
        ),
        unit="none",
        states=(State(0, "no", "red"), State(1, "yes", "green")),
    ),
    _lines(
        "Since a poll",
        "Since the last poll ended, and since the last one that succeeded.",
        (
            Query(
                f"time() - max by (hf_namespace) ({endpoints.LAST_POLL.name}{{{_OF_POLLS}}})", "{{hf_namespace}} any"
            ),
            Query(
                f"time() - max by (hf_namespace) ({endpoints.LAST_SUCCESS.name}{{{_OF_POLLS}}})",
                "{{hf_namespace}} good",
            ),
        ),
        "s",
    ),
    _lines(
        "Failed polls",
        "Polls per second that failed, by reason: the token, too many requests, no answer, one that cannot be read.",
        (
            Query(
                "sum by (hf_namespace, reason) "
                f"(rate({endpoints.POLL_FAILURES.name}{{{_OF_POLLS}}}[$__rate_interval]))",
                "{{hf_namespace}} {{reason}}",
            ),
        ),
        "ops",
    ),
)

_POLLS = endpoints.POLL_SUCCESS.name

ENDPOINTS = Dashboard(
    uid="llm-endpoints",
    title="LLM / Inference Endpoints",
    description="State, replicas and price of Inference Endpoints, as their control plane shows them.",
    variables=(
        Variable(name="hf_namespace", label="Organisation", several=True, of=_POLLS),
        Variable(name="endpoint", label="Endpoint", several=True, within=("hf_namespace",), of=endpoints.BILLED.name),
    ),
    rows=(
        Row("Now", _NOW),
        Row("Endpoints", (_ENDPOINTS,)),
        Row("Over time", _OVER_TIME),
        Row("Exporter", _EXPORTER),
    ),
)
