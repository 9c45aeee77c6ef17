"""What goes wrong with Inference Endpoints: they fail, never get ready, are paid for nothing, or are unseen."""

from collections.abc import Iterator

from blueprint.metrics import endpoints
from blueprint.metrics.queries import matchers, selector
from blueprint.metrics.raw import Raw
from blueprint.monitoring.rule import Alert

# 30 minutes: the slowest start that was seen took 1099 s, four A100 of which there were few.
STUCK = "30m"

IDLE_SECONDS = 3600
"""As long as GPUs of the cluster may be idle before somebody is told."""

_ONE = "hf_namespace, endpoint"
_SHOWN = f"{_ONE}, model, owner"
_OURS = 'stack!=""'
_SETTLED = "running|scaledToZero|paused|updateFailed|failed"


def alerts(*, namespace: str, exporter: str, count: int) -> Iterator[Alert]:
    """Alerts on the endpoints that have the stack's tag. exporter: name of its objects. count: of declared ones.

    Series are aggregated without the pod: while one exporter replaces another there are two of each.
    """
    own = matchers(selector(namespace, exporter))

    def series(raw: Raw, by: str = _SHOWN, *further: str) -> str:
        return f"max by ({by}) ({raw.name}{{{','.join((own, _OURS, *further))}}})"

    def is_in(states: str, by: str = _ONE) -> str:
        return series(endpoints.STATE, by, f'state=~"{states}"') + " == 1"

    ready = f"on ({_SHOWN}) group_left () {series(endpoints.READY)}"
    yield Alert(
        alert="EndpointFailed",
        expr=f"({is_in('failed', f'{_SHOWN}, state')}) * {ready}",
        wait="2m",
        severity="critical",
        summary="Endpoint {{ $labels.endpoint }} is failed, with {{ $value }} replicas ready",
        description="It did not start, or ended, and Hugging Face does not try again by itself.",
        dashboard="llm-endpoints",
        panel="State",
    )
    yield Alert(
        alert="EndpointFailed",
        expr=f"({is_in('updateFailed', f'{_SHOWN}, state')}) * {ready}",
        wait="2m",
        severity="warning",
        summary="The change of endpoint {{ $labels.endpoint }} failed, with {{ $value }} replicas ready",
        description="The version before it serves.",
        dashboard="llm-endpoints",
        panel="State",
    )
    billed = series(endpoints.BILLED)
    yield Alert(
        alert="EndpointStuckWhileBilled",
        expr=f"{billed} > 0 unless on ({_ONE}) ({is_in(_SETTLED)})",
        wait=STUCK,
        severity="warning",
        summary=f"Endpoint {{{{ $labels.endpoint }}}} is not ready after {STUCK} and costs {{{{ $value }}}} replicas",
        description="It initializes or updates; that is billed by the minute.",
        dashboard="llm-endpoints",
        panel="Replicas billed",
    )
    idle = f"time() - {series(endpoints.LAST_USED)}"
    yield Alert(
        alert="EndpointIdleWhileRunning",
        # Of one that was never asked, or of which the API does not tell, nobody knows.
        expr=f"{idle} > {IDLE_SECONDS} and on ({_SHOWN}) {billed} > 0 and on ({_ONE}) ({is_in('running')})",
        wait="15m",
        severity="info",
        summary="Endpoint {{ $labels.endpoint }} runs, and was asked last {{ $value | humanizeDuration }} ago",
        description="By the API's lastUsedAt. Its replicas are billed all the same.",
        dashboard="llm-endpoints",
        panel="Endpoints now",
    )
    yield Alert(
        alert="EndpointsUnseen",
        expr=f"absent({endpoints.POLL_SUCCESS.name}{{{own}}} == 1)",
        wait="15m",
        severity="warning",
        summary=f"Nobody has seen the {count} Inference Endpoints of this stack for 15 minutes",
        description="Their control plane does not answer the exporter, or the exporter is not scraped. Whether they "
        "run and what they cost is not known.",
        dashboard="llm-endpoints",
        panel="Polls",
    )


def cost(*, namespace: str, exporter: str) -> str:
    """What the stack's endpoints cost per hour now, as far as prices are known; no element where nothing is seen."""
    own = matchers(selector(namespace, exporter))
    return f"sum(max by ({_ONE}) ({endpoints.COST.name}{{{own},{_OURS}}}))"
