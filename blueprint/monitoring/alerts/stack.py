"""What concerns the whole stack: its bill, its GPUs, and that alerts arrive at all."""

from collections.abc import Iterator, Sequence

from blueprint.accelerators import HOURS_PER_MONTH
from blueprint.metrics import dcgm
from blueprint.metrics.raw import Raw
from blueprint.monitoring import recorded
from blueprint.monitoring.alerts import endpoints
from blueprint.monitoring.exporter import Exporter
from blueprint.monitoring.rule import Alert


def alerts(
    *,
    namespace: str,
    models: Sequence[str],
    on_gpus: Sequence[str],
    monthly_usd: float | None,
    exporter: Exporter | None,
) -> Iterator[Alert]:
    """Alerts of a stack.

    models: on Kubernetes, those whose cost is known. on_gpus: those on GPUs, where the stack sees to it that these are
        scraped. exporter: of its endpoints, if any.
    """
    costs = [_of_models(namespace, models)] if models else []
    if exporter is not None:
        costs.append(endpoints.cost(namespace=namespace, exporter=exporter.name))
        yield from endpoints.alerts(namespace=namespace, exporter=exporter.name, count=len(exporter.models))
    if monthly_usd is not None and costs:
        yield _spend(costs, monthly_usd, endpoints_too=exporter is not None)
    yield from _gpus(namespace)
    if on_gpus:
        yield _missing(namespace, on_gpus)
    yield Alert(
        alert="LLMWatchdog",
        expr="vector(1)",
        wait="0s",
        severity="info",
        summary="Alerts of this stack arrive",
        description="It is always firing. Send it to a service that calls somebody when it stops.",
        dashboard="llm-slo",
        panel="Alerts over time",
    )


def _of_models(namespace: str, models: Sequence[str]) -> str:
    return f'sum({recorded.COST}{{namespace="{namespace}",model=~"{"|".join(models)}"}})'


def _spend(costs: Sequence[str], monthly_usd: float, *, endpoints_too: bool) -> Alert:
    # Of two, one may have no element while nothing of it is there.
    cost = costs[0] if len(costs) == 1 else f"({' + '.join(f'({one} or vector(0))' for one in costs)})"
    billed = " Inference Endpoints by their billed replicas and the API's prices." if endpoints_too else ""
    return Alert(
        alert="LLMSpendAboveBudget",
        expr=f"{cost} * {HOURS_PER_MONTH} > {monthly_usd!r}",
        wait="1h",
        severity="warning",
        summary="A month like this hour costs {{ $value | printf `%.0f` }} USD, and "
        f"{monthly_usd:,.0f} are budgeted",
        description="By the GPUs that the models' pods hold, the prices in cluster.accelerators, and 730 hours."
        + billed,
        dashboard="llm-cost",
        panel="Month and budget",
    )


def _missing(namespace: str, models: Sequence[str]) -> Alert:
    # Replicas that are up hold GPUs, whether anybody counts these or not.
    up = f'sum({recorded.TARGETS_UP}{{namespace="{namespace}",model=~"{"|".join(models)}"}})'
    return Alert(
        alert="GpuMetricsMissing",
        expr=f'{up} > 0 unless count({dcgm.FB_USED.name}{{namespace="{namespace}"}}) > 0',
        wait="15m",
        severity="warning",
        summary=f"{{{{ $value }}}} replicas on GPUs in {namespace} are up, and no metrics of their GPUs come",
        description="Faults of the cards, their memory and their use are not seen meanwhile.",
        dashboard="llm-gpu",
        panel="Memory by model",
    )


def _gpus(namespace: str) -> Iterator[Alert]:
    """Of the GPUs that the namespace's pods hold."""

    def held(metric: Raw) -> str:
        return f'{metric.name}{{namespace="{namespace}"}}'

    card = "namespace, pod, gpu, UUID"
    # The value is the last error's number and stays: what counts is that it changed, whichever pod held the card then.
    before = f"max by (gpu, UUID) ({held(dcgm.XID)}) == max by (gpu, UUID) ({dcgm.XID.name} offset 15m)"
    yield Alert(
        alert="GpuXidError",
        expr=f"max by ({card}) ({held(dcgm.XID)}) > 0 unless on (gpu, UUID) ({before})",
        wait="0s",
        severity="warning",
        summary="GPU {{ $labels.gpu }} of {{ $labels.pod }} reports Xid {{ $value }}",
        description="Card {{ $labels.UUID }}, within the last 15 minutes. The page says which numbers are the "
        "card's fault.",
        dashboard="llm-gpu",
        panel="Last XID",
    )
    yield Alert(
        alert="GpuEccDoubleBit",
        expr=f"max by ({card}) (increase({held(dcgm.ECC_DBE)}[1h])) > 0"
        f" or max by ({card}) (increase({held(dcgm.UNCORRECTABLE_REMAPPED_ROWS)}[1h])) > 0",
        wait="0s",
        severity="critical",
        summary="GPU {{ $labels.gpu }} of {{ $labels.pod }} has memory errors that it could not correct",
        description="Card {{ $labels.UUID }}, within the last hour. Answers of this replica may be wrong.",
        dashboard="llm-gpu",
        panel="Memory errors",
    )
    yield Alert(
        alert="GpuRowRemapFailure",
        expr=f"max by ({card}) ({held(dcgm.ROW_REMAP_FAILURE)}) > 0",
        wait="0s",
        severity="critical",
        summary="GPU {{ $labels.gpu }} of {{ $labels.pod }} has no spare memory rows left",
        description="Card {{ $labels.UUID }} could not replace a bad row. It has to be exchanged.",
        dashboard="llm-gpu",
        panel="Memory errors",
    )
